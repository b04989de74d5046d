"""SQLite, opened the way a durable inbox needs it.

Owns connections, pragmas and transactions, and translates the driver's errors. Knows no table. A
*job* is a function of an open `Connection`; it may be run a second time when a neighbour in its
batch fails, so it changes nothing but the database.

The standard driver runs on threads of ours: one hop to another thread for a whole transaction,
where an async driver pays one for each statement (measured: 107 against 136 us of CPU a request).
"""

import errno
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event

from daemon.core.database_files import log_of
from daemon.core.errors import Misconfigured
from daemon.core.sealing.keyring import Keyring
from daemon.core.store.disk_faults import PERHAPS, explain_disk
from daemon.core.store.faults import (
    DRIVER_ERRORS,
    StoreUnavailable,
    primary_code,
    translate,
    translated,
)
from daemon.core.store.in_place import InPlace

T = TypeVar("T")
Connection = sa.Connection
"""An open transaction, by the name the rest of the core knows it."""

Job = Callable[[Connection], T]

BUSY_TIMEOUT_S = 10
"""How long a transaction waits for another process's lock."""

READERS = 4
"""Connections that read beside the writer; WAL lets them."""

PRAGMAS = (
    "synchronous=FULL",
    "foreign_keys=ON",
    f"busy_timeout={BUSY_TIMEOUT_S * 1000}",
    "wal_autocheckpoint=1000",
    "cache_size=-16000",
    "temp_store=MEMORY",
)
"""Beside WAL. FULL keeps an acknowledged row through a power loss; NORMAL, 10 % faster, may not."""


_KEYRING = "keyring"
_OF_DISK = frozenset({errno.EDQUOT, errno.ENOSPC, errno.EROFS})


def sqlite_path(url: str) -> Path:
    """Take the file's path out of DATABASE_URL.

    Raises:
        Misconfigured: for a URL that is none, or names a database we do not run on.

    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise Misconfigured(
            "DATABASE_URL is not a database URL. Example: sqlite+aiosqlite:///released.db"
        ) from None
    if parsed.get_backend_name() != "sqlite":
        raise Misconfigured(
            f"DATABASE_URL names {parsed.get_backend_name()}, which this version does not run on."
            " Use sqlite+aiosqlite:///released.db"
        )
    if not parsed.database or parsed.database == ":memory:":
        raise Misconfigured("DATABASE_URL must name a file: what is kept in memory would be lost.")
    return Path(parsed.database)


class Database:
    """One SQLite file. `read` and `write` block; the daemon goes through `GroupCommit`.

    `keyring` seals the access tokens in it.
    """

    def __init__(self, path: Path, keyring: Keyring | None = None) -> None:
        """Open nothing yet; `path` may not exist, and without `keyring` its key lies beside it."""
        self.path = path
        self.keyring = keyring or Keyring(path)
        self.engine = sa.create_engine(
            sa.URL.create("sqlite", database=str(path)),
            poolclass=sa.QueuePool,
            pool_size=READERS + 2,
            connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_S},
            # An error's message would quote what customers wrote, and end in the log.
            hide_parameters=True,
            execution_options={_KEYRING: self.keyring},
        )
        self.in_place = InPlace(path)
        event.listen(self.engine, "connect", _set_pragmas)
        event.listen(self.engine, "connect", lambda *_: self.in_place.note())
        event.listen(self.engine, "begin", _begin)

    def create_file(self) -> None:
        """Make an empty file that only its owner may read; its companions inherit the mode.

        Raises:
            Misconfigured: when the folder does not exist or does not let us, or the log of a
                database that is gone lies there: SQLite would delete it with all that it holds.

        """
        if not self.path.exists() and (log := log_of(self.path)).exists():
            raise Misconfigured(
                f"The database {self.path} is gone, and {log.name} is still there: it may hold"
                f" messages. Put {self.path.name} back; only to begin anew delete {log.name} too."
            )
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as refused:
            mend = "DATABASE_URL says where it is."
            if refused.errno in _OF_DISK:
                mend = explain_disk(self.path) or PERHAPS
            raise Misconfigured(
                f"Cannot open the database {self.path}: {refused.strerror}. {mend}"
            ) from refused

    def read(self, job: Job[T]) -> T:
        """Run `job` on one consistent picture of the database."""
        self.in_place.check()
        with translated(self.path), self.engine.connect() as conn, conn.begin():
            return job(conn)

    def write(self, job: Job[T]) -> T:
        """Run `job` in a transaction of its own, committed when this returns."""
        with closing(Writer(self)) as writer:
            return writer.write(job)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


class Writer:
    """Runs one transaction after another on a connection that it keeps, one call at a time.

    What finds the database unavailable ends the transaction and the connection with it: whatever
    became of the file, the next `begin` opens it anew.
    """

    def __init__(self, database: Database) -> None:
        """Connect with the first transaction."""
        self._database = database
        self._conn: sa.Connection | None = None
        self._patience_ms = 0

    def write(self, job: Job[T]) -> T:
        """Run `job` in a transaction of its own, committed when this returns."""
        self.begin()
        try:
            result = self.run(job)
        except BaseException:
            self.rollback()
            raise
        self.commit()
        return result

    def begin(self) -> None:
        """Begin a transaction; wait for those of other programs."""
        self._database.in_place.check()
        with self._guarded():
            if self._conn is None:
                self._conn = self._database.engine.connect().execution_options(writes=True)
                asked = _driver(self._conn).execute("PRAGMA busy_timeout")
                self._patience_ms = asked.fetchone()[0]
            self._conn.begin()

    def begin_at_once(self) -> bool:
        """Begin a transaction unless that takes waiting; say whether it is begun."""
        if self._conn is None:
            return False
        self._database.in_place.check()
        driver = _driver(self._conn)
        driver.execute("PRAGMA busy_timeout=0")
        try:
            self._conn.begin()
        except sqlite3.DatabaseError:
            # `begin` waits for it, or says in our words what is wrong.
            return False
        finally:
            driver.execute(f"PRAGMA busy_timeout={self._patience_ms}")
        return True

    def run(self, job: Job[T]) -> T:
        """Run `job` in the transaction that is begun."""
        assert self._conn is not None  # noqa: S101 - begun
        try:
            return job(self._conn)
        except StoreUnavailable:
            self._drop()
            raise
        except DRIVER_ERRORS as error:
            # Not `_guarded`: a context manager would cost a job a tenth of what its statements do.
            if (understood := self._understand(error)) is None:
                raise
            raise understood from error

    def commit(self) -> None:
        """Bring the transaction to the disk; when that fails the connection is of no more use."""
        assert self._conn is not None  # noqa: S101 - begun
        try:
            with translated(self._database.path):
                self._conn.commit()
        except BaseException:
            self._drop()
            raise

    def rollback(self) -> None:
        """Undo the transaction, if it is not undone already."""
        with self._guarded():
            if self._conn is not None:
                self._conn.rollback()

    def close(self) -> None:
        """Give the connection back."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except DRIVER_ERRORS as error:
            if (understood := self._understand(error)) is None:
                raise
            raise understood from error

    def _understand(self, error: Exception) -> Exception | None:
        understood = translate(self._database.path, error)
        if understood is not None:
            self._drop()
        return understood

    def _drop(self) -> None:
        """Close the connection for good: back in the pool it might still be in its transaction."""
        if self._conn is not None:
            self._conn.invalidate()
        self.close()


def get_keyring(conn: sa.Connection) -> Keyring:
    """Give the keyring of the database that a transaction is on."""
    keyring: Keyring = conn.get_execution_options()[_KEYRING]
    return keyring


def _driver(conn: sa.Connection) -> Any:
    return conn.connection.driver_connection


def _set_pragmas(dbapi_connection: Any, _record: object) -> None:
    # The driver's own implicit transactions would begin as readers and fail on the upgrade.
    dbapi_connection.isolation_level = None
    _switch_to_wal(dbapi_connection)
    for pragma in PRAGMAS:
        dbapi_connection.execute(f"PRAGMA {pragma}")


def _switch_to_wal(dbapi_connection: Any) -> None:
    """Ask again while another program does the same with a new file: SQLite lets neither wait."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            dbapi_connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _begin(conn: sa.Connection) -> None:
    writes = conn.get_execution_options().get("writes", False)
    # By the driver itself: SQLAlchemy's way takes as long as the rest of an empty transaction.
    _driver(conn).execute("BEGIN IMMEDIATE" if writes else "BEGIN")
