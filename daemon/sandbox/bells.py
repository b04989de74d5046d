"""Waiting for a change without polling: one bell a key, rung by whoever changes it.

Owns waiters only. A caller looks first and waits second with no `await` between: no ring is lost.
"""

import asyncio
from collections.abc import Hashable
from weakref import WeakValueDictionary


class Bells:
    """Bells by key; a bell lives as long as somebody waits for it, so keys cost nothing."""

    def __init__(self) -> None:
        self._events: WeakValueDictionary[Hashable, asyncio.Event] = WeakValueDictionary()
        self.closed = False

    def ring(self, key: Hashable) -> None:
        """Wake all who wait for `key`."""
        event = self._events.pop(key, None)
        if event is not None:
            event.set()

    async def wait(self, key: Hashable, timeout_s: float) -> bool:
        """Tell whether `key` was rung within `timeout_s`; closing ends the wait with False."""
        if self.closed:
            return False
        event = self._events.get(key)
        if event is None:
            event = self._events[key] = asyncio.Event()
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            return False
        return not self.closed

    def close(self) -> None:
        """Send everybody home; nobody waits after this."""
        self.closed = True
        for event in list(self._events.values()):
            event.set()
