"""Keeps up to WORKERS conversations in work at once, fewer while the event loop is short of time.

A worker's own error costs its conversation a pause; an error of the pool itself ends it, and the
process with it, so that the supervisor starts anew.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import takewhile

from daemon.core.store.faults import StoreUnavailable
from daemon.work.bell import Bell, Key

log = logging.getLogger(__name__)

ERROR_PAUSE_S = 2.0
"""How long a conversation rests after its worker failed in a way nobody foresaw."""

PASS_S = 0.0005
"""How long a pass of the event loop may take while a message waits to be acknowledged: that takes a
few passes, and Meta waits for it; a turn can wait."""

YOUNG_S = 0.1
"""How long a turn counts among those that the loop has to work on; one that is older waits for the
model or for Meta, as good as all of its time, and would keep others from a loop that has room."""

FEWEST = 2
"""Turns that go on however busy the loop is: one on it while another's rows are written."""

GROWTH, SHRINKAGE = 0.2, 0.8
"""What a short pass adds to the number of turns at once, and a long one leaves of it."""

PULSE_S = 0.01
"""How often the loop is felt again while it was too short of time to let one more turn begin."""


def adapt_limit(limit: float, *, pass_s: float, pressed: bool, busy: int, workers: int) -> float:
    """Decide how many young turns may go on at once after a pass of the loop took so long.

    `pressed`: somebody waits for an acknowledgement. Never under FEWEST and never over `workers`; a
    long pass takes it below what is `busy` now.
    """
    if not pressed:
        return min(max(limit, busy) + 1, workers)
    if pass_s <= PASS_S:
        return min(limit + GROWTH, workers)
    return max(min(limit, busy) * SHRINKAGE, min(FEWEST, workers))


class Pool:
    """Takes from the bell and runs `work` on each conversation it is given."""

    def __init__(
        self,
        bell: Bell,
        work: Callable[[Key], Awaitable[None]],
        *,
        workers: int,
        is_pressed: Callable[[], bool] = lambda: False,
    ) -> None:
        """Run nothing yet; `is_pressed` tells whether somebody waits for an acknowledgement."""
        self._is_pressed = is_pressed
        self._bell = bell
        self._work = work
        self._workers = workers
        self._limit = float(workers)
        self._tasks: dict[asyncio.Task[None], float] = {}
        self._freed = asyncio.Event()

    @property
    def busy(self) -> int:
        """Count the conversations in work."""
        return len(self._tasks)

    async def run(self) -> None:
        """Take and work until cancelled; what is in work then goes on until `drain`."""
        while True:
            await self._wait_for_room()
            key = await self._bell.take()
            task = asyncio.create_task(self._run_one(key), name=f"turn-{key[1]}")
            self._tasks[task] = asyncio.get_running_loop().time()
            task.add_done_callback(self._note_end)
            await self._feel_pulse()

    async def drain(self, *, within_s: float) -> None:
        """Let what is in work finish, and cancel what has not when the time is over."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)
        leftover = tuple(self._tasks)
        for task in leftover:
            task.cancel()
        await asyncio.gather(*leftover, return_exceptions=True)

    async def _wait_for_room(self) -> None:
        while (is_full := self.busy >= self._workers) or self._count_young() >= int(self._limit):
            self._freed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(None if is_full else PULSE_S):
                    await self._freed.wait()
            if not is_full:
                await self._feel_pulse()

    def _note_end(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        self._freed.set()

    def _count_young(self) -> int:
        """Count the turns that began a moment ago; they stand in the order of their beginning."""
        since = asyncio.get_running_loop().time() - YOUNG_S
        return sum(
            1 for _ in takewhile(lambda began: began > since, reversed(self._tasks.values()))
        )

    async def _feel_pulse(self) -> None:
        """Time one pass of the loop, and let more or fewer turns go on at once."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.sleep(0)
        self._limit = adapt_limit(
            self._limit,
            pass_s=loop.time() - began,
            pressed=self._is_pressed(),
            busy=self._count_young(),
            workers=self._workers,
        )

    async def _run_one(self, key: Key) -> None:
        try:
            await self._work(key)
        except StoreUnavailable:
            # The store has told of it, once for all the conversations that meet it.
            self._bell.wake(key, after_s=ERROR_PAUSE_S)
        except Exception:
            log.exception("turn failed", extra={"client": key[0], "conversation": key[1]})
            self._bell.wake(key, after_s=ERROR_PAUSE_S)
        finally:
            self._bell.done(key)
