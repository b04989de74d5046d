"""Decides whether a warning is due again, so that what lasts for weeks is said once a day.

Owns when each was last said, until the daemon ends; what is said, and where, is its caller's.
"""

import math
from collections.abc import Callable

DAY_S = 86_400.0


class Reminder:
    """What was never said may be said."""

    def __init__(self, *, monotonic: Callable[[], float]) -> None:
        """Take a clock that only goes forward, in seconds."""
        self._monotonic = monotonic
        self._said_at: dict[str, float] = {}

    def may_say(self, what: str) -> bool:
        """Tell whether a day has gone by since this was last said; if so, it is said now."""
        now = self._monotonic()
        if now - self._said_at.get(what, -math.inf) < DAY_S:
            return False
        self._said_at[what] = now
        return True
