"""The pool: so many at once, an error costs one conversation a pause, a stop lets work finish."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from daemon.core.store.faults import StoreUnavailable
from daemon.work import pool as pool_module
from daemon.work.bell import Bell, Key
from daemon.work.pool import FEWEST, PASS_S, Pool
from tests.doubles.daemon_process import wait_until

Work = Callable[[Key], Awaitable[None]]


def make(work: Work, *, workers: int = 2, pressed: bool = False) -> tuple[Bell, Pool]:
    bell = Bell(quiet_s=0, clock=asyncio.get_running_loop().time)
    return bell, Pool(bell, work, workers=workers, is_pressed=lambda: pressed)


async def end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_so_many_at_once_and_no_more() -> None:
    """WORKERS conversations side by side; the next begins when one ends."""
    release, running = asyncio.Event(), Counter[Key]()

    async def work(key: Key) -> None:
        running[key] += 1
        await release.wait()

    bell, pool = make(work, workers=2)
    for number in range(5):
        bell.wake((1, number))
    task = asyncio.create_task(pool.run())
    await wait_until(lambda: asyncio.sleep(0, pool.busy == 2))
    await asyncio.sleep(0)
    assert 2 == running.total() == pool.busy
    release.set()
    await wait_until(lambda: asyncio.sleep(0, running.total() == 5 and pool.busy == 0))
    assert {1} == set(running.values())
    await end(task)


async def test_one_conversation_is_never_in_two_hands() -> None:
    """Rung for while in work, it waits for its next turn."""
    release, running, most = asyncio.Event(), 0, 0

    async def work(_key: Key) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await release.wait()
        running -= 1

    bell, pool = make(work)
    bell.wake((1, 1))
    task = asyncio.create_task(pool.run())
    await wait_until(lambda: asyncio.sleep(0, running == 1))
    bell.note_message((1, 1))
    bell.wake((1, 2))
    await wait_until(lambda: asyncio.sleep(0, running == 2))
    release.set()
    await wait_until(lambda: asyncio.sleep(0, len(bell) == 0))
    assert 2 == most
    await end(task)


async def test_an_error_costs_a_pause_and_nobody_else_anything(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged with the conversation's ids, and tried again."""
    monkeypatch.setattr(pool_module, "ERROR_PAUSE_S", 0.01)
    seen = Counter[Key]()

    async def work(key: Key) -> None:
        seen[key] += 1
        if key == (1, 1) and seen[key] == 1:
            raise ValueError("on purpose")

    bell, pool = make(work)
    bell.wake((1, 1))
    bell.wake((1, 2))
    task = asyncio.create_task(pool.run())
    with caplog.at_level(logging.ERROR):
        await wait_until(lambda: asyncio.sleep(0, seen[1, 1] == 2))
    assert 1 == seen[1, 2]
    (record,) = caplog.records
    assert ("turn failed", 1, 1) == (record.message, record.client, record.conversation)  # type: ignore[attr-defined]
    await end(task)


async def test_a_store_that_is_down_is_not_told_of_by_each_conversation(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The store itself tells once for all; the conversation is tried again."""
    monkeypatch.setattr(pool_module, "ERROR_PAUSE_S", 0.01)
    tries = 0

    async def work(_key: Key) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise StoreUnavailable("full")

    bell, pool = make(work)
    bell.wake((1, 1))
    task = asyncio.create_task(pool.run())
    with caplog.at_level(logging.DEBUG, logger="daemon"):
        await wait_until(lambda: asyncio.sleep(0, tries == 2))
    assert [] == caplog.records
    await end(task)


async def test_a_stop_lets_work_finish_and_cancels_what_does_not() -> None:
    """Taking ends first; then `drain` waits, and gives up after its time."""
    release, ended = asyncio.Event(), list[str]()

    async def work(key: Key) -> None:
        try:
            await (release.wait() if key == (1, 1) else asyncio.Event().wait())
            ended.append("finished")
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    bell, pool = make(work, workers=5)
    bell.wake((1, 1))
    bell.wake((1, 2))
    task = asyncio.create_task(pool.run())
    await wait_until(lambda: asyncio.sleep(0, pool.busy == 2))
    await end(task)
    bell.wake((1, 3))
    release.set()
    await pool.drain(within_s=0.05)
    assert ["finished", "cancelled"] == ended
    assert 0 == pool.busy
    await pool.drain(within_s=0)


@pytest.mark.parametrize("pressed", [True, False])
async def test_turns_that_eat_the_loop_are_begun_a_few_at_a_time(
    monkeypatch: pytest.MonkeyPatch, *, pressed: bool
) -> None:
    """While a message waits to be acknowledged, it has not 50 turns before it on the loop."""
    monkeypatch.setattr(pool_module, "YOUNG_S", 60.0)
    crowds: list[int] = []

    async def work(_key: Key) -> None:
        time.sleep(2 * PASS_S)  # noqa: ASYNC251 - that is what it is about
        await asyncio.sleep(PASS_S)
        crowds.append(pool.busy)

    bell, pool = make(work, workers=50, pressed=pressed)
    for number in range(100):
        bell.wake((1, number))
    task = asyncio.create_task(pool.run())
    await wait_until(lambda: asyncio.sleep(0, len(bell) == 0))
    await end(task)
    assert 100 == len(crowds)
    assert pressed == (max(crowds[50:]) <= FEWEST + 1)


async def test_turns_that_wait_for_the_model_keep_nobody_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One client's rush keeps the loop busy for as long as it lasts; the others' turns go on."""
    monkeypatch.setattr(pool_module, "PASS_S", -1.0)
    monkeypatch.setattr(pool_module, "YOUNG_S", 0.02)
    answered = asyncio.Event()

    async def work(_key: Key) -> None:
        await answered.wait()

    bell, pool = make(work, workers=10, pressed=True)
    for number in range(20):
        bell.wake((number, number))
    task = asyncio.create_task(pool.run())
    await wait_until(lambda: asyncio.sleep(0, pool.busy == 10))
    answered.set()
    await wait_until(lambda: asyncio.sleep(0, len(bell) == 0))
    await end(task)
