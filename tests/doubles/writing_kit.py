"""What tests of the store's writer share: jobs that leave their names behind, and a locked file."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

import sqlalchemy as sa

from daemon.core.store.engine import Connection, Database
from daemon.core.store.heartbeats import beat
from daemon.core.store.schema import heartbeats
from daemon.core.store.tickets import Kept


def names(database: Database) -> list[str]:
    """Read which jobs were kept."""
    return database.read(
        lambda conn: list(conn.execute(sa.select(heartbeats.c.name).order_by("name")).scalars())
    )


def beating(name: str) -> Callable[[Connection], str]:
    """Make a job that writes its name and answers with it."""

    def job(conn: Connection) -> str:
        beat(conn, name, now=1.0)
        return name

    return job


def failing(conn: Connection) -> None:
    """Write something, then fail."""
    beat(conn, "half done", now=1.0)
    raise ValueError("the job's own fault")


def keeping(conn: Connection, items: Sequence[str]) -> Kept:
    """Write all items at once; fail at one whose name begins with "bad"."""
    for name in items:
        if name.startswith("bad"):
            failing(conn)
        beat(conn, name, now=1.0)
    return Kept(list(items))


@contextmanager
def locked(database: Database) -> Iterator[None]:
    """Let another program hold a long transaction on the file."""
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
