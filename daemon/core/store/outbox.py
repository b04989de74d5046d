"""Answers on their way to Meta, one row for each WhatsApp message.

`queued`: may be sent from `due_at` on. `sending`: the request may have left. `in_doubt`: it may
have been taken; unless a status names it before `due_at`, it is sent again, or parked when that is
the second copy. `sent`: Meta took it. What an operator does with answers is `retrying`'s.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from daemon.core.store.conversations import Conversation
from daemon.core.store.prepared import Prepared
from daemon.core.store.schema import outbox

OPEN = sa.text("outbox.state IN ('queued', 'sending', 'in_doubt')")
"""Literal, as the partial indexes have it."""

IN_DOUBT = "in_doubt"
"""The error of a message of which Meta may have a copy.

It stays, whatever later sends meet, until the message is settled or parked.
"""

LET_GO = frozenset({"person", "stopped", "dropped", "retention"})
"""Errors of parked messages that nobody wants sent any more."""

_STATUS_RANK = {"sent": 1, "failed": 2, "delivered": 3, "read": 4, "played": 4}
"""Of two copies one may fail and the other arrive: then the customer has the message."""

_STATUS_TIME = {
    "delivered": "delivered_at",
    "read": "read_at",
    "played": "read_at",
    "failed": "failed_at",
}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to send. `id` travels in biz_opaque_callback_data; `attempts` counts sends.

    `error` is what its last send met, or that a send of it is in doubt.
    """

    seq: int
    id: str
    client_id: int
    conversation_id: int
    turn_id: int
    text: str | None
    state: str
    attempts: int
    due_at: float
    error: str | None = None

    @property
    def is_doubtful(self) -> bool:
        """Tell whether Meta may have it from an earlier send."""
        return self.error == IN_DOUBT or self.state == "in_doubt"


@dataclass(frozen=True, slots=True)
class Known:
    """An outgoing message that a status names."""

    seq: int
    turn_id: int
    conversation_id: int
    state: str
    status: str | None
    error: str | None

    @property
    def was_let_go(self) -> bool:
        """Tell whether it was not to be sent any more: then nobody is to send it again either.

        It stays so, though a status says that Meta has it, until one says that it has arrived.
        """
        return self.error in LET_GO

    @property
    def has_arrived(self) -> bool:
        """Tell whether a copy of it has arrived, whatever befell another."""
        return is_arrival(self.status)


_COLUMNS = (
    outbox.c.seq,
    outbox.c.id,
    outbox.c.client_id,
    outbox.c.conversation_id,
    outbox.c.turn_id,
    outbox.c.text,
    outbox.c.state,
    outbox.c.attempts,
    outbox.c.due_at,
    outbox.c.error,
)

_INSERT = Prepared(
    sa.insert(outbox).values(state="queued", attempts=0).returning(outbox.c.seq),
    columns=("id", "client_id", "conversation_id", "turn_id", "text", "due_at", "created_at"),
)
_OPEN_OF = Prepared(
    sa.select(*_COLUMNS)
    .where(
        OPEN,
        outbox.c.client_id == sa.bindparam("owner"),
        outbox.c.conversation_id == sa.bindparam("within"),
    )
    .order_by(outbox.c.seq)
)
_SET_OPEN = sa.update(outbox).where(
    OPEN, outbox.c.seq == sa.bindparam("place"), outbox.c.client_id == sa.bindparam("owner")
)
_TAKE = Prepared(
    _SET_OPEN.where(outbox.c.state != "sending", outbox.c.attempts == sa.bindparam("tried")).values(
        state="sending", attempts=outbox.c.attempts + 1
    )
)
_ACCEPT = Prepared(_SET_OPEN.values(state="sent", error=None), columns=("wamid", "sent_at"))
_SET = sa.update(outbox).where(outbox.c.seq == sa.bindparam("place"))
_IS_TURN_OPEN = Prepared(
    sa.select(outbox.c.seq)
    .where(
        outbox.c.turn_id == sa.bindparam("answer"),
        outbox.c.client_id == sa.bindparam("owner"),
        outbox.c.state != "sent",
    )
    .limit(1)
)
_KNOWN = sa.select(*(outbox.c[name] for name in Known.__slots__)).where(
    outbox.c.client_id == sa.bindparam("owner")
)
_KNOWN_BY_ID = Prepared(_KNOWN.where(outbox.c.id == sa.bindparam("key")))
_KNOWN_BY_WAMID = Prepared(_KNOWN.where(outbox.c.wamid == sa.bindparam("key")))


def is_arrival(status: str | None) -> bool:
    """Tell whether a status says that the customer has it."""
    return _STATUS_RANK.get(status or "", 0) > _STATUS_RANK["failed"]


def make_id() -> str:
    """Name an outgoing message as nobody can guess."""
    return f"out_{secrets.token_urlsafe(16)}"


def insert_parts(
    conn: sa.Connection, held: Conversation, *, turn_id: int, parts: Sequence[str], now: float
) -> tuple[Outgoing, ...]:
    """Queue the messages of one answer, in order."""
    queued = []
    for part in parts:
        keys: dict[str, Any] = {
            "id": make_id(),
            "client_id": held.client_id,
            "conversation_id": held.id,
            "turn_id": turn_id,
            "text": part,
            "due_at": now,
        }
        ((seq,),) = _INSERT.rows(conn, **keys, created_at=now)
        queued.append(Outgoing(seq=seq, state="queued", attempts=0, **keys))
    return tuple(queued)


def open_of(conn: sa.Connection, held: Conversation) -> tuple[Outgoing, ...]:
    """Read what a conversation still has to send, in order."""
    rows = _OPEN_OF.rows(conn, owner=held.client_id, within=held.id)
    return tuple(Outgoing(*row) for row in rows)


def set_open(conn: sa.Connection, row: Outgoing, **values: object) -> bool:
    """Change a message that is not settled yet; False when a status has settled it meanwhile."""
    result = conn.execute(_SET_OPEN, {"place": row.seq, "owner": row.client_id, **values})
    return result.rowcount > 0


def take(conn: sa.Connection, row: Outgoing) -> bool:
    """Count a send and mark it under way; False when a status or another turn came first."""
    return _TAKE.run(conn, place=row.seq, owner=row.client_id, tried=row.attempts) > 0


def accept(conn: sa.Connection, row: Outgoing, *, wamid: str | None, now: float) -> None:
    """Note that Meta took a message, unless a status has said so before."""
    _ACCEPT.run(conn, place=row.seq, owner=row.client_id, wamid=wamid, sent_at=now)


def is_open(conn: sa.Connection, row: Outgoing) -> bool:
    """Tell whether a message is still to be sent."""
    query = sa.select(outbox.c.seq).where(
        OPEN, outbox.c.seq == row.seq, outbox.c.client_id == row.client_id
    )
    return conn.execute(query).first() is not None


def park_rest(conn: sa.Connection, row: Outgoing, error: str) -> None:
    """Put a message and those that follow it in the same answer aside."""
    conn.execute(
        sa.update(outbox)
        .where(OPEN, outbox.c.turn_id == row.turn_id, outbox.c.client_id == row.client_id)
        .values(state="parked", error=error)
    )


def is_turn_open(conn: sa.Connection, *, client_id: int, turn_id: int) -> bool:
    """Tell whether Meta still lacks any message of an answer, parked ones too."""
    return _IS_TURN_OPEN.first(conn, answer=turn_id, owner=client_id) is not None


def doubt_all_sending(conn: sa.Connection, *, until: float) -> int:
    """Put what a dead daemon was sending in doubt; only for a daemon that is alone and starting."""
    result = conn.execute(
        sa.update(outbox)
        .where(OPEN, outbox.c.state == "sending")
        .values(state="in_doubt", due_at=until, error=IN_DOUBT)
    )
    # What was in doubt before waits anew: no status could reach a daemon that was down.
    conn.execute(
        sa.update(outbox)
        .where(OPEN, outbox.c.state == "in_doubt", outbox.c.due_at < until)
        .values(due_at=until)
    )
    return result.rowcount


def rewind(conn: sa.Connection, *, by_s: float) -> None:
    """Bring what waits for its time back with a clock that was set back."""
    conn.execute(sa.update(outbox).where(OPEN).values(due_at=outbox.c.due_at - by_s))


def prolong_doubt(conn: sa.Connection, *, by_s: float, until: float) -> None:
    """Let what is in doubt wait so much longer for a status, but not beyond `until`."""
    conn.execute(
        sa.update(outbox)
        .where(OPEN, outbox.c.state == "in_doubt", outbox.c.due_at < until)
        .values(due_at=sa.func.min(outbox.c.due_at + by_s, until))
    )


def find_known(
    conn: sa.Connection, *, client_id: int, outbox_id: str | None, wamid: str
) -> Known | None:
    """Find the message that a status names, by our id where it carries one, else by its wamid."""
    query, key = (_KNOWN_BY_WAMID, wamid) if outbox_id is None else (_KNOWN_BY_ID, outbox_id)
    row = query.first(conn, owner=client_id, key=key)
    return None if row is None else Known(*row)


def record_status(
    conn: sa.Connection, known: Known, *, status: str, at: float, error: str | None, wamid: str
) -> bool:
    """Fold a status in, whatever order they come in; a status also proves that Meta has it.

    Returns whether the message counted as not yet sent until now.
    """
    values: dict[str, object] = {"wamid": wamid}
    is_late = known.has_arrived and status == "failed"
    is_further = _STATUS_RANK.get(status, 0) > _STATUS_RANK.get(known.status or "", 0)
    if is_further:
        values["status"] = status
    if status in _STATUS_TIME and not is_late:
        values[_STATUS_TIME[status]] = at
    unsettled = known.state != "sent"
    if unsettled:
        values |= {"state": "sent", "sent_at": at}
    if known.was_let_go:
        # Else it would look like any other that failed, and be sent again with those.
        values |= {"error": None} if is_arrival(status) else {}
    elif error is not None and not is_late:
        values["error"] = error
    elif unsettled or (is_further and known.status == "failed"):
        values["error"] = None
    conn.execute(_SET, {"place": known.seq, **values})
    return unsettled
