"""Leaves nothing of a secret in the file once the row holds something else.

Owns SQLite's ways of doing so. What was written to backups, or lies on the disk below, is beyond.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import sqlalchemy as sa

from daemon.core.store.engine import Database

PATIENCE_S = 1
"""How long emptying the log waits for who reads it: it is emptied now and then anyway."""


@contextmanager
def overwriting(conn: sa.Connection) -> Iterator[None]:
    """Overwrite with zeros what is deleted or replaced meanwhile (sqlite.org/pragma.html)."""
    before = conn.exec_driver_sql("PRAGMA secure_delete").scalar_one()
    conn.exec_driver_sql("PRAGMA secure_delete=ON")
    try:
        yield
    finally:
        # 2 is what SQLite calls FAST.
        conn.exec_driver_sql(f"PRAGMA secure_delete={'FAST' if before == 2 else before}")  # noqa: PLR2004


def write_log_back(database: Database) -> None:
    """Write the log into the database and empty it, as far as nobody is reading it just now."""
    with (
        suppress(sqlite3.OperationalError),
        closing(sqlite3.connect(database.path, timeout=PATIENCE_S)) as conn,
    ):
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
