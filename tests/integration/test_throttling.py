"""A number that Meta throttles rests; nothing else of it is tried, lost or sent out of order."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.core.clients import update_client
from daemon.core.meta.client import SendRefused
from daemon.core.seeds import ClientChanges
from daemon.core.store.audit import Actor
from daemon.work.bell import Key
from tests.doubles.stage_clients import SOL
from tests.doubles.workbench import Bench, open_bench

NOW = float(int(time.time()))
HOLD_S = 50
"""The first hold; far longer than a busy machine takes for a test."""


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path, now=NOW, retry_limit=6, retry_base_seconds=HOLD_S) as opened:
        yield opened


async def write_many(bench: Bench, count: int) -> list[Key]:
    return [await bench.write(customer=f"3460011122{number}") for number in range(count)]


async def attempts(bench: Bench) -> list[int]:
    """How often the answer to each message was sent."""
    query = (
        "SELECT coalesce(o.attempts, 0) FROM inbox i LEFT JOIN outbox o USING (turn_id)"
        " ORDER BY i.id"
    )
    return [tried for (tried,) in await bench.query(query)]


async def take_all(bench: Bench) -> None:
    """Run what the bell gives out now, as the pool would."""
    while (key := bench.bell._next()) is not None:
        await bench.runner.run(key)
        bench.bell.done(key)


@pytest.mark.parametrize("code", [4, 80007, 130429, 131057])
async def test_a_number_that_is_throttled_burns_one_attempt(bench: Bench, code: int) -> None:
    """That of the refused message: the others are not tried, and all go out when it is over."""
    bench.graph.script.append(SendRefused(code))
    for key in await write_many(bench, 5):
        bench.bell.wake(key)
    other = await bench.write(number=SOL)
    await take_all(bench)
    assert [1, 0, 0, 0, 0, 0] == await attempts(bench)
    bench.bell.wake(other)
    await take_all(bench)
    assert [1, 0, 0, 0, 0, 1] == await attempts(bench)
    bench.clock.now += HOLD_S
    await take_all(bench)
    assert [2, 1, 1, 1, 1, 1] == await attempts(bench)
    assert {("done",)} == set(await bench.query("SELECT state FROM inbox"))


async def test_the_wait_is_counted(bench: Bench) -> None:
    """Where a client's own rate is counted too."""
    bench.graph.script.append(SendRefused(130429))
    for key in await write_many(bench, 2):
        bench.bell.wake(key)
    await take_all(bench)
    bench.clock.now += HOLD_S
    await take_all(bench)
    line = 'released_model_rate_wait_seconds_total{client="1"} '
    (told,) = [one for one in bench.metrics.render().decode().splitlines() if line in one]
    assert HOLD_S / 2 < float(told.removeprefix(line)) <= HOLD_S


async def test_a_turn_in_work_waits_with_its_answer(bench: Bench) -> None:
    """Made before the hold, it is sent after it in the order of its parts, and asked for once."""
    changes = ClientChanges(welcome_message="a" * 4096)
    await bench.runtime.store.write(
        lambda conn: update_client(conn, 1, changes, now=NOW, actor=Actor("test"))
    )
    await bench.runtime.directory.refresh()
    first, second = await write_many(bench, 2)

    async def refuse_the_other() -> None:
        bench.graph.during_send = None
        await bench.runner.run(second)

    for key in (first, second):
        bench.bell.wake(key)
        assert key == bench.bell._next()
    # The first part of the first answer is under way while the second conversation is refused.
    bench.graph.during_send = refuse_the_other
    bench.graph.script.append(SendRefused(130429))
    await bench.runner.run(first)
    for key in (first, second):
        bench.bell.done(key)
    assert [1, 0, 1, 0] == [
        tried for (tried,) in await bench.query("SELECT attempts FROM outbox ORDER BY seq")
    ]
    bench.clock.now += HOLD_S
    for _ in range(2):
        await take_all(bench)
    sent = [payload["text"]["body"][:8] for payload in bench.graph.sent]
    assert ["aaaaaaaa", "aaaaaaaa", "Answer 1", "aaaaaaaa", "Answer 2"] == sent
    assert 2 == len(bench.engine.questions)


@pytest.mark.parametrize("code", [131000, 131016, 131056, 999_999])
async def test_a_refusal_of_one_message_holds_nobody_else(bench: Bench, code: int) -> None:
    """A message that Meta will not take now must not silence a whole business."""
    bench.graph.script.append(SendRefused(code))
    for key in await write_many(bench, 3):
        bench.bell.wake(key)
    await take_all(bench)
    assert [1, 1, 1] == await attempts(bench)
    assert 2 == (await bench.query("SELECT count(*) FROM outbox WHERE state = 'sent'"))[0][0]


async def test_a_held_client_keeps_no_worker(bench: Bench) -> None:
    """Nothing of it is taken, whoever rings, so that a pool has all its workers for the others."""
    bench.graph.script.append(SendRefused(130429))
    refused, waiting = await write_many(bench, 2)
    bench.bell.wake(refused)
    await take_all(bench)
    bench.bell.wake(waiting)
    bench.clock.now += HOLD_S / 2
    await bench.sweeper.sweep()
    assert None is bench.bell._next()
    bench.clock.now += HOLD_S / 2
    async with asyncio.timeout(10):
        assert {refused, waiting} == {await bench.bell.take(), await bench.bell.take()}
