"""Makes sure that one daemon works on a database, and tells whether one does.

A lock that the kernel holds: it ends with the process, however that ends. What the next daemon
finds in the database is `core.taking_over`'s.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.core.database_files import lock_of
from daemon.core.errors import Misconfigured

PROBE_PAUSE_S = 0.05
"""How long a start waits for somebody who only asks whether the database is owned."""

PROBES = 3


@contextmanager
def owned(database: Path) -> Iterator[None]:
    """Hold the database as its one daemon.

    Raises:
        Misconfigured: when another daemon holds it.

    """
    handle = os.open(lock_of(database), os.O_RDWR | os.O_CREAT, 0o600)
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
    lock_file = lock_of(database)
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
