"""Feels how late the event loop wakes who asked for it: what holds it up holds up every message."""

import asyncio

from daemon.metrics import Metrics

EVERY_S = 0.25
"""Between two looks: four a second catch what lasts, and cost next to nothing."""


class Pulse:
    """Runs beside the pool for as long as the daemon does."""

    def __init__(self, metrics: Metrics) -> None:
        """Count into the daemon's meters."""
        self._lag = metrics.loop_lag

    async def run(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + EVERY_S
            await asyncio.sleep(EVERY_S)
            self._lag.observe(max(0.0, loop.time() - due))
