"""Survives a clock that is set back: what waits for a moment must not wait an hour longer.

Every moment in the database is wall-clock time, because it must outlive the process.
"""

from daemon.core.store import conversations, inbox, outbox
from daemon.core.store.engine import Connection

TOLERANCE_S = 1.0
"""Clocks are nudged by less than this all the time, and nothing depends on that."""


def rewind(conn: Connection, *, by_s: float) -> None:
    """Move all that is due, leased or paused back by as much as the clock went."""
    outbox.rewind(conn, by_s=by_s)
    conversations.rewind(conn, by_s=by_s)


def find_setback(conn: Connection, *, now: float) -> float:
    """Tell by how much the clock is behind the newest message, 0.0 when it is not."""
    behind_s = inbox.newest_received_at(conn) - now
    return behind_s if behind_s > TOLERANCE_S else 0.0


class ClockWatch:
    """Notices while the daemon runs that the wall clock fell behind the monotonic one."""

    def __init__(self, *, wall: float, monotonic: float) -> None:
        """Start from one reading of both, in seconds."""
        self._wall = wall
        self._monotonic = monotonic

    def setback(self, *, wall: float, monotonic: float) -> float:
        """Take the next reading; give by how much the wall clock was set back, else 0.0."""
        behind_s = (monotonic - self._monotonic) - (wall - self._wall)
        self._wall, self._monotonic = wall, monotonic
        return behind_s if behind_s > TOLERANCE_S else 0.0
