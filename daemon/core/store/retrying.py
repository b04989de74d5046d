"""What an operator takes up again or lets go: messages, and the answers to them.

Owns those changes to the rows of inbox and outbox. Whether one is allowed is `core.inboxes`'s to
say.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from daemon.core.store.outbox import OPEN, make_id
from daemon.core.store.prepared import Prepared
from daemon.core.store.schema import inbox, outbox
from daemon.core.store.welcomes import leave_out_second_welcomes


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of an answer as an operator sees it."""

    id: str
    state: str
    attempts: int
    error: str | None
    wamid: str | None
    status: str | None
    text: str | None
    due_at: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message that may be taken up again; without a `turn_id` it has no answer yet."""

    id: int
    turn_id: int | None
    conversation_id: int


_CANDIDATE = sa.select(inbox.c.id, inbox.c.turn_id, inbox.c.conversation_id)
_UNDELIVERED = sa.and_(
    outbox.c.state == "sent", outbox.c.status == "failed", outbox.c.text.is_not(None)
)
"""Meta took it, could not deliver it, and it is still here to be sent once more."""

_UNSENT = {
    "state": "queued",
    "attempts": 0,
    "error": None,
    "wamid": None,
    "status": None,
    "sent_at": None,
    "delivered_at": None,
    "read_at": None,
    "failed_at": None,
}
_SEND_ANEW = Prepared(
    sa.update(outbox).where(outbox.c.seq == sa.bindparam("place")).values(_UNSENT),
    columns=("id", "due_at"),
)


def sent_for(conn: sa.Connection, client_id: int, turn_id: int | None) -> tuple[Sent, ...]:
    """List the messages of an answer in order; none for what has no answer yet."""
    if turn_id is None:
        return ()
    rows = conn.execute(
        sa.select(*(outbox.c[name] for name in Sent.__slots__))
        .where(outbox.c.turn_id == turn_id, outbox.c.client_id == client_id)
        .order_by(outbox.c.seq)
    ).mappings()
    return tuple(Sent(**row) for row in rows)


def is_undelivered(conn: sa.Connection, *, client_id: int, turn_id: int) -> bool:
    """Tell whether Meta took a message of an answer, failed to deliver it, and it is still kept."""
    query = sa.select(outbox.c.seq).where(
        _UNDELIVERED, outbox.c.turn_id == turn_id, outbox.c.client_id == client_id
    )
    return conn.execute(query.limit(1)).first() is not None


def find_parked(conn: sa.Connection, *, error: str | None) -> list[int]:
    """Find what is parked, of all clients, by id."""
    query = _of_parked(sa.select(inbox.c.id), error)
    return list(conn.execute(query.order_by(inbox.c.id)).scalars())


def find_undelivered(conn: sa.Connection, *, error: str, since: float) -> list[int]:
    """Find what is done by an answer that Meta then failed to deliver, of all clients, by id.

    `since`: only what customers wrote from then on; older rows are not even looked at.
    """
    # No index has them: a busy day, 100,000 rows, takes 60 ms.
    newest_old = (
        sa.select(inbox.c.id)
        .where(inbox.c.received_at < since)
        .order_by(inbox.c.id.desc())
        .limit(1)
    )
    beyond = conn.execute(newest_old).scalar_one_or_none() or 0
    query = _of_undelivered(sa.select(inbox.c.id), error, since)
    return list(conn.execute(query.where(inbox.c.id > beyond).order_by(inbox.c.id)).scalars())


def look_again(
    conn: sa.Connection, ids: Collection[int], *, error: str | None, since: float
) -> tuple[Candidate, ...]:
    """Read of some messages those that are still as they were found."""
    among = _CANDIDATE.where(inbox.c.id.in_(ids))
    rows = list(conn.execute(_of_parked(among, error)))
    if error is not None:
        rows += conn.execute(_of_undelivered(among, error, since))
    return tuple(Candidate(*row) for row in rows)


def requeue_turns(conn: sa.Connection, turn_ids: Collection[int], *, now: float) -> None:
    """Queue the parked and the undelivered messages of answers again, untried.

    They are as they were made, but that a customer is welcomed once.
    """
    conn.execute(
        sa.update(outbox)
        .where(outbox.c.turn_id.in_(turn_ids), outbox.c.state == "parked")
        .values(state="queued", attempts=0, due_at=now, error=None)
    )
    undelivered = sa.select(outbox.c.seq).where(outbox.c.turn_id.in_(turn_ids), _UNDELIVERED)
    # Under a new id: Meta delivers the failure of the old copy for days, again and again.
    _SEND_ANEW.run_each(
        conn,
        [
            {"place": seq, "id": make_id(), "due_at": now}
            for seq in conn.execute(undelivered).scalars().all()
        ],
    )
    leave_out_second_welcomes(conn, turn_ids)


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


def drop_one(conn: sa.Connection, *, client_id: int, inbox_id: int) -> None:
    """Let one message go unanswered."""
    conn.execute(
        sa.update(inbox)
        .where(inbox.c.id == inbox_id, inbox.c.client_id == client_id)
        .values(state="ignored", error="dropped")
    )


def drop_turn(conn: sa.Connection, *, client_id: int, turn_id: int) -> None:
    """Send nothing more of an answer; what of it is parked is wanted no more either."""
    is_unsent = sa.or_(OPEN, outbox.c.state == "parked")
    conn.execute(
        sa.update(outbox)
        .where(is_unsent, outbox.c.turn_id == turn_id, outbox.c.client_id == client_id)
        .values(state="parked", error="dropped")
    )


def _of_parked(query: sa.Select[Any], error: str | None) -> sa.Select[Any]:
    query = query.where(sa.text("inbox.state = 'parked'"))
    return query if error is None else query.where(inbox.c.error == error)


def _of_undelivered(query: sa.Select[Any], error: str, since: float) -> sa.Select[Any]:
    return query.where(
        inbox.c.state == "done",
        inbox.c.error == error,
        inbox.c.sent_at >= since,
        sa.exists().where(
            _UNDELIVERED,
            outbox.c.turn_id == inbox.c.turn_id,
            outbox.c.client_id == inbox.c.client_id,
        ),
    )
