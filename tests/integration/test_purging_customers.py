"""With their messages customers go: their turns are nobody's, and only a stop is remembered."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from daemon.core.store import clients, purging
from daemon.core.store.engine import Connection
from daemon.core.store.people import NOBODY
from daemon.core.store.schema import conversations, inbox, turns
from tests.doubles.bookkeeping import keep, send, settle
from tests.doubles.purge_kit import OLD, furnish, purge, read
from tests.doubles.workbench import Bench, open_bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path, now=OLD) as opened:
        yield opened


async def test_turns_stay_and_are_nobodys(bench: Bench) -> None:
    """Statistics keep their client and lose their customer; every link leads somewhere."""
    await bench.runtime.store.write(furnish)
    before = await read(bench, sa.select(turns.c.id, turns.c.client_id, turns.c.cost_usd))
    await purge(bench, after_days=14.1)
    await purge(bench, after_days=14.2)
    assert before == await read(bench, sa.select(turns.c.id, turns.c.client_id, turns.c.cost_usd))
    whose = sa.select(turns.c.client_id, conversations.c.client_id, conversations.c.user_id)
    joined = whose.join(conversations, conversations.c.id == turns.c.conversation_id)
    owners = await read(bench, joined)
    assert len(before) == len(owners)
    assert all(turn_of == link_of for turn_of, link_of, _ in owners)
    assert {NOBODY} == {user_id for _, _, user_id in owners}
    known = await read(bench, sa.select(conversations.c.wa_id))
    assert {(None,)} == set(known)
    assert [] == await bench.runtime.store.read(
        lambda conn: list(conn.exec_driver_sql("PRAGMA foreign_key_check"))
    )


async def test_turns_go_after_a_year_and_a_month(bench: Bench) -> None:
    """Else they alone would grow by gigabytes, and every backup with them."""
    await bench.runtime.store.write(furnish)
    await purge(bench, after_days=14.1)
    kept = await read(bench, sa.select(turns.c.id).order_by(turns.c.id))
    assert 0 == (await purge(bench, after_days=399.9))["turns"]
    assert kept == await read(bench, sa.select(turns.c.id).order_by(turns.c.id))
    assert len(kept) == (await purge(bench, after_days=400.1))["turns"]
    assert [] == await read(bench, sa.select(turns.c.id))
    await bench.work(await bench.write("hola"))
    assert 1 == len(bench.graph.sent)


async def test_a_turn_stays_while_a_message_names_it(tmp_path: Path) -> None:
    """With a retention of years; then it goes with the rest."""
    async with open_bench(tmp_path, now=OLD, retention_days=500) as bench:
        await bench.runtime.store.write(furnish)
        assert {0} == set((await purge(bench, after_days=450)).values())
        await purge(bench, after_days=500.1)
        await purge(bench, after_days=500.2)
        assert [] == await read(bench, sa.select(turns.c.id))


async def test_a_customer_with_thousands_of_turns_goes_bit_by_bit(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their turns are no excuse for a long transaction."""
    monkeypatch.setattr(purging, "CHUNK", 3)

    def write(conn: Connection) -> None:
        plaza = clients.list_clients(conn)[0]
        for number in range(7):
            for row in settle(conn, plaza, keep(conn, plaza, f"w{number}")):
                send(conn, row)

    await bench.runtime.store.write(write)
    counts = await purge(bench, after_days=15)
    assert 8 == counts["customer_rows"]
    assert [(NOBODY,)] == await read(bench, sa.select(conversations.c.user_id))


async def test_who_said_stop_is_remembered(bench: Bench) -> None:
    """For as long as they want no answers, with nothing of what they wrote; a person's end goes."""
    for customer, text in (("34601", "stop"), ("34602", "hola")):
        await bench.work(await bench.write(text, customer=customer))
    await bench.echo(customer="34602")
    await purge(bench, after_days=15)
    known = sa.select(conversations.c.wa_id).where(conversations.c.wa_id.is_not(None))
    assert [("34601",)] == await read(bench, known)
    assert [] == await read(bench, sa.select(inbox.c.id))
    await bench.work(await bench.write("¿horario?", customer="34601"))
    assert 2 == len(bench.graph.sent)


async def test_a_customer_who_is_gone_and_writes_again_is_somebody_new(bench: Bench) -> None:
    """The intake's memory of who is who does not lead to a conversation that went."""
    first = await bench.write("hola")
    await bench.work(first)
    await purge(bench, after_days=15)
    second = await bench.write("hola")
    assert second > first
    await bench.work(second)
    assert 2 == len(bench.graph.sent)
