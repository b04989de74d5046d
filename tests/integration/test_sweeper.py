"""The sweeper rings for what nobody rang for, and only for that."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from daemon.core.clients import set_active, stop_client
from daemon.core.meta.client import NotSent, SendInDoubt
from daemon.core.store import heartbeats
from daemon.core.store.audit import Actor
from daemon.core.store.engine import Database
from daemon.core.store.faults import StoreUnavailable
from daemon.work import sweeper as sweeper_module
from tests.doubles.daemon_process import wait_until
from tests.doubles.stage_clients import PLAZA, SOL
from tests.doubles.workbench import Bench, open_bench

NOW = float(int(time.time()))


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path, now=NOW, retry_base_seconds=0.01) as opened:
        yield opened


async def test_what_no_ring_tells_of_is_found(bench: Bench) -> None:
    """A message kept by a daemon that died before it rang; a fresh one has a ring of its own."""
    key = await bench.write()
    await bench.sweeper.sweep()
    assert not bench.bell.knows(key)
    bench.clock.now += 2
    await bench.sweeper.sweep()
    assert bench.bell.knows(key)
    await bench.sweeper.sweep()
    assert key == await bench.bell.take()
    assert 1 == len(bench.bell)


async def test_a_due_message_is_found(bench: Bench) -> None:
    """What waits for its next attempt is rung for when it is due, not before."""
    bench.graph.script.append(NotSent("no"))
    key = await bench.write()
    await bench.work(key)
    while bench.bell.knows(key):
        bench.bell.done(await asyncio.wait_for(bench.bell.take(), 10))
    await bench.sweeper.sweep()
    assert not bench.bell.knows(key)
    bench.clock.now += 100
    await bench.sweeper.sweep()
    assert bench.bell.knows(key)


async def test_a_stopped_client_is_left_alone(bench: Bench) -> None:
    """Its messages wait in the database and cost nothing."""
    key = await bench.write()
    bench.clock.now += 2
    await bench.runtime.store.write(
        partial(stop_client, client_id=1, code=190, access_token="t", now=NOW)
    )
    await bench.runtime.directory.refresh()
    await bench.sweeper.sweep()
    assert not bench.bell.knows(key)
    assert b"released_clients_stopped 1.0" in bench.metrics.render()
    assert b"released_inbox_pending 1.0" in bench.metrics.render()


async def test_a_long_backlog_is_paged_through(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page at a time, all of it in the end."""
    monkeypatch.setattr(sweeper_module, "PAGE", 2)
    keys = [await bench.write(customer=f"3460011122{number}") for number in range(5)]
    bench.clock.now += 2
    for _ in range(3):
        await bench.sweeper.sweep()
    assert [True] * 5 == [bench.bell.knows(key) for key in keys]


async def test_a_full_bell_takes_no_more(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of a huge backlog waits on disk for later sweeps."""
    monkeypatch.setattr(sweeper_module, "BELL_LIMIT", 1)
    monkeypatch.setattr(sweeper_module, "CLIENT_SHARE", 1)
    for number in range(3):
        await bench.write(customer=f"3460011122{number}")
    bench.clock.now += 2
    await bench.sweeper.sweep()
    assert 1 == len(bench.bell)


async def test_a_bell_full_of_one_client_has_room_for_another(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose backlog is huge waits alone."""
    monkeypatch.setattr(sweeper_module, "BELL_LIMIT", 2)
    monkeypatch.setattr(sweeper_module, "CLIENT_SHARE", 1)
    for number in range(4):
        await bench.write(customer=f"3460011122{number}")
    key = await bench.write(number=SOL)
    bench.clock.now += 2
    await bench.sweeper.sweep()
    assert bench.bell.knows(key)
    assert 3 == len(bench.bell)


async def test_what_one_client_has_due_hides_nothing_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that starts while Meta holds one client back, with pages of its answers due."""
    monkeypatch.setattr(sweeper_module, "PAGE", 3)
    async with open_bench(tmp_path, now=NOW) as bench:
        keys = [await bench.write(customer=f"3460011122{number}") for number in range(4)]
        keys.append(await bench.write(number=SOL))
        for key in keys:
            bench.graph.script.append(NotSent("no"))
            await bench.work(key)
    async with open_bench(tmp_path, now=NOW + 1000) as bench:
        for _ in range(2):
            await bench.sweeper.sweep()
        assert [True] * 5 == [bench.bell.knows(key) for key in keys]


async def test_what_a_dead_daemon_left_is_looked_through_without_a_pause(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or who wrote last would wait a second for every thousand messages of another client."""
    monkeypatch.setattr(sweeper_module, "PAGE", 1)
    monkeypatch.setattr(sweeper_module, "EVERY_S", 3600.0)
    keys = [await bench.write(customer=f"3460011122{number}") for number in range(5)]
    bench.clock.now += 2
    task = asyncio.create_task(bench.sweeper.run())
    await wait_until(lambda: asyncio.sleep(0, all(bench.bell.knows(key) for key in keys)))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_haste_ends_when_both_were_looked_through(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits and what is due are of different lengths, and need not end in one sweep."""
    monkeypatch.setattr(sweeper_module, "PAGE", 1)
    for number in range(2):
        bench.graph.script.append(NotSent("no"))
        await bench.work(await bench.write(customer=f"3460011122{number}"))
    await bench.write(number=SOL)
    bench.clock.now += 100
    pauses = []

    async def pause(pause_s: float) -> None:
        pauses.append(pause_s)
        if len(pauses) == 4:
            raise asyncio.CancelledError

    monkeypatch.setattr(sweeper_module, "asyncio", SimpleNamespace(sleep=pause))
    with pytest.raises(asyncio.CancelledError):
        await bench.sweeper.run()
    haste, rest = sweeper_module.FIRST_S, sweeper_module.EVERY_S
    assert [haste, haste, rest, rest] == pauses


async def test_changes_are_taken_in_and_a_bad_moment_is_survived(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It goes on when the database was away, and then sees what another program changed."""
    monkeypatch.setattr(sweeper_module, "EVERY_S", 0.01)

    def fail(_self: Database, _job: object) -> None:
        raise StoreUnavailable("away")

    with caplog.at_level(logging.WARNING), monkeypatch.context() as patched:
        patched.setattr(Database, "read", fail)
        task = asyncio.create_task(bench.sweeper.run())
        await wait_until(lambda: asyncio.sleep(0, "store is down" in caplog.messages))
    await bench.runtime.store.write(
        partial(set_active, client_id=1, active=False, now=NOW, actor=Actor("test"))
    )
    await wait_until(lambda: asyncio.sleep(0, not bench.runtime.directory.active_owner(PLAZA)))
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_clock_that_was_set_back_is_remembered_until_it_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that was busy at that moment makes no message wait an hour longer."""
    async with open_bench(tmp_path, now=NOW, retry_base_seconds=100) as bench:
        bench.graph.script.append(NotSent("no"))
        await bench.work(await bench.write())
        bench.clock.now -= 3600

        async def fail(_job: object) -> None:
            raise StoreUnavailable("busy")

        with monkeypatch.context() as patched:
            patched.setattr(bench.runtime.store, "write", fail)
            for _ in range(2):
                with pytest.raises(StoreUnavailable):
                    await bench.sweeper.sweep()
        for _ in range(2):
            await bench.sweeper.sweep()
        ((due_in_s,),) = await bench.query("SELECT due_at - ? FROM outbox", bench.clock.now)
        assert pytest.approx(100, abs=30) == due_in_s


async def test_a_database_that_cannot_be_read_at_the_start_is_asked_now_and_then(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The haste with a backlog is for one that can be read."""
    pauses: list[float] = []

    async def fail() -> None:
        raise StoreUnavailable("busy")

    async def pause(pause_s: float) -> None:
        pauses.append(pause_s)
        if len(pauses) > 1:
            raise asyncio.CancelledError

    monkeypatch.setattr(bench.runtime.directory, "refresh", fail)
    monkeypatch.setattr(sweeper_module, "asyncio", SimpleNamespace(sleep=pause))
    with pytest.raises(asyncio.CancelledError):
        await bench.sweeper.run()
    assert [sweeper_module.EVERY_S] * 2 == pauses


async def test_a_clock_set_forward_is_no_time_to_wait_for_a_status(bench: Bench) -> None:
    """After a machine that slept nothing in doubt is sent again before a status could have come."""
    bench.graph.script.append(SendInDoubt("?"))
    key = await bench.write()
    await bench.work(key)
    bench.clock.now += 3600
    await bench.sweeper.sweep()
    await bench.work(key)
    assert 1 == len(bench.graph.sent)
    ((due_in_s,),) = await bench.query("SELECT due_at - ? FROM outbox", bench.clock.now)
    assert pytest.approx(60, abs=30) == due_in_s


async def test_what_fails_as_the_machine_wakes_waits_no_longer_than_other_doubt(
    bench: Bench,
) -> None:
    """Its connections break before a sweep has noticed that the clock leapt."""
    bench.graph.script.append(SendInDoubt("?"))
    key = await bench.write()
    bench.clock.now += 3600
    await bench.work(key)
    await bench.sweeper.sweep()
    ((due_in_s,),) = await bench.query("SELECT due_at - ? FROM outbox", bench.clock.now)
    assert pytest.approx(60, abs=1) == due_in_s


async def test_now_and_then_it_proves_that_writing_works(bench: Bench) -> None:
    """The moment is in the database, where `released status` looks; not at every sweep."""
    await bench.sweeper.prove()
    bench.clock.now += 5
    await bench.sweeper.prove()
    beat = partial(heartbeats.last_beat, name=heartbeats.WRITER)
    assert NOW == await bench.runtime.store.read(beat)
