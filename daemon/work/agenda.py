"""When each of many things is to be looked at next.

Owns moments of a clock that only goes forward, in seconds; knows nothing of the things themselves.
"""

import math
from collections.abc import Callable, Collection


class Agenda:
    """What was never put off is due."""

    def __init__(self, *, monotonic: Callable[[], float], jitter: Callable[[], float]) -> None:
        """Take the clock, and what draws a factor around 1 for every wait."""
        self._monotonic = monotonic
        self._jitter = jitter
        self._due_at: dict[str, float] = {}

    def is_due(self, key: str) -> bool:
        """Tell whether the time of a thing has come."""
        return self._due_at.get(key, -math.inf) <= self._monotonic()

    def put_off(self, key: str, wait_s: float) -> None:
        """Let a thing rest for about so long."""
        self._due_at[key] = self._monotonic() + wait_s * self._jitter()

    def keep_only(self, keys: Collection[str]) -> None:
        """Forget all other things, so that one that comes back is due at once."""
        self._due_at = {key: at for key, at in self._due_at.items() if key in keys}
