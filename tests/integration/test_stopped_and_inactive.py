"""A client that Meta stopped and the operator then deactivated: nothing waits for it for ever."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.core.clients import set_active, stop_client
from daemon.core.meta.client import NotSent
from daemon.core.store.audit import Actor
from daemon.core.store.engine import Connection
from tests.doubles.store_kit import NOW
from tests.doubles.workbench import Bench, open_bench

STATES = "SELECT state, error FROM inbox ORDER BY id"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path, now=NOW) as opened:
        yield opened


async def stop(bench: Bench, client_id: int, *, and_deactivate: bool) -> None:
    def job(conn: Connection) -> None:
        stop_client(conn, client_id, code=190, access_token="x", now=bench.clock.now)
        if and_deactivate:
            set_active(conn, client_id, active=False, now=bench.clock.now, actor=Actor("test"))

    await bench.runtime.store.write(job)
    await bench.runtime.directory.refresh()


async def sweep(bench: Bench) -> None:
    """Ring as the sweeper does, and work off what it rang for."""
    bench.clock.now += 600
    await bench.sweeper.sweep()
    for _ in range(len(bench.bell)):
        key = await bench.bell.take()
        await bench.runner.run(key)
        bench.bell.done(key)


async def test_what_waits_is_parked(bench: Bench) -> None:
    """What was not answered, and what was not sent: an operator sees both, and why."""
    bench.graph.script.append(NotSent("x"))
    await bench.work(await bench.write("¿Horario?", customer="34600333444"))
    client_id, _ = await bench.write("hola")
    await stop(bench, client_id, and_deactivate=True)
    await sweep(bench)
    assert [("parked", "client_inactive")] * 2 == await bench.query(STATES)
    assert 1 == len(bench.graph.sent)


async def test_while_it_is_active_it_waits(bench: Bench) -> None:
    """For the token, the bill or whatever it is that Meta wants."""
    client_id, _ = await bench.write("hola")
    await stop(bench, client_id, and_deactivate=False)
    await sweep(bench)
    assert [("pending", None)] == await bench.query(STATES)
