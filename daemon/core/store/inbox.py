"""What customers wrote, and how far each message has come.

A row is `pending` until an answer to it is written, `answered` until Meta has accepted that answer,
then `done`; `parked` waits for an operator; `ignored` needed no answer. What an operator does with
messages is `retrying`'s.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from daemon.core.errors import Retryable
from daemon.core.store.conversations import Conversation, LeaseLost
from daemon.core.store.prepared import Prepared, PreparedRows
from daemon.core.store.schema import clients, inbox, outbox


class ConversationGone(Retryable):
    """A conversation was erased since it was last looked up; look it up again."""


CLAIM_LIMIT = 50
"""Messages one turn answers together; a flood of more is answered in several turns."""

PENDING = sa.text("inbox.state = 'pending'")
"""Literal, as the partial indexes have it."""

_THERE = (
    inbox.c.client_id == sa.bindparam("owner"),
    inbox.c.conversation_id == sa.bindparam("within"),
)
_WAITING = (PENDING, *_THERE)
_PENDING_OF = Prepared(
    sa.select(
        inbox.c.id,
        inbox.c.wamid,
        inbox.c.type,
        inbox.c.text,
        inbox.c.sent_at,
        inbox.c.received_at,
        inbox.c.attempts,
    )
    .where(*_WAITING)
    .order_by(inbox.c.id)
    .limit(CLAIM_LIMIT)
)
_HAS_PENDING = Prepared(sa.select(inbox.c.id).where(*_WAITING).limit(1))
_LATEST = (
    sa.select(inbox.c.sent_at)
    .where(*_THERE)
    .order_by(inbox.c.id.desc())
    .limit(CLAIM_LIMIT)
    .subquery()
)


class NewMessage(NamedTuple):
    """A message about to be kept: the row as it is given to the table. Times are epoch seconds."""

    wamid: str
    client_id: int
    conversation_id: int
    type: str
    text: str | None
    sent_at: float
    received_at: float
    state: Literal["pending", "ignored"]


_FIRST_OF_TURN = Prepared(
    sa.select(sa.func.min(inbox.c.received_at)).where(
        sa.text("inbox.turn_id IS NOT NULL"),
        inbox.c.turn_id == sa.bindparam("answered_by"),
        inbox.c.client_id == sa.bindparam("owner"),
    )
)
_THIS = inbox.c.id == sa.bindparam("this")
_OF_TURN = sa.update(inbox).where(
    inbox.c.turn_id == sa.bindparam("answered_by"), inbox.c.client_id == sa.bindparam("owner")
)

_NEWEST_SENT_AT = Prepared(sa.select(sa.func.max(_LATEST.c.sent_at)))
_COUNT_ATTEMPT = Prepared(
    sa.update(inbox)
    .where(PENDING, _THIS)
    .values(attempts=inbox.c.attempts + sa.bindparam("by", type_=sa.Integer))
)
# Not OR IGNORE: that would swallow other broken rules too.
_KEEP = PreparedRows(
    insert(inbox)
    .values(attempts=sa.literal_column("0"))
    .on_conflict_do_nothing(index_elements=["wamid"]),
    columns=NewMessage._fields,
)
_MARK_ANSWERED = Prepared(
    sa.update(inbox).where(PENDING, _THIS).values(state="answered", attempts=0, error=None),
    columns=("turn_id",),
)
_PARK = Prepared(sa.update(inbox).where(PENDING, _THIS).values(state="parked"), columns=("error",))
_IGNORE = Prepared(
    sa.update(inbox).where(PENDING, _THIS).values(state="ignored"), columns=("error",)
)
NOT_DELIVERED = "failed"
"""The error of a message whose answer Meta took and could not deliver, when Meta gives no code."""

_FAILURE = (
    sa.select(sa.func.coalesce(outbox.c.error, NOT_DELIVERED))
    .where(
        outbox.c.turn_id == sa.bindparam("answered_by"),
        outbox.c.client_id == sa.bindparam("owner"),
        outbox.c.status == "failed",
    )
    .limit(1)
    .scalar_subquery()
)
_CLOSE_TURN = Prepared(_OF_TURN.values(state="done", error=_FAILURE))
_COUNT_SEND = Prepared(_OF_TURN, columns=("attempts",))


@dataclass(frozen=True, slots=True)
class Message:
    """A message that waits for its answer. `attempts` counts the turns that took it before."""

    id: int
    wamid: str
    type: str
    text: str | None
    sent_at: float
    received_at: float
    attempts: int


@dataclass(frozen=True, slots=True)
class Depth:
    """How much waits: not yet done, the age of the oldest of it in seconds, and what is parked."""

    pending: int
    oldest_s: float
    parked: int


def insert_messages(conn: sa.Connection, messages: Sequence[NewMessage]) -> int:
    """Keep messages, dropping those whose wamid is known; return how many were new.

    Raises:
        ConversationGone: when one of theirs was erased; nothing of the transaction may be kept.

    """
    if not messages:
        return 0
    try:
        return _KEEP.insert(conn, messages)
    except sqlite3.IntegrityError as broken:
        if broken.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
            raise
        raise ConversationGone from broken


def pending_of(conn: sa.Connection, held: Conversation) -> tuple[Message, ...]:
    """Read what waits in a conversation, oldest first, at most CLAIM_LIMIT."""
    rows = _PENDING_OF.rows(conn, owner=held.client_id, within=held.id)
    return tuple(Message(*row) for row in rows)


def has_pending(conn: sa.Connection, held: Conversation) -> bool:
    """Tell whether more waits in a conversation."""
    return _HAS_PENDING.first(conn, owner=held.client_id, within=held.id) is not None


def first_received_at(conn: sa.Connection, *, client_id: int, turn_id: int) -> float | None:
    """Tell when the first message that a turn answered came in; None when none is kept."""
    row = _FIRST_OF_TURN.first(conn, answered_by=turn_id, owner=client_id)
    return None if row is None else row[0]


def newest_sent_at(conn: sa.Connection, client_id: int, conversation_id: int) -> float:
    """Tell when the customer last wrote, by Meta's clock; 0.0 when nothing is kept."""
    # Not the last row's time: Meta delivers late what it could not deliver at once.
    ((newest,),) = _NEWEST_SENT_AT.rows(conn, owner=client_id, within=conversation_id)
    return float(newest or 0.0)


def count_attempt(conn: sa.Connection, messages: Sequence[Message], *, by: int = 1) -> None:
    """Count a turn that takes these messages, or with -1 one that gives them back unharmed."""
    _COUNT_ATTEMPT.run_each(conn, [{"this": message.id, "by": by} for message in messages])


def mark_answered(conn: sa.Connection, messages: Sequence[Message], turn_id: int) -> None:
    """Tie messages to the turn that answers them; the tries of sending count from nought.

    Raises:
        LeaseLost: when one of them waits no longer; nothing of the transaction may be kept.

    """
    rows: list[dict[str, object]] = [{"this": one.id, "turn_id": turn_id} for one in messages]
    if _MARK_ANSWERED.run_each(conn, rows) < len(rows):
        raise LeaseLost


def mark_turn(
    conn: sa.Connection, *, client_id: int, turn_id: int, **values: str | int | None
) -> None:
    """Set columns of all the messages that one turn answered."""
    conn.execute(_OF_TURN, {"answered_by": turn_id, "owner": client_id, **values})


def show_failure(conn: sa.Connection, *, client_id: int, turn_id: int, error: str) -> None:
    """Show why an answer did not arrive, but on messages that were let go: they say why already."""
    kept = _OF_TURN.where(inbox.c.state != "ignored")
    conn.execute(kept, {"answered_by": turn_id, "owner": client_id, "error": error})


def close_turn(conn: sa.Connection, *, client_id: int, turn_id: int) -> None:
    """Call all the messages that one turn answered done; with Meta's code if a part failed."""
    _CLOSE_TURN.run(conn, answered_by=turn_id, owner=client_id)


def count_send(conn: sa.Connection, *, client_id: int, turn_id: int, attempts: int) -> None:
    """Show how often the answer to messages was tried to be sent."""
    _COUNT_SEND.run(conn, answered_by=turn_id, owner=client_id, attempts=attempts)


def park(conn: sa.Connection, messages: Sequence[Message], error: str) -> None:
    """Put messages aside for an operator, with the reason.

    Raises:
        LeaseLost: as `mark_answered`.

    """
    _settle_each(conn, _PARK, messages, error)


def ignore(conn: sa.Connection, messages: Sequence[Message], error: str) -> None:
    """Let messages go unanswered, with the reason.

    Raises:
        LeaseLost: as `mark_answered`.

    """
    _settle_each(conn, _IGNORE, messages, error)


def newest_received_at(conn: sa.Connection) -> float:
    """Tell when the newest message came in, 0.0 when there is none."""
    query = sa.select(inbox.c.received_at).order_by(inbox.c.id.desc()).limit(1)
    return float(conn.execute(query).scalar_one_or_none() or 0.0)


def pending_after(
    conn: sa.Connection, inbox_id: int, *, limit: int
) -> tuple[tuple[int, int, int, float], ...]:
    """Page through the backlog after an id: id, client_id, conversation_id, received_at.

    What waits for a stopped client is left out, unless it is inactive and its messages are to be
    parked: it would hide what others have waiting.
    """
    rows = conn.execute(
        sa.select(inbox.c.id, inbox.c.client_id, inbox.c.conversation_id, inbox.c.received_at)
        .join(clients, clients.c.id == inbox.c.client_id)
        .where(
            PENDING,
            inbox.c.id > inbox_id,
            sa.or_(clients.c.stopped_code.is_(None), ~clients.c.active),
        )
        .order_by(inbox.c.id)
        .limit(limit)
    )
    return tuple(tuple(row) for row in rows)


def measure_depth(conn: sa.Connection, *, now: float) -> Depth:
    """Count what waits and what is parked, each from its own partial index."""
    waiting = 0
    oldest = now
    for state in ("pending", "answered"):
        count, first = conn.execute(
            sa.select(sa.func.count(), sa.func.min(inbox.c.id)).where(
                sa.text(f"inbox.state = '{state}'")
            )
        ).one()
        waiting += count
        if first is not None:
            received = sa.select(inbox.c.received_at).where(inbox.c.id == first)
            oldest = min(oldest, conn.execute(received).scalar_one())
    parked = conn.execute(
        sa.select(sa.func.count(inbox.c.id)).where(sa.text("inbox.state = 'parked'"))
    ).scalar_one()
    return Depth(pending=waiting, oldest_s=max(0.0, now - oldest), parked=parked)


def _settle_each(
    conn: sa.Connection, change: Prepared, messages: Sequence[Message], error: str
) -> None:
    rows: list[dict[str, object]] = [{"this": one.id, "error": error} for one in messages]
    if change.run_each(conn, rows) < len(rows):
        raise LeaseLost
