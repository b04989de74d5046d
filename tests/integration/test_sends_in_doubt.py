"""Sends of which nobody knows whether Meta took them: as many as RETRY_LIMIT says, and no more."""

import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from daemon.core.inboxes import find_retryable, retry
from daemon.core.meta.client import NotSent, SendInDoubt
from daemon.core.store.audit import Actor
from daemon.core.taking_over import take_over
from tests.doubles.command_line import Shell
from tests.doubles.workbench import Bench, open_bench

NOW = float(int(time.time()))
WAIT_S = 61
LIMIT = 3
ACTOR = Actor("test")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path, now=NOW, retry_limit=LIMIT, retry_base_seconds=2) as opened:
        yield opened


async def inbox(bench: Bench) -> list[tuple[Any, ...]]:
    return await bench.query("SELECT state, error FROM inbox")


async def test_the_last_one_waits_for_its_status_too(bench: Bench) -> None:
    """Only then it is parked."""
    bench.graph.script.extend([SendInDoubt("?")] * 9)
    key = await bench.write()
    for expected in range(1, LIMIT + 1):
        await bench.work(key)
        assert expected == len(bench.graph.sent)
        assert [("answered", "in_doubt")] == await inbox(bench)
        bench.clock.now += WAIT_S
    for _ in range(3):
        await bench.work(key)
        bench.clock.now += WAIT_S
    assert LIMIT == len(bench.graph.sent)
    assert [("parked", "in_doubt")] == await inbox(bench)


@pytest.mark.parametrize("turns", [LIMIT, LIMIT + 1])
async def test_a_late_status_of_either_copy_still_settles_it(bench: Bench, turns: int) -> None:
    """While the last copy waits, or when it is parked: nothing is left to do for anybody."""
    bench.graph.script.extend([SendInDoubt("?")] * LIMIT)
    key = await bench.write()
    for _ in range(turns):
        await bench.work(key)
        bench.clock.now += WAIT_S
    await bench.tell("delivered", outbox_id=bench.graph.sent[0]["biz_opaque_callback_data"])
    await bench.work(key)
    assert [("done", None)] == await inbox(bench)
    assert [("sent", None)] == await bench.query("SELECT state, error FROM outbox")


async def test_what_fails_between_does_not_forget_the_first_doubt(bench: Bench) -> None:
    """In doubt, then not sent until it is given up: the customer may have it all the same.

    So what takes up again all that was not sent leaves it alone; its answer shows the last error.
    """
    bench.graph.script.extend([SendInDoubt("?"), *[NotSent("no")] * 9])
    key = await bench.write()
    for _ in range(6):
        await bench.work(key)
        bench.clock.now += WAIT_S
    assert LIMIT == len(bench.graph.sent)
    assert [("parked", "in_doubt")] == await inbox(bench)
    assert [("parked", "not_sent")] == await bench.query("SELECT state, error FROM outbox")
    look = partial(find_retryable, error="not_sent", now=bench.clock.now)
    assert () == await bench.runtime.store.read(look)


async def test_a_daemon_that_dies_over_its_sends_gives_up_in_the_end(bench: Bench) -> None:
    """A crash in the middle of a send counts as one in doubt."""

    async def die() -> None:
        raise RuntimeError

    bench.graph.during_send = die
    key = await bench.write()
    for _ in range(5):
        try:
            await bench.work(key)
        except RuntimeError:
            take = partial(take_over, now=bench.clock.now, in_doubt_s=60)
            await bench.runtime.store.write(take)
        bench.clock.now += WAIT_S
    assert LIMIT == len(bench.graph.sent)
    assert [("parked", "in_doubt")] == await inbox(bench)


async def test_a_lower_limit_casts_no_doubt(tmp_path: Path) -> None:
    """What Meta refused each time is parked for that, and nobody has to look at the chat."""
    async with open_bench(tmp_path, now=NOW, retry_limit=LIMIT) as bench:
        bench.graph.script.extend([NotSent("no")] * (LIMIT - 1))
        key = await bench.write()
        for _ in range(LIMIT - 1):
            await bench.work(key)
            bench.clock.now += WAIT_S
    async with open_bench(tmp_path, now=bench.clock.now, retry_limit=1) as bench:
        await bench.work(key)
        assert [] == bench.graph.sent
        assert [("parked", "not_sent")] == await inbox(bench)


async def test_an_operator_may_send_it_again(bench: Bench) -> None:
    """`inbox retry` counts from nought: it is the operator who looked at the chat."""
    bench.graph.script.extend([SendInDoubt("?")] * (LIMIT + 1))
    key = await bench.write()
    for _ in range(LIMIT + 1):
        await bench.work(key)
        bench.clock.now += WAIT_S
    again = partial(retry, inbox_id=1, now=bench.clock.now, actor=ACTOR)
    await bench.runtime.store.write(again)
    for _ in range(2):
        await bench.work(key)
        bench.clock.now += WAIT_S
    assert LIMIT + 2 == len(bench.graph.sent)
    assert [("done", None)] == await inbox(bench)


async def test_show_explains_it(bench: Bench, shell: Shell) -> None:
    """What may have happened, and what to look at before the command that it names."""
    bench.graph.script.extend([SendInDoubt("?")] * LIMIT)
    key = await bench.write()
    for _ in range(LIMIT):
        await bench.work(key)
        assert "Without one it is sent again then" in shell.must("inbox", "show", "1").err
        bench.clock.now += WAIT_S
    await bench.work(key)
    told = shell.must("inbox", "show", "1").err
    assert "Meta may have taken it" in told
    assert "Look at the chat first" in told
    assert "released inbox retry 1" in told
