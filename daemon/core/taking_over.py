"""Takes over what a dead daemon left in the database: its leases, its sends, and its clock.

That no other daemon works on it is `core.ownership`'s to make sure.
"""

from daemon.core.rewinding import find_setback, rewind
from daemon.core.store import conversations, heartbeats, outbox
from daemon.core.store.engine import Connection

BEAT = "daemon"
"""The heartbeat that a daemon leaves at its start."""


def take_over(conn: Connection, *, now: float, in_doubt_s: float) -> None:
    """Free what a dead daemon had in hand, and doubt what it was sending."""
    heartbeats.beat(conn, BEAT, now=now)
    setback_s = find_setback(conn, now=now)
    if setback_s:
        rewind(conn, by_s=setback_s)
    conversations.drop_leases(conn)
    outbox.doubt_all_sending(conn, until=now + in_doubt_s)


def started_at(conn: Connection) -> float | None:
    """Tell when a daemon last took the database over; None before the first one did."""
    return heartbeats.last_beat(conn, BEAT)
