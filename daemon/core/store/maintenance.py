"""What a database in use needs now and then: a check, its log written back, its space counted.

Owns the statements, and that none of them keeps a writer waiting. When they are run, and what is
done with what they find, is `core.maintaining`'s.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from daemon.core.errors import Misconfigured
from daemon.core.store.engine import BUSY_TIMEOUT_S
from daemon.core.store.faults import UNAVAILABLE, StoreUnavailable, describe_unavailable
from daemon.core.store.schema import APPLICATION_ID

FAULTS = 5
"""Faults of one table that are told: the first says enough."""

STEPS = 20_000
"""Between two looks at the clock, in steps of SQLite's machine: a few milliseconds."""

BIG_LOG_BYTES = 16 << 20
"""From this size on the log's file is cut; below it, it is used over and over."""


@dataclass(frozen=True, slots=True)
class Space:
    """The file's size in bytes, and how many of these are in use by nothing."""

    used: int
    unused: int


@dataclass(frozen=True, slots=True)
class Checked:
    """Faults that were found, each in a few words; `finished` is false when time ran out."""

    faults: tuple[str, ...]
    finished: bool


@contextmanager
def opened(database: Path) -> Iterator[sqlite3.Connection]:
    """Open a database of ours beside whoever works on it.

    Raises:
        StoreUnavailable: when it is busy, or its disk fails or is full.
        Misconfigured: when it is not ours.

    """
    try:
        address = f"{database.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S)) as conn:
            conn.isolation_level = None
            ((owner,),) = conn.execute("PRAGMA application_id")
            if owner != APPLICATION_ID:
                raise Misconfigured(
                    f"{database} is not a database of Released. DATABASE_URL says where ours is."
                )
            yield conn
    except sqlite3.DatabaseError as error:
        if _code(error) in UNAVAILABLE:
            raise StoreUnavailable(describe_unavailable(database, error)) from error
        raise Misconfigured(
            f"{database} is damaged ({error}). Put a backup in its place: released db restore FILE"
        ) from error


def check(conn: sqlite3.Connection, *, is_late: Callable[[], bool]) -> Checked:
    """Look for damage, one table at a time, so that the log can be written back in between."""
    tables = conn.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    faults: list[str] = []
    conn.set_progress_handler(is_late, STEPS)
    try:
        for (table,) in tables.fetchall():
            faults += _check_table(conn, table)
            if is_late():
                return Checked(tuple(faults), finished=False)
    except sqlite3.OperationalError as error:
        if _code(error) != sqlite3.SQLITE_INTERRUPT:
            raise
        return Checked(tuple(faults), finished=False)
    finally:
        conn.set_progress_handler(None, 0)
    return Checked(tuple(faults), finished=True)


def measure(conn: sqlite3.Connection) -> Space:
    """Tell how large the file is, and how much of it a VACUUM would give back."""
    ((size,),) = conn.execute("PRAGMA page_size")
    ((pages,),) = conn.execute("PRAGMA page_count")
    ((free,),) = conn.execute("PRAGMA freelist_count")
    return Space(size * pages, size * free)


def forget_statistics(conn: sqlite3.Connection) -> bool:
    """Drop what an ANALYZE has left; say whether somebody had run one.

    Our statements are written for certain indexes. Statistics of a moment talk SQLite out of them:
    with one client it would sort the whole backlog twice a second.
    """
    found = conn.execute("SELECT name FROM sqlite_master WHERE name GLOB 'sqlite_stat[0-9]'")
    tables = [name for (name,) in found.fetchall()]
    for table in tables:
        conn.execute(f"DROP TABLE {table}")
    return bool(tables)


def write_log_back(conn: sqlite3.Connection, log: Path) -> int:
    """Write the log into the database without waiting for anybody; give the size it has left.

    Only where it has grown large is its file cut too, and only if nobody works at that instant.
    """
    conn.execute("PRAGMA busy_timeout=0")
    conn.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    if _size(log) > BIG_LOG_BYTES:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return _size(log)


def vacuum(conn: sqlite3.Connection) -> None:
    """Write the file anew without what is in use by nothing; nobody else may work on it."""
    conn.execute("VACUUM")
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def _check_table(conn: sqlite3.Connection, table: str) -> Iterator[str]:
    name = table.replace("'", "''")
    for (found,) in conn.execute(f"PRAGMA quick_check('{name}')").fetchmany(FAULTS):
        if found != "ok":
            yield f"the table {table} is damaged: {' '.join(str(found).split())}"
    orphan = conn.execute(f"PRAGMA foreign_key_check('{name}')").fetchone()
    if orphan is not None:
        yield f"a row of {table} names one of {orphan[2]} that is not there"


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def _code(error: sqlite3.Error) -> int:
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF
