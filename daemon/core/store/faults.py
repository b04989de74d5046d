"""What may befall a database, in our words: who called can wait, or must act, or has a bug.

Owns how the driver's errors are understood, whether asked directly or through SQLAlchemy.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from daemon.core.errors import Misconfigured, Retryable
from daemon.core.store.disk_faults import PERHAPS, explain_disk

UNAVAILABLE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)
"""Primary result codes that another disk, another mode or a little patience would cure."""

ON_DISK = frozenset(
    {
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
    }
)
"""Those of them that a full or a read-only disk gives rise to."""

DRIVER_ERRORS = (sa.exc.TimeoutError, sa.exc.DatabaseError, sqlite3.DatabaseError)


class StoreUnavailable(Retryable):
    """The database cannot be reached or written just now."""


class StoreOverloaded(StoreUnavailable):
    """More is waiting for the database than it can write in good time."""


class StoreDamaged(Misconfigured):
    """The database cannot be read as one: its file is damaged, or is none of ours."""


def primary_code(error: BaseException | None) -> int:
    """Read SQLite's primary result code: the low byte of the extended one (sqlite.org/rescode)."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise what befalls the database at `path` in our words."""
    try:
        yield
    except DRIVER_ERRORS as error:
        if (understood := translate(path, error)) is None:
            raise
        raise understood from error


def describe_unavailable(path: Path, error: BaseException | None) -> str:
    """Say that the database cannot be used, and, where the disk is to blame, what to do."""
    told = f"The database {path} cannot be used: {error}."
    if primary_code(error) not in ON_DISK:
        return told
    return f"{told} {explain_disk(path) or PERHAPS}"


def translate(path: Path, error: Exception) -> Exception | None:
    """Say in our words what befell the database; None for a fault of our own."""
    if isinstance(error, sa.exc.TimeoutError):
        return StoreUnavailable(f"The database {path} is busy.")
    # The driver's own where it was asked directly, and within SQLAlchemy's elsewhere.
    orig = error.orig if isinstance(error, sa.exc.DatabaseError) else error
    code = primary_code(orig)
    if code in UNAVAILABLE:
        return StoreUnavailable(describe_unavailable(path, orig))
    if code == sqlite3.SQLITE_CORRUPT:
        return StoreDamaged(
            f"{path} is damaged ({orig}). Put a backup in its place: `released db verify FILE`"
            " finds a sound one, and the runbook (docs/runbook.md, A damaged database) has every"
            " step."
        )
    if code == sqlite3.SQLITE_NOTADB:
        return StoreDamaged(
            f"{path} is not a database of Released, or its beginning is damaged. DATABASE_URL says"
            " where ours is; for a damaged one see docs/runbook.md, A damaged database."
        )
    return None
