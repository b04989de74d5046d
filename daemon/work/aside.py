"""Runs what blocks for long on a thread of its own, beside the loop and not in its way at the end.

A thread of the loop's own pool would be waited for when the daemon stops, and a backup of gigabytes
takes minutes. One of these ends with the process: what it does must bear to be killed.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def run_aside(name: str, job: Callable[[], T]) -> T:
    """Run `job` and give what it returns or raises; cancelled, it is left to itself."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if outcome.cancelled():
            return
        if error is None:
            outcome.set_result(result)  # type: ignore[arg-type]
        else:
            outcome.set_exception(error)

    def work() -> None:
        result, error = None, None
        try:
            result = job()
        except Exception as failed:  # noqa: BLE001 - handed to whoever waits
            error = failed
        # The loop may have ended meanwhile, and nobody waits any more.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=work, name=name, daemon=True).start()
    return await outcome
