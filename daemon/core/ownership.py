"""Makes sure that one daemon works on a database, and takes over what a dead one left.

A lock that the kernel holds: it ends with the process, however that ends.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.core.errors import Misconfigured
from daemon.core.rewinding import find_setback, rewind
from daemon.core.store import conversations, outbox
from daemon.core.store.engine import Connection


@contextmanager
def owned(database: Path) -> Iterator[None]:
    """Hold the database as its one daemon.

    Raises:
        Misconfigured: when another daemon holds it.

    """
    lock_file = database.with_name(f"{database.name}.lock")
    handle = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Misconfigured(
                f"Another released-daemon works on {database}. Stop it first,"
                " or give this one another DATABASE_URL."
            ) from None
        yield
    finally:
        os.close(handle)


def take_over(conn: Connection, *, now: float, in_doubt_s: float) -> None:
    """Free what a dead daemon had in hand, and doubt what it was sending."""
    setback_s = find_setback(conn, now=now)
    if setback_s:
        rewind(conn, by_s=setback_s)
    conversations.drop_leases(conn)
    outbox.doubt_all_sending(conn, until=now + in_doubt_s)
