"""Giving back unused space: never under a daemon, and without a trace in the plans of queries."""

import os
import shutil
import sqlite3
from contextlib import closing

import pytest

from daemon.core import maintaining
from daemon.core.errors import Conflict, Misconfigured, ReleasedError
from daemon.core.maintaining import vacuum
from daemon.core.ownership import owned
from daemon.core.store import due_sends, inbox, maintenance
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection, Database
from tests.doubles.backup_kit import query, run_maintenance
from tests.doubles.bookkeeping import keep, send, settle
from tests.doubles.query_plans import explain
from tests.doubles.store_kit import NOW


class TestVacuum:
    def test_unused_space_is_told_and_given_back(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Told by every run, given back only when asked for."""
        monkeypatch.setattr(maintaining, "WORTH_BYTES", 1 << 20)
        with closing(sqlite3.connect(database.path, isolation_level=None)) as conn:
            conn.execute("CREATE TABLE x (y)")
            conn.execute("INSERT INTO x VALUES (zeroblob(4000000))")
            conn.execute("DROP TABLE x")
        database.close()
        done = run_maintenance(database)
        assert done.is_worth_vacuum
        before, after = vacuum(database.path)
        assert (done.space, 0) == (before, after.unused)
        assert after.used == database.path.stat().st_size < 1 << 20

    def test_a_daemon_can_start_after_root_was_here(self, database: Database) -> None:
        """The lock that it leaves belongs to whom the database does."""
        if os.geteuid() != 0:
            pytest.skip("only root gives files away")
        database.close()
        os.chown(database.path, 4711, 4712)
        vacuum(database.path)
        lock = database.path.with_name("released.db.lock").stat()
        assert (4711, 4712) == (lock.st_uid, lock.st_gid)

    def test_never_under_a_daemon(self, database: Database) -> None:
        """It would keep every message waiting."""
        with (
            owned(database.path),
            pytest.raises(Conflict, match="Stop it first, and try again: Ctrl-C where it runs"),
        ):
            vacuum(database.path)

    def test_not_where_it_would_fill_the_disk(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing is begun."""
        usage = shutil.disk_usage(database.path.parent)._replace(free=1 << 20)
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
        with pytest.raises(Misconfigured, match="no room to write"):
            vacuum(database.path)

    def test_not_while_somebody_reads(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One line after its patience; and none for what is not there."""
        monkeypatch.setattr(maintenance, "BUSY_TIMEOUT_S", 0.05)
        with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(ReleasedError, match="locked"):
                vacuum(database.path)
        with pytest.raises(Misconfigured, match="There is no database"):
            vacuum(database.path.with_name("none.db"))


def test_statistics_of_a_moment_do_not_stay(database: Database, client_a: Client) -> None:
    """Somebody's ANALYZE turns the daemon's searches into sorting; afterwards they are as made."""

    def live(conn: Connection) -> None:
        for number in range(300):
            kept = keep(conn, client_a, f"w{number}", customer=f"34{number % 40}")
            for row in settle(conn, client_a, kept) if number % 50 else ():
                send(conn, row)

    def find_plans() -> list[str]:
        found = database.read(
            lambda conn: explain(
                conn,
                lambda: (
                    inbox.pending_after(conn, 0, limit=500),
                    due_sends.list_due(conn, now=NOW, limit=500),
                ),
            )
        )
        database.close()
        return found

    database.write(live)
    as_made = find_plans()
    query(database.path, "ANALYZE")
    assert as_made != find_plans()
    assert "sound" == run_maintenance(database).check
    assert as_made == find_plans()
