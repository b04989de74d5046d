"""The purge of a daemon goes on: a bad moment and a fault end nothing."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from daemon.core.retention import DAY_S
from daemon.core.store import purging
from daemon.core.store.engine import Connection
from daemon.core.store.faults import StoreUnavailable
from daemon.core.store.schema import inbox
from daemon.metrics import Metrics
from daemon.work import purger as purger_module
from daemon.work.purger import Purger
from tests.doubles.daemon_process import wait_until
from tests.doubles.purge_kit import OLD, read, write_many
from tests.doubles.workbench import Bench, open_bench


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purger_module, "PAUSE_S", 0)
    monkeypatch.setattr(purger_module, "SHARE", 0)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path, now=OLD) as opened:
        yield opened


async def test_it_goes_on_after_a_bad_moment(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A database that was away ends no daemon; the next run finds what is left."""
    await bench.runtime.store.write(lambda conn: write_many(conn, 3))
    bench.clock.now = OLD + 15 * DAY_S
    for name in ("FIRST_S", "EVERY_S", "AGAIN_S"):
        monkeypatch.setattr(purger_module, name, 0.01)
    real = purging.purge
    failures = iter([StoreUnavailable("away")])

    def fail_once(conn: Connection, **given: Any) -> int:
        for failure in failures:
            raise failure
        return real(conn, **given)

    monkeypatch.setattr(purging, "purge", fail_once)
    metrics = Metrics()
    with caplog.at_level(logging.WARNING):
        task = asyncio.create_task(Purger(bench.runtime, metrics).run())

        async def is_gone() -> bool:
            return not await read(bench, sa.select(inbox.c.id))

        await wait_until(is_gone)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert ["store is down", "purge failed"] == caplog.messages


async def test_no_fault_of_it_ends_the_daemon(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever nobody foresaw is told, and tried again with the next run."""
    for name in ("FIRST_S", "EVERY_S"):
        monkeypatch.setattr(purger_module, name, 0.01)

    def fail(*_given: object, **_more: object) -> None:
        raise KeyError("unforeseen")

    monkeypatch.setattr(purging, "list_steps", fail)
    task = asyncio.create_task(Purger(bench.runtime, bench.metrics).run())
    await wait_until(lambda: asyncio.sleep(0, task.done() or 2 <= len(caplog.messages)))
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert {"purge failed"} == set(caplog.messages)
