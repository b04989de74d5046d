"""Whose a message is: numbers and user ids are joined, pass on and are rekeyed."""

import asyncio

import pytest
import sqlalchemy as sa

from daemon.core import deliveries
from daemon.core.intake import Accepted, Intake
from daemon.core.meta.wire import Customer
from daemon.core.store.engine import Database
from daemon.core.store.schema import inbox
from tests.doubles.arrived import BOTH, PHONE, USER, kept
from tests.doubles.store_kit import (
    NUMBER_A,
    NUMBER_B,
    delivery,
    rekeyed,
    take,
    written,
)


@pytest.mark.parametrize("together", [True, False])
async def test_two_halves_of_a_customer_are_joined(
    door: Intake,
    database: Database,
    together: bool,  # noqa: FBT001
) -> None:
    """wa_id, user_id, then both: within one batch, and over three."""
    items = [written("1", **PHONE), written("2", **USER), written("3", **BOTH)]
    bodies = [delivery(*items)] if together else [delivery(item) for item in items]
    rings = [(await door.accept(body)).rings[-1] for body in bodies]
    assert dict.fromkeys("123", (1, "ES.1", "34600")) == kept(database)
    hand = database.write(lambda conn: take(conn, 1, rings[-1].conversation_id))
    assert hand is not None
    assert ["1", "2", "3"] == [message.wamid for message in hand.messages]
    later = await door.accept(delivery(written("4", **PHONE)))
    assert rings[-1] == later.rings[0]


async def test_a_number_that_was_given_up_is_not_remembered(
    door: Intake, database: Database
) -> None:
    """What the daemon remembers must not hand one person's conversation to the next."""
    await door.accept(delivery(written("1", **BOTH)))
    await door.accept(delivery(written("2", user_id="ES.1", wa_id="34700")))
    await door.accept(delivery(written("3", **PHONE)))
    assert {
        "1": (1, "ES.1", "34700"),
        "2": (1, "ES.1", "34700"),
        "3": (1, None, "34600"),
    } == kept(database)


async def test_a_number_may_be_given_up_within_one_batch(door: Intake, database: Database) -> None:
    """In whatever order: every message finds a conversation."""
    await door.accept(
        delivery(
            written("1", **PHONE),
            written("2", **BOTH),
            written("3", user_id="ES.1", wa_id="34700"),
            written("4", user_id="ES.2", wa_id="34600"),
        )
    )
    assert (1, "ES.1", "34700") == kept(database)["3"]
    assert (1, "ES.2", "34600") == kept(database)["4"]
    assert len(kept(database)) == 4


async def test_a_number_that_passed_on_leads_to_its_new_owner(
    door: Intake, database: Database
) -> None:
    """Also from memory."""
    for wamid, ids in enumerate((BOTH, {"user_id": "ES.2", "wa_id": "34600"}, PHONE, USER)):
        await door.accept(delivery(written(f"{wamid}", **ids)))
    assert [
        (1, "ES.1", None),
        (1, "ES.2", "34600"),
        (1, "ES.2", "34600"),
        (1, "ES.1", None),
    ] == list(kept(database).values())


async def test_a_rekey_moves_a_customer_of_its_number_only(
    door: Intake, database: Database
) -> None:
    """And what was remembered of them is forgotten."""
    for number, wamid in ((NUMBER_A, "1"), (NUMBER_B, "2")):
        await door.accept(delivery(written(wamid, **BOTH, phone_number_id=number)))
    new = Customer("ES.2", None)
    assert Accepted() == await door.accept(delivery(rekeyed(NUMBER_A, Customer("ES.1", None), new)))
    await door.accept(delivery(written("3", user_id="ES.2")))
    assert {
        "1": (1, "ES.2", "34600"),
        "2": (2, "ES.1", "34600"),
        "3": (1, "ES.2", "34600"),
    } == kept(database)


async def test_a_rekey_without_a_number_is_for_every_client(
    door: Intake, database: Database
) -> None:
    """A user_id belongs to a portfolio; for a stranger's number it is nobody's."""
    for number, wamid in ((NUMBER_A, "1"), (NUMBER_B, "2")):
        await door.accept(delivery(written(wamid, **USER, phone_number_id=number)))
    old, new = Customer("ES.1", None), Customer("ES.2", None)
    await door.accept(delivery(rekeyed("999", old, new)))
    assert {"1": (1, "ES.1", None), "2": (2, "ES.1", None)} == kept(database)
    await door.accept(delivery(rekeyed(None, old, new)))
    assert {"1": (1, "ES.2", None), "2": (2, "ES.2", None)} == kept(database)


async def test_a_rekey_without_a_number_gives_nobody_anothers_id(
    door: Intake, database: Database
) -> None:
    """A client that knows the customer by their phone only belongs to another portfolio."""
    await door.accept(delivery(written("1", **BOTH)))
    await door.accept(delivery(written("2", **PHONE, phone_number_id=NUMBER_B)))
    new = Customer("ES.2", "34600")
    await door.accept(delivery(rekeyed(None, Customer("ES.1", "34600"), new)))
    await door.accept(delivery(rekeyed(None, Customer(None, "34600"), new)))
    assert {"1": (1, "ES.2", "34600"), "2": (2, None, "34600")} == kept(database)


@pytest.mark.parametrize("count", [deliveries.MANY - 1, deliveries.MANY])
async def test_who_was_erased_a_moment_ago_keeps_nobody_else_out(
    door: Intake, database: Database, count: int
) -> None:
    """Whether their messages are written on the loop or beside it; who writes again is new."""
    numbers = [f"3460000{n:04}" for n in range(count)]
    await asyncio.gather(
        *(door.accept(delivery(written(f"a{wa_id}", wa_id=wa_id))) for wa_id in numbers)
    )
    database.write(lambda conn: conn.exec_driver_sql("DELETE FROM inbox WHERE conversation_id = 1"))
    database.write(lambda conn: conn.exec_driver_sql("DELETE FROM conversations WHERE id = 1"))
    accepted = await asyncio.gather(
        *(door.accept(delivery(written(f"b{wa_id}", wa_id=wa_id))) for wa_id in numbers)
    )
    rung = [ring.conversation_id for taken in accepted for ring in taken.rings]
    assert [count + 1, *range(2, count + 1)] == rung
    query = sa.select(inbox.c.conversation_id).where(inbox.c.wamid.startswith("b"))
    kept_in = database.read(lambda conn: list(conn.execute(query.order_by("id")).scalars()))
    assert rung == kept_in
