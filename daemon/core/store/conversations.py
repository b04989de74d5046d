"""Conversations: one row for each customer of a client, and the lease a turn holds on it.

A customer is known by `user_id` when Meta gives one, else by `wa_id`; when both are seen the two
become one conversation.
"""

from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from daemon.core.errors import ReleasedError
from daemon.core.meta.wire import Customer
from daemon.core.store.prepared import Prepared
from daemon.core.store.schema import conversations, inbox, outbox, turns

PausedBy = Literal["loop", "person", "stopped"]
"""Why nothing is answered: two bots seem to talk, a person is in charge, the customer asked for it.

What waits is parked for an operator in the first case, and ignored in the others.
"""

NO_END = 253_402_300_799.0
"""The last second of the year 9999: until then is set aside what only its customer takes up."""

HOUSE = "house"
"""The engine of a turn whose words are ours: what confirms a customer's own wish to stop.

It is sent in a conversation that is set aside, as nothing else is, and carries no welcome.
"""


class LeaseLost(ReleasedError):
    """Somebody else has taken the conversation over; nothing of this turn was kept."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A customer of one client. `fence` grows with each lease; only its newest holder may write.

    Until `paused_until` it is set aside by `paused_by`; None there: it was given back by hand.
    """

    id: int
    client_id: int
    user_id: str | None
    wa_id: str | None
    welcomed_at: float | None
    paused_until: float | None
    paused_by: PausedBy | None
    fence: int

    @property
    def customer(self) -> Customer:
        """Whom to answer."""
        return Customer(user_id=self.user_id, wa_id=self.wa_id)

    def pause_at(self, now: float) -> PausedBy | None:
        """Tell what sets it aside at a moment."""
        is_over = self.paused_until is None or now >= self.paused_until
        return None if is_over else self.paused_by


_COLUMNS = (
    conversations.c.id,
    conversations.c.client_id,
    conversations.c.user_id,
    conversations.c.wa_id,
    conversations.c.welcomed_at,
    conversations.c.paused_until,
    conversations.c.paused_by,
    conversations.c.fence,
)

_OURS = (
    conversations.c.id == sa.bindparam("held_id"),
    conversations.c.client_id == sa.bindparam("owner"),
)

_LEASE = Prepared(
    sa.update(conversations)
    .where(
        *_OURS,
        sa.or_(
            conversations.c.lease_until.is_(None),
            conversations.c.lease_until <= sa.bindparam("now"),
        ),
    )
    .values(lease_until=sa.bindparam("until"), fence=conversations.c.fence + 1)
    .returning(*_COLUMNS)
)

_HOLD = Prepared(
    sa.update(conversations)
    .where(*_OURS, conversations.c.fence == sa.bindparam("held_fence"))
    .values(lease_until=sa.bindparam("until"))
)
_SET = sa.update(conversations).where(*_OURS)
_WELCOME = Prepared(
    _SET.where(
        conversations.c.welcomed_at.is_(None),
        ~sa.exists().where(turns.c.id == sa.bindparam("told_by"), turns.c.engine == HOUSE),
    ),
    columns=("welcomed_at",),
)
_INSERT = Prepared(
    sa.insert(conversations).values(fence=0).returning(conversations.c.id),
    columns=("client_id", "user_id", "wa_id", "created_at"),
)
_FIND = {
    name: Prepared(
        sa.select(*_COLUMNS).where(
            conversations.c.client_id == sa.bindparam("owner"),
            conversations.c[name] == sa.bindparam("identity"),
        )
    )
    for name in ("user_id", "wa_id")
}
_KNOWING = Prepared(
    sa.select(conversations.c.client_id).where(
        sa.text("user_id IS NOT NULL"), conversations.c.user_id == sa.bindparam("identity")
    )
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A customer's conversation; `former_wa_id` is a number that no longer leads to it."""

    id: int
    former_wa_id: str | None = None


def ensure_conversation(
    conn: sa.Connection, *, client_id: int, customer: Customer, now: float
) -> Opened:
    """Give this customer's conversation, made or joined when need be."""
    by_user = _find(conn, client_id, conversations.c.user_id, customer.user_id)
    by_phone = _find(conn, client_id, conversations.c.wa_id, customer.wa_id)
    if by_user is None and by_phone is None:
        return Opened(_insert(conn, client_id, customer, now))
    if by_user is None and by_phone is not None:
        return Opened(_adopt(conn, by_phone, customer, now))
    assert by_user is not None  # noqa: S101 - the two cases above left only this
    if customer.wa_id is None or customer.wa_id == by_user.wa_id:
        return Opened(by_user.id)
    if by_phone is None:
        _set(conn, by_user, wa_id=customer.wa_id)
    else:
        _take_phone(conn, by_user, by_phone)
    return Opened(by_user.id, former_wa_id=by_user.wa_id)


def clients_knowing(conn: sa.Connection, user_id: str) -> tuple[int, ...]:
    """List the clients that know a customer by this user_id.

    The one look across clients: Meta scopes a user_id to a business portfolio, which several of
    our numbers may share.
    """
    return tuple(client_id for (client_id,) in _KNOWING.rows(conn, identity=user_id))


def rekey(conn: sa.Connection, *, client_id: int, old: Customer, new: Customer, now: float) -> None:
    """Let a customer whose id or number changed keep the conversation they had."""
    known = _find(conn, client_id, conversations.c.user_id, old.user_id)
    if known is None:
        known = _find(conn, client_id, conversations.c.wa_id, old.wa_id)
        if known is None or (old.user_id is not None and known.user_id is not None):
            # Unknown, or the number is somebody else's by now.
            return
    user_id = new.user_id or known.user_id
    target = _find(conn, client_id, conversations.c.user_id, user_id)
    if target is not None and target.id != known.id:
        _merge(conn, into=target, gone=known)
    elif user_id != known.user_id:
        _set(conn, known, user_id=user_id)
    if user_id is not None:
        customer = Customer(user_id=user_id, wa_id=new.wa_id)
        ensure_conversation(conn, client_id=client_id, customer=customer, now=now)
        return
    by_phone = _find(conn, client_id, conversations.c.wa_id, new.wa_id)
    if by_phone is None:
        _set(conn, known, wa_id=new.wa_id)
    elif by_phone.id != known.id:
        _merge(conn, into=by_phone, gone=known)


def lease(
    conn: sa.Connection, *, client_id: int, conversation_id: int, now: float, until: float
) -> Conversation | None:
    """Take a conversation that nobody holds; None when somebody does, or when it is gone."""
    row = _LEASE.first(conn, held_id=conversation_id, owner=client_id, now=now, until=until)
    return None if row is None else Conversation(*row)


def find(conn: sa.Connection, *, client_id: int, conversation_id: int) -> Conversation | None:
    """Find a conversation as it is now, whoever holds it."""
    query = sa.select(*_COLUMNS).where(*_OURS)
    row = conn.execute(query, {"held_id": conversation_id, "owner": client_id}).first()
    return None if row is None else Conversation(*row)


def hold(conn: sa.Connection, held: Conversation, *, until: float | None) -> None:
    """Lengthen the lease, or with None give it back.

    Raises:
        LeaseLost: when somebody else holds the conversation by now.

    """
    keys = {"held_id": held.id, "owner": held.client_id, "held_fence": held.fence}
    if _HOLD.run(conn, **keys, until=until) == 0:
        raise LeaseLost


def note_welcome(
    conn: sa.Connection, *, client_id: int, conversation_id: int, turn_id: int, now: float
) -> None:
    """Remember that this customer has had the welcome message with a turn's answer."""
    keys = {"held_id": conversation_id, "owner": client_id, "told_by": turn_id}
    _WELCOME.run(conn, **keys, welcomed_at=now)


def rewind(conn: sa.Connection, *, by_s: float) -> None:
    """Bring leases and pauses back with a clock that was set back; what has no end has none."""
    for column in (conversations.c.lease_until, conversations.c.paused_until):
        conn.execute(
            sa.update(conversations).where(column < NO_END).values({column.name: column - by_s})
        )


def drop_leases(conn: sa.Connection) -> int:
    """Void every lease; only for a daemon that has just made sure it is the only one."""
    result = conn.execute(
        sa.update(conversations)
        .where(conversations.c.lease_until.is_not(None))
        .values(lease_until=None)
    )
    return result.rowcount


def _find(
    conn: sa.Connection, client_id: int, column: sa.Column[str], value: str | None
) -> Conversation | None:
    if value is None:
        return None
    row = _FIND[column.name].first(conn, owner=client_id, identity=value)
    return None if row is None else Conversation(*row)


def _insert(conn: sa.Connection, client_id: int, customer: Customer, now: float) -> int:
    values = {"client_id": client_id, "user_id": customer.user_id, "wa_id": customer.wa_id}
    ((conversation_id,),) = _INSERT.rows(conn, **values, created_at=now)
    return int(conversation_id)


def _adopt(conn: sa.Connection, by_phone: Conversation, customer: Customer, now: float) -> int:
    """Give a conversation known by its number the user_id seen with it for the first time."""
    if customer.user_id is None or by_phone.user_id == customer.user_id:
        return by_phone.id
    if by_phone.user_id is None:
        _set(conn, by_phone, user_id=customer.user_id)
        return by_phone.id
    # The number has passed to another person, who must not see what the former one wrote.
    _set(conn, by_phone, wa_id=None)
    return _insert(conn, by_phone.client_id, customer, now)


def _take_phone(conn: sa.Connection, by_user: Conversation, by_phone: Conversation) -> None:
    """Join the two halves of one customer, or move a number that has passed to this one."""
    if by_phone.user_id is None:
        _merge(conn, into=by_user, gone=by_phone)
    else:
        _set(conn, by_phone, wa_id=None)
    _set(conn, by_user, wa_id=by_phone.wa_id)


def _merge(conn: sa.Connection, *, into: Conversation, gone: Conversation) -> None:
    for table in (inbox, outbox, turns):
        conn.execute(
            sa.update(table)
            .where(table.c.conversation_id == gone.id, table.c.client_id == gone.client_id)
            .values(conversation_id=into.id)
        )
    if into.welcomed_at is None and gone.welcomed_at is not None:
        _set(conn, into, welcomed_at=gone.welcomed_at)
    if (gone.paused_until or 0.0) > (into.paused_until or 0.0):
        _set(conn, into, paused_until=gone.paused_until, paused_by=gone.paused_by)
    conn.execute(sa.delete(conversations).where(conversations.c.id == gone.id))
    if into.wa_id is None and gone.wa_id is not None:
        _set(conn, into, wa_id=gone.wa_id)


def _set(conn: sa.Connection, conversation: Conversation, **values: object) -> None:
    keys = {"held_id": conversation.id, "owner": conversation.client_id}
    conn.execute(_SET, {**keys, **values})
