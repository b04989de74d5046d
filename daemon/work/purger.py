"""Deletes what is too old while the daemon works, so gently that no webhook waits for it.

Owns when, and how fast. What is too old is `core.retention`'s, how it goes `store.purging`'s. It
keeps no place of its own: whatever is left after a crash is found by the next run.
"""

import asyncio
import logging
import time
from functools import partial

from daemon.core.errors import Retryable
from daemon.core.retention import decide_limits
from daemon.core.runtime import Runtime
from daemon.core.store import purging
from daemon.core.store.purging import Step
from daemon.metrics import Metrics

log = logging.getLogger(__name__)

FIRST_S = 60.0
"""After the start, when what has waited for the daemon is done with."""

EVERY_S = 3600.0
"""Between two runs."""

AGAIN_S = 60.0
"""After a run that the database did not let end."""

PAUSE_S = 0.05
"""Between two transactions, for the messages that have come meanwhile."""

SHARE = 9
"""So many times as long as a transaction took passes before the next, on a slow disk."""


class Purger:
    """Runs beside the pool for as long as the daemon does."""

    def __init__(self, runtime: Runtime, metrics: Metrics) -> None:
        """Share the daemon's parts; own none of them."""
        self._store = runtime.store
        self._clock = runtime.clock
        self._retention_days = runtime.settings.retention_days
        self._metrics = metrics

    async def run(self) -> None:
        """Purge now and then until cancelled."""
        await asyncio.sleep(FIRST_S)
        while True:
            pause_s = EVERY_S
            try:
                await self.purge()
            except Retryable as down:
                log.warning("purge failed", extra={"error": str(down)})
                pause_s = AGAIN_S
            except Exception:
                # Whatever it is: it must not take the bots with it.
                log.exception("purge failed")
            await asyncio.sleep(pause_s)

    async def purge(self) -> dict[str, int]:
        """Delete all that is too old by now; say how many rows of each kind were changed."""
        started = time.monotonic()
        limits = decide_limits(now=self._clock(), retention_days=self._retention_days)
        counts = {step.what: await self._clear(step) for step in purging.list_steps(limits)}
        seconds = round(time.monotonic() - started, 3)
        log.info("purged", extra={**counts, "seconds": seconds})
        return counts

    async def _clear(self, step: Step) -> int:
        total = after = 0
        find = partial(purging.find_page, step=step)
        while (page := await self._store.read(partial(find, after=after))) is not None:
            changed = await self._change(step, page.ids) if page.ids else 0
            total += changed
            if changed < purging.CHUNK:
                # Otherwise the same ids may hold more.
                after = page.reached
        return total

    async def _change(self, step: Step, ids: tuple[int, ...]) -> int:
        began = time.monotonic()
        changed = await self._store.write(partial(purging.purge, step=step, ids=ids))
        self._metrics.purged.labels(step.what).inc(changed)
        await asyncio.sleep(max(PAUSE_S, SHARE * (time.monotonic() - began)))
        return changed
