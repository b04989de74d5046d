"""What an operator sees of the inbox, and does with what was parked; the same for both faces."""

from typing import Any

from daemon.core.clients import timestamp
from daemon.core.errors import Conflict, NotFound
from daemon.core.store import audit, conversations, inbox, outbox
from daemon.core.store.engine import Connection
from daemon.core.store.inbox import InboxDetail, InboxEntry


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
        }
        for sent in outbox.sent_for(conn, detail.entry.client_id, detail.turn_id)
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


def retry(conn: Connection, inbox_id: int, *, now: float, actor: str) -> None:
    """Take a parked message up again where it stood: its answer is sent, or made, anew.

    Raises:
        NotFound: when there is no such message.
        Conflict: when it is not parked.

    """
    detail = _get(conn, inbox_id, now=now)
    if detail.entry.state != "parked":
        raise Conflict(f"Message {inbox_id} is {detail.entry.state}, and only a parked one waits.")
    _retry(conn, detail, now=now)
    _note(conn, detail, "inbox.retry", now=now, actor=actor)


def retry_all(conn: Connection, *, error: str | None, now: float, actor: str) -> int:
    """Take up all that is parked, or all with this error; return how many messages."""
    parked = inbox.list_entries(conn, now=now, state="parked")
    chosen = [entry for entry in parked if error is None or entry.error == error]
    for entry in chosen:
        detail = _get(conn, entry.id, now=now)
        # The first message of an answer takes the others along.
        if detail.entry.state == "parked":
            _retry(conn, detail, now=now)
        _note(conn, detail, "inbox.retry", now=now, actor=actor)
    return len(chosen)


def drop(conn: Connection, inbox_id: int, *, now: float, actor: str) -> None:
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
        inbox.mark_one(conn, client_id=client_id, inbox_id=inbox_id, state="ignored")
    else:
        outbox.drop_turn(conn, client_id=client_id, turn_id=detail.turn_id)
        inbox.mark_turn(
            conn, client_id=client_id, turn_id=detail.turn_id, state="ignored", error="dropped"
        )
    _note(conn, detail, "inbox.drop", now=now, actor=actor)


def _retry(conn: Connection, detail: InboxDetail, *, now: float) -> None:
    client_id = detail.entry.client_id
    if detail.turn_id is None:
        inbox.mark_one(conn, client_id=client_id, inbox_id=detail.entry.id, state="pending")
        conversations.lift_pause(
            conn, client_id=client_id, conversation_id=detail.conversation_id, now=now
        )
        return
    outbox.requeue_turn(conn, client_id=client_id, turn_id=detail.turn_id, now=now)
    inbox.mark_turn(
        conn, client_id=client_id, turn_id=detail.turn_id, state="answered", error=None, attempts=0
    )


def _get(conn: Connection, inbox_id: int, *, now: float) -> InboxDetail:
    detail = inbox.find_detail(conn, inbox_id, now=now)
    if detail is None:
        raise NotFound(f"There is no message {inbox_id}. `released inbox list` shows them.")
    return detail


def _note(conn: Connection, detail: InboxDetail, action: str, *, now: float, actor: str) -> None:
    audit.append(
        conn,
        actor=actor,
        action=action,
        client_id=detail.entry.client_id,
        now=now,
        before={"state": detail.entry.state, "error": detail.entry.error},
        after={"inbox_id": detail.entry.id},
    )
