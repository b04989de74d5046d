"""Makes sure that one daemon works on a database, and takes over what a dead one left.

A lock that the kernel holds: it ends with the process, however that ends.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.core.errors import Misconfigured
from daemon.core.rewinding import find_setback, rewind
from daemon.core.store import conversations, heartbeats, outbox
from daemon.core.store.engine import Connection

BEAT = "daemon"
"""The heartbeat that a daemon leaves at its start."""

PROBE_PAUSE_S = 0.05
"""How long a start waits for somebody who only asks whether the database is owned."""

PROBES = 3


@contextmanager
def owned(database: Path) -> Iterator[None]:
    """Hold the database as its one daemon.

    Raises:
        Misconfigured: when another daemon holds it.

    """
    handle = os.open(_lock_of(database), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _lock(handle):
            raise Misconfigured(
                f"Another released-daemon works on {database}. Stop it first,"
                " or give this one another DATABASE_URL."
            )
        yield
    finally:
        os.close(handle)


def is_owned(database: Path) -> bool:
    """Tell whether a daemon holds the database; leaves nothing behind.

    Raises:
        Misconfigured: when the lock is there and must not be looked at.

    """
    lock_file = _lock_of(database)
    try:
        handle = os.open(lock_file, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError as refused:
        raise Misconfigured(
            f"Cannot look at {lock_file}: {refused.strerror}. Run this as the daemon's user."
        ) from refused
    try:
        # Shared, so that two who ask at once do not take each other for a daemon.
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


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


def _lock_of(database: Path) -> Path:
    return database.with_name(f"{database.name}.lock")


def _lock(handle: int) -> bool:
    # Whoever asks `is_owned` holds the lock for an instant, which must not turn a start away.
    for pause_s in (0.0, *(PROBE_PAUSE_S,) * (PROBES - 1)):
        time.sleep(pause_s)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        return True
    return False
