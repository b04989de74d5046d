"""Turns that come to nothing through no fault of their messages: none is counted as a death."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from daemon.core.answering import CRASH_LIMIT
from daemon.core.store.faults import StoreUnavailable
from tests.doubles.workbench import Bench, open_bench

NOW = float(int(time.time()))


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path, now=NOW) as opened:
        yield opened


async def test_a_database_that_cannot_be_read_parks_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often a turn meets it; afterwards the message is answered."""

    async def fail(_client: object) -> None:
        raise StoreUnavailable("no more files")

    key = await bench.write()
    with monkeypatch.context() as patched:
        patched.setattr(bench.runtime.directory, "assistant_of", fail)
        for _ in range(CRASH_LIMIT + 1):
            with pytest.raises(StoreUnavailable):
                await bench.work(key)
    assert [("pending", 0)] == await bench.query("SELECT state, attempts FROM inbox")
    await bench.work(key)
    assert [("done", None)] == await bench.query("SELECT state, error FROM inbox")


async def test_a_stop_while_a_claim_waits_for_the_disk_is_no_death(
    bench: Bench, tmp_path: Path
) -> None:
    """The claim is written after all, and undone: a stop in a busy hour parks nothing."""
    key = await bench.write()
    bench.bell.wake(key)
    assert key == await bench.bell.take()
    with closing(sqlite3.connect(tmp_path / "released.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        turn = asyncio.create_task(bench.runner.run(key))
        done, _ = await asyncio.wait([turn], timeout=0.2)
        assert not done
        turn.cancel()
        await asyncio.sleep(0)
        other.execute("ROLLBACK")
    with pytest.raises(asyncio.CancelledError):
        await turn
    await bench.runtime.store.write_light(lambda _conn: None)
    query = "SELECT attempts, lease_until FROM inbox JOIN conversations c ON c.id = conversation_id"
    assert [(0, None)] == await bench.query(query)
