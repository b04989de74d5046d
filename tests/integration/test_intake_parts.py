"""Deliveries of many items: kept in parts, so that they keep nobody else waiting."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from daemon.core import clients, deliveries
from daemon.core.directory import Directory
from daemon.core.intake import PART_LIMIT, Intake
from daemon.core.meta.wire import Customer
from daemon.core.store.audit import Actor
from daemon.core.store.clients import Client
from daemon.core.store.conversations import clients_knowing
from daemon.core.store.engine import Connection, Database
from daemon.core.store.faults import StoreUnavailable
from daemon.core.store.group_commit import TOGETHER_LIMIT, GroupCommit
from daemon.core.store.schema import conversations, inbox, outbox
from tests.doubles.query_plans import explain
from tests.doubles.store_kit import (
    NOW,
    NUMBER_B,
    answer,
    delivery,
    onboard,
    rekeyed,
    take,
    told,
    written,
)

MANY = 5 * TOGETHER_LIMIT


def phone(number: int) -> str:
    return f"346{number:08}"


def count(database: Database) -> int:
    query = sa.select(sa.func.count()).select_from(inbox)
    return int(database.read(lambda conn: conn.execute(query).scalar_one()))


async def test_a_large_delivery_is_kept_whole(door: Intake, database: Database) -> None:
    """Every message of it, each in its customer's conversation, which is rung."""
    many = [written(str(n), wa_id=phone(n)) for n in range(MANY)]
    accepted = await door.accept(delivery(*many))
    assert (MANY, MANY, MANY) == (
        accepted.messages,
        len({ring.conversation_id for ring in accepted.rings}),
        count(database),
    )


async def test_a_large_delivery_keeps_nobody_waiting(door: Intake) -> None:
    """What comes after it is on disk before it is."""
    many = [written(str(n), wa_id=phone(n)) for n in range(MANY)]
    large = asyncio.create_task(door.accept(delivery(*many)))
    await asyncio.sleep(0)
    await door.accept(delivery(written("small", wa_id=phone(MANY))))
    assert not large.done()
    assert MANY == (await large).messages


async def test_no_more_is_written_in_one_go_than_the_loop_can_spare(
    door: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many large deliveries wait together."""
    sizes: list[int] = []
    rows = deliveries.insert_messages

    def note(conn: Connection, messages: Sequence[Any]) -> int:
        sizes.append(len(messages))
        return rows(conn, messages)

    monkeypatch.setattr(deliveries, "insert_messages", note)
    bodies = [
        delivery(*(written(f"{body}-{n}", wa_id=phone(n)) for n in range(MANY)))
        for body in range(6)
    ]
    await door.accept(bodies[0])
    await asyncio.gather(*(door.accept(body) for body in bodies))
    assert max(sizes) <= TOGETHER_LIMIT + PART_LIMIT
    assert 6 * MANY + MANY == sum(sizes)


async def test_half_a_delivery_that_was_kept_is_known_when_it_comes_again(
    door: Intake, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was refused as a whole, so Meta sends all of it again: no message is kept twice."""
    many = [written(str(n), wa_id=phone(n)) for n in range(MANY)]
    insert, seen = deliveries.insert_messages, 0

    def fail_later(conn: Connection, messages: Sequence[Any]) -> int:
        nonlocal seen
        seen += len(messages)
        if seen > MANY // 2:
            raise StoreUnavailable("full")
        return insert(conn, messages)

    with monkeypatch.context() as patched:
        patched.setattr(deliveries, "insert_messages", fail_later)
        with pytest.raises(StoreUnavailable):
            await door.accept(delivery(*many))
    assert 0 < count(database) < MANY
    assert MANY == len((await door.accept(delivery(*many))).rings)
    assert MANY == count(database)


async def test_a_change_for_a_portfolio_reaches_who_knows_the_customer(
    door: Intake, database: Database
) -> None:
    """However many changes and clients there are; clients that know nobody cost nothing."""
    database.write(lambda conn: [onboard(conn, phone_number_id=str(700 + n)) for n in range(20)])
    await door.accept(
        delivery(
            *(written(f"a{n}", user_id=f"ES.{n}") for n in range(40)),
            *(written(f"b{n}", user_id=f"ES.{n}", phone_number_id=NUMBER_B) for n in range(9)),
        )
    )
    changes = [
        rekeyed(None, Customer(f"ES.{n}", phone(n)), Customer(f"ES.new{n}", None))
        for n in range(MANY)
    ]
    await door.accept(delivery(*changes))
    query = sa.select(conversations.c.client_id, conversations.c.user_id)
    found = {tuple(row) for row in database.read(lambda conn: conn.execute(query).all())}
    expected = {(1, f"ES.new{n}") for n in range(40)} | {(2, f"ES.new{n}") for n in range(9)}
    assert expected == found


def test_who_knows_a_customer_is_found_by_an_index(database: Database) -> None:
    """A thousand changes may come at once, and each asks."""
    plan = database.read(lambda conn: explain(conn, lambda: clients_knowing(conn, "ES.1")))
    assert ["ix_conversations_user_id"] == [
        word for line in plan for word in line.split() if word.startswith("ix_")
    ]


async def test_a_status_of_an_inactive_clients_message_is_noted(
    group: GroupCommit, database: Database, client_a: Client, door: Intake
) -> None:
    """A send in doubt when the client was deactivated is not sent again one day."""
    await door.accept(delivery(written("1")))

    def send(conn: Connection) -> str:
        hand = take(conn, 1, 1)
        assert hand is not None
        (row,) = answer(conn, hand)
        clients.set_active(conn, client_a.id, active=False, now=NOW, actor=Actor("cli"))
        return row.id

    outbox_id = database.write(send)
    directory = Directory(group)
    await directory.refresh()
    late = Intake(group, directory, clock=lambda: NOW)
    accepted = await late.accept(delivery(told("delivered", callback_id=outbox_id)))
    assert (1, 0) == (accepted.statuses, accepted.unknown_number)
    query = sa.select(outbox.c.status)
    assert "delivered" == database.read(lambda conn: conn.execute(query).scalar_one())
