"""Tells of a database that cannot be used: when it begins, once a minute, and when it is over.

Owns the lines `store is down`, `store is back` and `database is damaged` and how seldom they come;
a full disk fails hundreds of jobs a minute, all for one reason. What becomes of the jobs is their
callers' business.
"""

import logging
import math
from collections.abc import Callable
from contextvars import Context

from daemon.core.store.faults import StoreDamaged, StoreUnavailable

log = logging.getLogger(__name__)

TELL_EVERY_S = 60.0
"""Seconds between two lines about the same outage."""

QUIET_S = 10.0
"""So long nothing has failed when it is over: on a full disk what changes nothing still works."""


class Outage:
    """Counts failures of one database; `clock` is seconds that never go back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin with a database that works."""
        self._clock = clock
        self._began_at: float | None = None
        self._failed_at = 0.0
        self._told_at = 0.0
        self._times = 0

    def note_failure(self, down: StoreUnavailable) -> None:
        """Tell of the first at once with its cause, and of those that follow once a minute."""
        now = self._clock()
        self._failed_at = now
        self._times += 1
        if self._began_at is None:
            self._began_at = now
        elif now - self._told_at < TELL_EVERY_S:
            return
        _tell(logging.ERROR, "store is down", error=str(down), times=self._times)
        self._told_at, self._times = now, 0

    def note_success(self) -> None:
        """Tell that it is over, once nothing has failed for a while."""
        if self._began_at is None:
            return
        now = self._clock()
        if now - self._failed_at < QUIET_S:
            return
        _tell(logging.INFO, "store is back", times=self._times, seconds=round(now - self._began_at))
        self._began_at, self._times = None, 0


class Damage:
    """Tells of a damaged database, which is not over before it is replaced; `clock` as above."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin with a database that is whole."""
        self._clock = clock
        self._told_at = -math.inf
        self._times = 0

    def note(self, damaged: StoreDamaged) -> None:
        """Tell of the first at once, and of those that follow once a minute."""
        now = self._clock()
        self._times += 1
        if now - self._told_at < TELL_EVERY_S:
            return
        _tell(logging.ERROR, "database is damaged", error=str(damaged), times=self._times)
        self._told_at, self._times = now, 0


def _tell(level: int, message: str, **facts: object) -> None:
    # In a context of its own: the line is not about the turn that happened to meet it.
    Context().run(log.log, level, message, extra=facts)
