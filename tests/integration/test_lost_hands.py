"""A turn whose lease ran out while the store was down: what an operator did meanwhile stands."""

from collections.abc import Callable
from functools import partial

import pytest
import sqlalchemy as sa

from daemon.core import inboxes, turns
from daemon.core.store.audit import Actor
from daemon.core.store.clients import Client
from daemon.core.store.conversations import LeaseLost
from daemon.core.store.engine import Connection, Database
from daemon.core.store.schema import inbox, outbox
from daemon.core.turns import Hand
from tests.doubles.bookkeeping import Kept, claim, keep
from tests.doubles.store_kit import NOW, answer, take

AFTER_THE_LEASE = NOW + 100

LATE: list[Callable[[Connection, Hand], object]] = [
    partial(answer, now=AFTER_THE_LEASE),
    partial(turns.park, error="expired", now=AFTER_THE_LEASE),
]


@pytest.mark.parametrize("step", LATE)
def test_what_was_dropped_meanwhile_is_not_answered(
    database: Database, client_a: Client, step: Callable[[Connection, Hand], object]
) -> None:
    """The turn writes nothing at all; what else it had in hand goes to the next turn."""

    def begin(conn: Connection) -> tuple[Hand, Kept]:
        first, _ = keep(conn, client_a, "w1"), keep(conn, client_a, "w2")
        return claim(conn, client_a, first), first

    hand, dropped = database.write(begin)
    database.write(
        partial(inboxes.drop, inbox_id=dropped.id, now=AFTER_THE_LEASE, actor=Actor("test"))
    )
    with pytest.raises(LeaseLost):
        database.write(lambda conn: step(conn, hand))

    def read(conn: Connection) -> tuple[list[str], int]:
        states = conn.execute(sa.select(inbox.c.state).order_by(inbox.c.id)).scalars().all()
        return list(states), len(conn.execute(sa.select(outbox.c.seq)).all())

    assert (["ignored", "pending"], 0) == database.read(read)
    again = database.write(
        lambda conn: take(conn, client_a.id, dropped.conversation_id, now=AFTER_THE_LEASE)
    )
    assert again is not None
    assert ["w2"] == [message.wamid for message in again.messages]
