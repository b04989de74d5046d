"""What customers wrote, and how far each message has come.

A row is `pending` until an answer to it is written, `answered` until Meta has accepted that answer,
then `done`; `parked` waits for an operator; `ignored` needed no answer.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from daemon.core.store.conversations import Conversation
from daemon.core.store.schema import clients, inbox

CLAIM_LIMIT = 50
"""Messages one turn answers together; a flood of more is answered in several turns."""

PENDING = sa.text("inbox.state = 'pending'")
"""Literal, as the partial indexes have it."""

_WAITING = (
    PENDING,
    inbox.c.client_id == sa.bindparam("owner"),
    inbox.c.conversation_id == sa.bindparam("within"),
)
_THESE = inbox.c.id.in_(sa.bindparam("ids", expanding=True))

_PENDING_OF = (
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
"""What each turn runs stands here, built once: building a statement costs more than running it."""

_HAS_PENDING = sa.select(inbox.c.id).where(*_WAITING).limit(1)
_LATEST = (
    sa.select(inbox.c.sent_at)
    .where(
        inbox.c.client_id == sa.bindparam("owner"),
        inbox.c.conversation_id == sa.bindparam("within"),
    )
    .order_by(inbox.c.id.desc())
    .limit(CLAIM_LIMIT)
    .subquery()
)
_NEWEST_SENT_AT = sa.select(sa.func.max(_LATEST.c.sent_at))
_COUNT_ATTEMPT = (
    sa.update(inbox)
    .where(PENDING, _THESE)
    .values(attempts=inbox.c.attempts + sa.bindparam("by", type_=sa.Integer))
)
# Not OR IGNORE: that would swallow other broken rules too.
_KEEP = insert(inbox).values(attempts=0).on_conflict_do_nothing(index_elements=["wamid"])
_SET_THESE = sa.update(inbox).where(_THESE)
_SET_TURN = sa.update(inbox).where(
    inbox.c.turn_id == sa.bindparam("answered_by"), inbox.c.client_id == sa.bindparam("owner")
)


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message about to be kept. Times are seconds since the epoch."""

    wamid: str
    client_id: int
    conversation_id: int
    type: str
    text: str | None
    sent_at: float
    received_at: float
    state: Literal["pending", "ignored"]


_NEW = tuple(field.name for field in fields(NewMessage))


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
    """Keep messages, dropping those whose wamid is known; return how many were new."""
    if not messages:
        return 0
    # `asdict` would copy each value deeply: half of what a row costs.
    rows = [{name: getattr(message, name) for name in _NEW} for message in messages]
    result = conn.execute(_KEEP, rows)
    return result.rowcount


def pending_of(conn: sa.Connection, held: Conversation) -> tuple[Message, ...]:
    """Read what waits in a conversation, oldest first, at most CLAIM_LIMIT."""
    rows = conn.execute(_PENDING_OF, {"owner": held.client_id, "within": held.id}).mappings()
    return tuple(Message(**row) for row in rows)


def has_pending(conn: sa.Connection, held: Conversation) -> bool:
    """Tell whether more waits in a conversation."""
    keys = {"owner": held.client_id, "within": held.id}
    return conn.execute(_HAS_PENDING, keys).first() is not None


def newest_sent_at(conn: sa.Connection, client_id: int, conversation_id: int) -> float:
    """Tell when the customer last wrote, by Meta's clock; 0.0 when nothing is kept."""
    # Not the last row's time: Meta delivers late what it could not deliver at once.
    keys = {"owner": client_id, "within": conversation_id}
    return float(conn.execute(_NEWEST_SENT_AT, keys).scalar_one_or_none() or 0.0)


def count_attempt(conn: sa.Connection, messages: Sequence[Message], *, by: int = 1) -> None:
    """Count a turn that takes these messages, or with -1 one that gives them back unharmed."""
    conn.execute(_COUNT_ATTEMPT, {"ids": [message.id for message in messages], "by": by})


def mark_answered(conn: sa.Connection, messages: Sequence[Message], turn_id: int) -> None:
    """Tie messages to the turn that answers them; the tries of sending count from nought."""
    values = {"state": "answered", "turn_id": turn_id, "attempts": 0, "error": None}
    conn.execute(_SET_THESE, {"ids": [message.id for message in messages], **values})


def mark_turn(
    conn: sa.Connection, *, client_id: int, turn_id: int, **values: str | int | None
) -> None:
    """Set columns of all the messages that one turn answered."""
    conn.execute(_SET_TURN, {"answered_by": turn_id, "owner": client_id, **values})


def park(conn: sa.Connection, messages: Sequence[Message], error: str) -> None:
    """Put messages aside for an operator, with the reason."""
    values = {"state": "parked", "error": error}
    conn.execute(_SET_THESE, {"ids": [message.id for message in messages], **values})


def newest_received_at(conn: sa.Connection) -> float:
    """Tell when the newest message came in, 0.0 when there is none."""
    query = sa.select(inbox.c.received_at).order_by(inbox.c.id.desc()).limit(1)
    return float(conn.execute(query).scalar_one_or_none() or 0.0)


def pending_after(
    conn: sa.Connection, inbox_id: int, *, limit: int
) -> tuple[tuple[int, int, int, float], ...]:
    """Page through the backlog after an id: id, client_id, conversation_id, received_at.

    What waits for a stopped client is left out: it would hide what others have waiting.
    """
    rows = conn.execute(
        sa.select(inbox.c.id, inbox.c.client_id, inbox.c.conversation_id, inbox.c.received_at)
        .join(clients, clients.c.id == inbox.c.client_id)
        .where(PENDING, inbox.c.id > inbox_id, clients.c.stopped_code.is_(None))
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


def drop_one(conn: sa.Connection, *, client_id: int, inbox_id: int) -> None:
    """Let one message go unanswered."""
    conn.execute(
        sa.update(inbox)
        .where(inbox.c.id == inbox_id, inbox.c.client_id == client_id)
        .values(state="ignored", error="dropped")
    )


def parked_after(
    conn: sa.Connection, inbox_id: int, *, error: str | None, limit: int
) -> Sequence[sa.Row[int, int | None, int]]:
    """Page through what is parked, of all clients: id, turn_id, conversation_id."""
    query = sa.select(inbox.c.id, inbox.c.turn_id, inbox.c.conversation_id).where(
        sa.text("inbox.state = 'parked'"), inbox.c.id > inbox_id
    )
    if error is not None:
        query = query.where(inbox.c.error == error)
    return conn.execute(query.order_by(inbox.c.id).limit(limit)).all()


def reopen(conn: sa.Connection, *, turn_ids: Collection[int], inbox_ids: Collection[int]) -> int:
    """Take messages up again, by answer from its sending, others from the start; count them."""
    untried = {"attempts": 0, "error": None}
    answered = conn.execute(
        sa.update(inbox).where(inbox.c.turn_id.in_(turn_ids)).values(state="answered", **untried)
    )
    pending = conn.execute(
        sa.update(inbox).where(inbox.c.id.in_(inbox_ids)).values(state="pending", **untried)
    )
    return answered.rowcount + pending.rowcount
