"""What an operator sees of the inbox, and does with what needs it; the same for both faces.

Taken up again is what is parked, and what is done by an answer that Meta took and then failed to
deliver. Of the latter only one that is named, or the last day's with the error that is named: a
later answer Meta takes no more.
"""

from collections.abc import Sequence
from typing import Any

from daemon.core.answering import SERVICE_WINDOW_S, is_window_closed
from daemon.core.documents import timestamp
from daemon.core.errors import Conflict, NotFound
from daemon.core.store import audit, inbox, pausing, retrying
from daemon.core.store.audit import Actor
from daemon.core.store.engine import Connection
from daemon.core.store.inbox_entries import (
    InboxDetail,
    InboxEntry,
    InboxState,
    find_detail,
    find_owner,
    list_entries,
)
from daemon.core.tenancy import get_visible_client

WAITING = frozenset({"queued", "sending", "in_doubt"})
"""What an answer's message is while its next attempt has a time."""

RETRY_CHUNK = 50
"""Messages taken up in one transaction: some 10 ms of the writer's time."""


def list_documents(
    conn: Connection,
    *,
    now: float,
    state: InboxState | None = None,
    client: str | None = None,
    only: int | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """Describe messages oldest first; with `limit` the newest so many.

    `client` is a REF: its messages. `only` is the id of the one client that may be seen. `before`
    is an id: older messages than that.

    Raises:
        NotFound: when no client that may be seen has this REF.
        Conflict: when it fits several.

    """
    owner = only if client is None else get_visible_client(conn, client, only=only).id
    entries = list_entries(conn, now=now, state=state, client_id=owner, before=before, limit=limit)
    return [entry_document(entry) for entry in entries]


def check_owner(conn: Connection, inbox_id: int, *, client_id: int) -> None:
    """Make sure that a message is this client's.

    Raises:
        NotFound: when it is another's, or there is no such message.

    """
    if find_owner(conn, inbox_id) != client_id:
        raise _missing(inbox_id)


def show_entry(conn: Connection, inbox_id: int, *, now: float) -> dict[str, Any]:
    """Describe one message with its text and what became of its answer.

    Raises:
        NotFound: when there is no such message.

    """
    detail = _get(conn, inbox_id, now=now)
    answer = [
        {
            "outbox_id": sent.id,
            "state": sent.state,
            "attempts": sent.attempts,
            "error": sent.error,
            "wamid": sent.wamid,
            "status": sent.status,
            "text": sent.text,
            "due_at": timestamp(sent.due_at) if sent.state in WAITING else None,
        }
        for sent in retrying.sent_for(conn, detail.entry.client_id, detail.turn_id)
    ]
    return entry_document(detail.entry) | {"text": detail.text, "answer": answer}


def entry_document(entry: InboxEntry) -> dict[str, Any]:
    """Describe one message as both faces list it, without its text."""
    return {
        "id": entry.id,
        "wamid": entry.wamid,
        "client_id": entry.client_id,
        "customer": entry.customer,
        "type": entry.type,
        "state": entry.state,
        "attempts": entry.attempts,
        "error": entry.error,
        "received_at": timestamp(entry.received_at),
    }


def retry(conn: Connection, inbox_id: int, *, now: float, actor: Actor) -> None:
    """Take a message up again where it stood: its answer is sent, or made, anew.

    Raises:
        NotFound: when there is no such message.
        Conflict: when it is not parked, nor done by an answer that can be sent once more.

    """
    detail = _get(conn, inbox_id, now=now)
    if detail.entry.state != "parked":
        _refuse_delivered(conn, detail, now=now)
    turn_ids = set() if detail.turn_id is None else {detail.turn_id}
    retrying.requeue_turns(conn, turn_ids, now=now)
    retrying.reopen(conn, turn_ids=turn_ids, inbox_ids=[] if turn_ids else [inbox_id])
    pausing.lift_loops(conn, {detail.conversation_id}, now=now)
    _note(conn, detail, "inbox.retry", now=now, actor=actor)


def find_retryable(
    conn: Connection, *, error: str | None, now: float
) -> tuple[tuple[int, ...], ...]:
    """Find what is parked; with `error` only that, and what failed so. Oldest first, in chunks.

    Looking through a busy day takes a tenth of a second, which is a reader's to spend. Each chunk
    is for one `retry_some`, a transaction so short that no webhook waits for thousands of them.
    """
    found = retrying.find_parked(conn, error=error)
    if error is not None:
        since = now - SERVICE_WINDOW_S
        found = sorted(found + retrying.find_undelivered(conn, error=error, since=since))
    starts = range(0, len(found), RETRY_CHUNK)
    return tuple(tuple(found[start : start + RETRY_CHUNK]) for start in starts)


def retry_some(
    conn: Connection, ids: Sequence[int], *, error: str | None, now: float, actor: Actor
) -> int:
    """Take up those of a chunk that still are as they were found; count all that go with them."""
    chosen = retrying.look_again(conn, ids, error=error, since=now - SERVICE_WINDOW_S)
    if not chosen:
        return 0
    turn_ids = {row.turn_id for row in chosen if row.turn_id is not None}
    unanswered = [row for row in chosen if row.turn_id is None]
    retrying.requeue_turns(conn, turn_ids, now=now)
    count = retrying.reopen(conn, turn_ids=turn_ids, inbox_ids=[row.id for row in unanswered])
    pausing.lift_loops(conn, {row.conversation_id for row in unanswered}, now=now)
    audit.append(
        conn, actor=actor, action="inbox.retry", now=now, after={"error": error, "count": count}
    )
    return count


def drop(conn: Connection, inbox_id: int, *, now: float, actor: Actor) -> None:
    """Let a message that waits or is parked go unanswered for good.

    Raises:
        NotFound: when there is no such message.
        Conflict: when it is in hand, on its way, or done.

    """
    detail = _get(conn, inbox_id, now=now)
    if detail.entry.state not in ("parked", "pending"):
        raise Conflict(f"Message {inbox_id} is {detail.entry.state}: too late to drop it.")
    client_id = detail.entry.client_id
    if detail.turn_id is None:
        retrying.drop_one(conn, client_id=client_id, inbox_id=inbox_id)
    else:
        retrying.drop_turn(conn, client_id=client_id, turn_id=detail.turn_id)
        inbox.mark_turn(
            conn, client_id=client_id, turn_id=detail.turn_id, state="ignored", error="dropped"
        )
    _note(conn, detail, "inbox.drop", now=now, actor=actor)


def _refuse_delivered(conn: Connection, detail: InboxDetail, *, now: float) -> None:
    """Let only those through whose answer Meta failed to deliver, and would take once more."""
    entry = detail.entry
    is_failed = entry.state == "done" and detail.turn_id is not None
    if not is_failed or not retrying.is_undelivered(
        conn, client_id=entry.client_id, turn_id=detail.turn_id or 0
    ):
        raise Conflict(
            f"Message {entry.id} is {entry.state}: only one that is parked, or whose answer Meta"
            " could not deliver, can be taken up again."
        )
    wrote_at = inbox.newest_sent_at(conn, entry.client_id, detail.conversation_id)
    if is_window_closed(wrote_at, now=now):
        raise Conflict(
            f"Message {entry.id}: this customer last wrote over 24 hours ago, and Meta takes no"
            " answer any more. They must write again, or be called."
        )


def _get(conn: Connection, inbox_id: int, *, now: float) -> InboxDetail:
    detail = find_detail(conn, inbox_id, now=now)
    if detail is None:
        raise _missing(inbox_id)
    return detail


def _missing(inbox_id: int) -> NotFound:
    return NotFound(f"There is no message {inbox_id}. `released inbox list` shows them.")


def _note(conn: Connection, detail: InboxDetail, action: str, *, now: float, actor: Actor) -> None:
    audit.append(
        conn,
        actor=actor,
        action=action,
        client_id=detail.entry.client_id,
        now=now,
        before={"state": detail.entry.state, "error": detail.entry.error},
        after={"inbox_id": detail.entry.id},
    )
