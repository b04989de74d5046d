"""Webhook deliveries into the database: kept once, for the right client and customer."""

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from daemon.core import clients
from daemon.core.deliveries import Ring
from daemon.core.directory import Directory
from daemon.core.intake import Accepted, Intake
from daemon.core.store import engine as engine_module
from daemon.core.store import group_commit
from daemon.core.store.audit import Actor
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection, Database
from daemon.core.store.faults import StoreOverloaded, StoreUnavailable
from daemon.core.store.group_commit import GroupCommit
from daemon.core.store.schema import inbox, outbox
from tests.doubles.arrived import BOTH, kept
from tests.doubles.store_kit import (
    NOW,
    NUMBER_B,
    answer,
    delivery,
    take,
    told,
    written,
)


async def test_what_is_accepted_is_on_disk(door: Intake, database: Database) -> None:
    """With its text, times and state; its conversation is to be rung."""
    accepted = await door.accept(delivery(written("1", **BOTH, sent_at=NOW - 3)))
    assert Accepted(rings=(Ring(1, 1, wrote=True),), messages=1) == accepted
    row = database.read(lambda conn: conn.execute(sa.select(inbox)).mappings().one())
    assert {
        "id": 1,
        "wamid": "1",
        "client_id": 1,
        "conversation_id": 1,
        "type": "text",
        "text": "text of 1",
        "sent_at": NOW - 3,
        "received_at": NOW,
        "state": "pending",
        "attempts": 0,
        "error": None,
        "turn_id": None,
    } == dict(row)


async def test_an_unusable_time_is_the_time_of_receipt(door: Intake, database: Database) -> None:
    """Of a message and of a status."""
    await door.accept(delivery(written("1", sent_at=0.0)))
    outbox_id = database.write(lambda conn: answered(conn, 1))
    await door.accept(delivery(told("read", callback_id=outbox_id, at=0.0)))
    assert [NOW, NOW] == [
        database.read(lambda conn, c=column: conn.execute(sa.select(c)).scalar_one())  # type: ignore[misc]
        for column in (inbox.c.sent_at, outbox.c.read_at)
    ]


def answered(conn: Connection, client_id: int, conversation_id: int = 1) -> str:
    hand = take(conn, client_id, conversation_id)
    assert hand is not None
    return answer(conn, hand)[-1].id


async def test_a_message_is_kept_once(door: Intake, database: Database) -> None:
    """Twice in a body, in two bodies of one batch, and again an hour later."""
    one, two = written("1"), written("2")
    await asyncio.gather(
        door.accept(delivery(one, one)), door.accept(delivery(two, one)), door.accept(delivery(two))
    )
    database.write(lambda conn: answered(conn, 1))
    again = await door.accept(delivery(one, two))
    assert ["1", "2"] == list(kept(database))
    assert again.messages == 2
    assert ["answered"] * 2 == database.read(
        lambda conn: list(conn.execute(sa.select(inbox.c.state)).scalars())
    )


async def test_deliveries_that_come_together_share_a_commit(
    door: Intake, database: Database
) -> None:
    """However many: a commit takes all that the loop gets done in a few milliseconds."""
    commits: list[None] = []
    event.listen(database.engine, "commit", lambda _conn: commits.append(None))
    await asyncio.gather(
        *(door.accept(delivery(written(f"{n}", wa_id=f"{n}"))) for n in range(300))
    )
    assert len(kept(database)) == 300
    assert 1 <= len(commits) <= 60


async def test_what_is_for_no_active_client_is_dropped(door: Intake, database: Database) -> None:
    """Counted, not stored, and no commit made."""
    stranger = {"phone_number_id": "999"}
    accepted = await door.accept(delivery(written("1", **stranger), told("read", **stranger)))
    assert Accepted(unknown_number=2) == accepted
    both = await door.accept(delivery(written("2"), written("3", **stranger)))
    assert (1, 1) == (both.messages, both.unknown_number)
    assert ["2"] == list(kept(database))


async def test_what_needs_no_answer_is_kept_and_rings_nobody(
    door: Intake, database: Database
) -> None:
    """A reaction is part of the conversation, and costs no turn."""
    accepted = await door.accept(delivery(written("1", type="reaction", text=None)))
    assert ((), 1) == (accepted.rings, accepted.messages)
    assert ["ignored"] == database.read(
        lambda conn: list(conn.execute(sa.select(inbox.c.state)).scalars())
    )


async def test_one_body_may_be_for_two_clients(door: Intake, database: Database) -> None:
    """Each message goes to the owner of its number, the same customer or not."""
    accepted = await door.accept(
        delivery(written("1", **BOTH), written("2", **BOTH, phone_number_id=NUMBER_B))
    )
    assert (Ring(1, 1, wrote=True), Ring(2, 2, wrote=True)) == accepted.rings
    assert {"1": (1, "ES.1", "34600"), "2": (2, "ES.1", "34600")} == kept(database)


async def test_a_status_rings_the_conversation_it_settles(door: Intake, database: Database) -> None:
    """Once; what was said afterwards is news for nobody."""
    await door.accept(delivery(written("1")))
    outbox_id = database.write(lambda conn: answered(conn, 1))
    both = delivery(told("sent", callback_id=outbox_id), told("read", callback_id=outbox_id))
    first, second = await door.accept(both), await door.accept(both)
    assert ((Ring(1, 1, wrote=False),), 2, ()) == (first.rings, first.statuses, second.rings)


async def test_a_status_under_another_clients_number_settles_nothing(
    door: Intake, database: Database
) -> None:
    """A's outbox id, brought by B's number."""
    await door.accept(delivery(written("1")))
    outbox_id = database.write(lambda conn: answered(conn, 1))
    forged = told("failed", callback_id=outbox_id, phone_number_id=NUMBER_B)
    assert () == (await door.accept(delivery(forged))).rings
    assert [("queued", None)] == database.read(
        lambda conn: [
            tuple(row) for row in conn.execute(sa.select(outbox.c.state, outbox.c.status))
        ]
    )


async def test_a_delivery_that_cannot_be_kept_keeps_no_other_out(
    door: Intake, database: Database
) -> None:
    """A fault in one body is that body's alone, however many share its batch."""
    poison: Any = {"text": object()}
    results = await asyncio.gather(
        door.accept(delivery(written("0"))),
        door.accept(delivery(written("1"))),
        door.accept(delivery(written("2", **poison))),
        door.accept(delivery(written("3"))),
        return_exceptions=True,
    )
    assert [False, False, True, False] == [isinstance(one, Exception) for one in results]
    assert ["0", "1", "3"] == list(kept(database))


async def test_nothing_is_accepted_that_could_not_be_written(
    door: Intake, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A locked database: 503 for all that waited, and what is remembered stays true."""
    monkeypatch.setattr(engine_module, "PRAGMAS", (*engine_module.PRAGMAS, "busy_timeout=50"))
    database.close()
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(
            *(door.accept(delivery(written(f"{n}"))) for n in range(3)), return_exceptions=True
        )
        assert {StoreUnavailable} == {type(result) for result in results}
        other.execute("ROLLBACK")
    await door.accept(delivery(written("again")))
    assert ["again"] == list(kept(database))


async def test_a_rush_beyond_the_queue_is_refused_at_once(
    door: Intake, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meta comes back; memory does not fill."""
    monkeypatch.setattr(group_commit, "QUEUE_LIMIT", 2)
    tasks = [asyncio.create_task(door.accept(delivery(written(f"{n}")))) for n in range(3)]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [False, False, True] == [isinstance(one, StoreOverloaded) for one in results]
    assert ["0", "1"] == list(kept(database))


@pytest.mark.parametrize("fails", [True, False])
async def test_a_caller_who_went_away_harms_nobody(
    door: Intake,
    database: Database,
    fails: bool,  # noqa: FBT001
) -> None:
    """Meta hung up: what it sent is kept if it can be, and the others are answered."""
    poison: Any = {"text": object()} if fails else {}
    leaving = asyncio.create_task(door.accept(delivery(written("1", **poison))))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    await door.accept(delivery(written("2")))
    assert (["2"] if fails else ["1", "2"]) == list(kept(database))


async def test_what_an_undone_transaction_taught_is_forgotten(
    door: Intake, group: GroupCommit, database: Database
) -> None:
    """The next conversation may get the number that was given in vain, and is somebody else's."""

    def fail(_conn: Connection) -> None:
        raise ValueError("on purpose")

    # In this order in one batch: the first is undone with the second, and written again.
    lost = delivery(written("1", wa_id="34600"), written("2", text=object()))  # type: ignore[arg-type]
    results = await asyncio.gather(
        door.accept(lost),
        group.write_light(fail),
        door.accept(delivery(written("3", wa_id="34601"))),
        door.accept(delivery(written("4", wa_id="34600"))),
        return_exceptions=True,
    )
    assert [True, True, False, False] == [isinstance(one, Exception) for one in results]
    assert {"3": (1, None, "34601"), "4": (1, None, "34600")} == kept(database)


async def test_a_deactivated_client_takes_nothing_in(
    group: GroupCommit, client_a: Client, database: Database
) -> None:
    """From the next look at the clients on."""
    directory = Directory(group)
    database.write(
        lambda conn: clients.set_active(
            conn, client_a.id, active=False, now=NOW, actor=Actor("cli")
        )
    )
    await directory.refresh()
    door = Intake(group, directory, clock=lambda: NOW)
    assert Accepted(unknown_number=1) == await door.accept(delivery(written("1")))
    assert {} == kept(database)
