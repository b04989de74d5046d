"""Survives a clock that is set: back, or forward as after a machine that slept.

Every moment in the database is wall-clock time, because it must outlive the process. Set back, what
waits for a moment must not wait an hour longer. Set forward, what is in doubt must not count the
leap as time in which its status could have come: it would be sent a second time.
"""

from daemon.core.store import conversations, inbox, outbox
from daemon.core.store.engine import Connection

TOLERANCE_S = 1.0
"""Clocks are nudged by less than this all the time, and nothing depends on that."""


def rewind(conn: Connection, *, by_s: float) -> None:
    """Move all that is due, leased or paused back by as much as the clock went."""
    outbox.rewind(conn, by_s=by_s)
    conversations.rewind(conn, by_s=by_s)


def follow(conn: Connection, *, step_s: float, doubt_until: float) -> None:
    """Let what waits follow a clock that was set forward by so many seconds, or back if below 0.

    Nothing waits in doubt beyond `doubt_until`: what was put in doubt since the leap knew of it.
    """
    if step_s < 0:
        rewind(conn, by_s=-step_s)
    else:
        outbox.prolong_doubt(conn, by_s=step_s, until=doubt_until)


def find_setback(conn: Connection, *, now: float) -> float:
    """Tell by how much the clock is behind the newest message, 0.0 when it is not."""
    behind_s = inbox.newest_received_at(conn) - now
    return behind_s if behind_s > TOLERANCE_S else 0.0


class ClockWatch:
    """Notices while the daemon runs that the wall clock left the monotonic one."""

    def __init__(self, *, wall: float, monotonic: float) -> None:
        """Start from one reading of both, in seconds."""
        self._wall = wall
        self._monotonic = monotonic

    def step(self, *, wall: float, monotonic: float) -> float:
        """Take the next reading; give by how much the wall clock was set forward, back below 0."""
        step_s = (wall - self._wall) - (monotonic - self._monotonic)
        self._wall, self._monotonic = wall, monotonic
        return step_s if abs(step_s) > TOLERANCE_S else 0.0
