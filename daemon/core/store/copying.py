"""Copies a database that is being written, by SQLite's online backup.

Owns how the pages are read and written. Which file is copied where, and why, is its caller's.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from daemon.core.errors import Misconfigured
from daemon.core.store.engine import BUSY_TIMEOUT_S
from daemon.core.store.examining_files import open_to_read
from daemon.core.store.faults import StoreUnavailable

PAGES = 256
"""Pages in one go: a megabyte, some two milliseconds."""

PAUSE_S = 0.005
"""Between two goes, so that the disk is the daemon's for most of the time."""

Watch = Callable[[int, int], None]
"""Told after every go how many pages are copied, and how many there are."""

_NO_ROOM = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})


def copy_live(database: Path, copy: Path, *, watch: Watch) -> None:
    """Copy a database into an empty file as it is at one moment, while others write it.

    Raises:
        StoreUnavailable: when it cannot be read just now.
        Misconfigured: when it is not sound, or the copy cannot be written.

    """
    source = sqlite3.connect(
        f"{database.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_TIMEOUT_S
    )
    source.isolation_level = None
    _copy(source, database, copy, watch, pause_s=PAUSE_S)


def copy_still(file: Path, copy: Path, *, watch: Watch) -> None:
    """Copy a database that nobody writes into an empty file; raises as `copy_live`."""
    _copy(open_to_read(file), file, copy, watch, pause_s=0)


def _copy(
    source: sqlite3.Connection, path: Path, copy: Path, watch: Watch, *, pause_s: float
) -> None:
    def report(_status: int, remaining: int, total: int) -> None:
        watch(total - remaining, total)
        # The driver's own `sleep` is only for a source that is locked.
        time.sleep(pause_s)

    with closing(source):
        _hold_still(source, path)
        try:
            with closing(sqlite3.connect(copy)) as target:
                # A copy that is cut off is thrown away: no need to be able to go back.
                target.execute("PRAGMA journal_mode=OFF")
                source.backup(target, pages=PAGES, progress=report)
            _make_self_contained(copy)
        except sqlite3.DatabaseError as error:
            raise _explain(error, path, copy) from error


def _hold_still(source: sqlite3.Connection, path: Path) -> None:
    """Read from one moment on: without it the copy would begin anew after every change."""
    try:
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        raise StoreUnavailable(
            f"The database {path} cannot be read: {error}. Is its disk full or read-only?"
        ) from error
    except sqlite3.DatabaseError as error:
        raise Misconfigured(f"{path} is no sound database ({error}).") from error


def _make_self_contained(copy: Path) -> None:
    """Take the file out of WAL mode, so that it can be read where nothing can be written."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as target:
        target.execute("PRAGMA journal_mode=DELETE")


def _explain(error: sqlite3.DatabaseError, path: Path, copy: Path) -> Misconfigured:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _NO_ROOM:
        return Misconfigured(
            f"There is no room for a copy of {path} ({error}); nothing is left of it."
            f" Make room in {copy.parent}, or name another place."
        )
    return Misconfigured(f"{path} cannot be copied: {error}.")
