"""Keeps up to WORKERS conversations in work at once.

A worker's own error costs its conversation a pause; an error of the pool itself ends it, and the
process with it, so that the supervisor starts anew.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from daemon.work.bell import Bell, Key

log = logging.getLogger(__name__)

ERROR_PAUSE_S = 2.0
"""How long a conversation rests after its worker failed in a way nobody foresaw."""


class Pool:
    """Takes from the bell and runs `work` on each conversation it is given."""

    def __init__(self, bell: Bell, work: Callable[[Key], Awaitable[None]], *, workers: int) -> None:
        """Run nothing yet."""
        self._bell = bell
        self._work = work
        self._workers = workers
        self._free = asyncio.Semaphore(workers)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> int:
        """Count the conversations in work."""
        return len(self._tasks)

    async def run(self) -> None:
        """Take and work until cancelled; what is in work then goes on until `drain`."""
        while True:
            await self._free.acquire()
            try:
                key = await self._bell.take()
            except BaseException:
                self._free.release()
                raise
            task = asyncio.create_task(self._run_one(key), name=f"turn-{key[1]}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def drain(self, *, within_s: float) -> None:
        """Let what is in work finish, and cancel what has not when the time is over."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)
        leftover = tuple(self._tasks)
        for task in leftover:
            task.cancel()
        await asyncio.gather(*leftover, return_exceptions=True)

    async def _run_one(self, key: Key) -> None:
        try:
            await self._work(key)
        except Exception:
            log.exception("turn failed", extra={"client": key[0], "conversation": key[1]})
            self._bell.wake(key, after_s=ERROR_PAUSE_S)
        finally:
            self._bell.done(key)
            self._free.release()
