"""One SQLite file: where it is, who may read it, and what is said when it cannot be used."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from daemon.core.errors import Misconfigured
from daemon.core.store.engine import Connection, Database, sqlite_path
from daemon.core.store.faults import StoreUnavailable
from daemon.core.store.heartbeats import beat
from daemon.core.store.schema import heartbeats
from tests.doubles.writing_kit import beating, failing, locked, names


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite+aiosqlite:///released.db", "released.db"),
        ("sqlite:////srv/released/x.db", "/srv/released/x.db"),
    ],
)
def test_the_database_url_names_a_file(url: str, path: str) -> None:
    """The documented form and the plain one."""
    assert Path(path) == sqlite_path(url)


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("released.db", "not a database URL"),
        ("postgresql+asyncpg://u:hunter2@h/d", "postgresql"),
        ("sqlite+aiosqlite://", "must name a file"),
        ("sqlite+aiosqlite:///:memory:", "must name a file"),
    ],
)
def test_another_database_url_is_refused(url: str, named: str) -> None:
    """In one line, without the password."""
    with pytest.raises(Misconfigured, match=named) as refused:
        sqlite_path(url)
    assert "hunter2" not in str(refused.value)


def test_only_the_owner_may_read_the_database(database: Database) -> None:
    """Mode 0600 for the file and for what SQLite puts beside it, whatever the umask."""
    database.write(beating("a"))
    files = list(database.path.parent.glob("released.db*"))
    assert len(files) == 3
    assert {0o600} == {stat.S_IMODE(file.stat().st_mode) for file in files}


def test_a_path_with_marks_of_a_url_is_that_path(tmp_path: Path) -> None:
    """What stands after a question mark is no option."""
    made = Database(tmp_path / "100%?mode=memory#.db")
    made.create_file()
    made.write(lambda conn: conn.exec_driver_sql("CREATE TABLE t (a)"))
    made.close()
    assert made.path.stat().st_size > 0


def test_a_folder_that_does_not_exist_is_said(tmp_path: Path) -> None:
    """With the setting that names it."""
    with pytest.raises(Misconfigured, match="DATABASE_URL says where it is"):
        Database(tmp_path / "nope" / "x.db").create_file()


def test_no_new_file_is_made_beside_what_a_moved_one_left(database: Database) -> None:
    """SQLite would delete the log of the moved one, and the last messages with it."""
    database.write(beating("a"))
    away = database.path.rename(database.path.with_name("away.db"))
    with pytest.raises(Misconfigured, match=r"gone, and released\.db-wal is still there"):
        Database(database.path).create_file()
    away.rename(database.path)
    again = Database(database.path)
    again.create_file()
    kept = names(again)
    again.close()
    assert ["a"] == kept


def test_every_connection_is_durable_and_strict(database: Database) -> None:
    """An acknowledged row survives a power loss, and no row points at nothing."""

    def pragmas(conn: Connection) -> list[object]:
        asked = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return [conn.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in asked]

    assert ["wal", 2, 1, 10_000] == database.read(pragmas)


def test_a_read_sees_one_picture(database: Database) -> None:
    """What is committed meanwhile by another connection is not seen half way."""

    def look(conn: Connection) -> tuple[int, int]:
        count = sa.select(sa.func.count()).select_from(heartbeats)
        before = conn.execute(count).scalar_one()
        database.write(beating("meanwhile"))
        return before, conn.execute(count).scalar_one()

    assert (0, 0) == database.read(look)
    assert ["meanwhile"] == names(database)


def test_a_job_that_fails_changes_nothing(database: Database) -> None:
    """All of it or nothing."""
    with pytest.raises(ValueError, match="own fault"):
        database.write(failing)
    assert [] == names(database)


def test_a_locked_database_is_unavailable(impatient: Database) -> None:
    """Another program's long transaction is waited for, and then said; nothing is written."""
    with locked(impatient):
        with pytest.raises(StoreUnavailable, match="locked"):
            impatient.write(beating("a"))
        assert [] == names(impatient)
    impatient.write(beating("a"))
    assert ["a"] == names(impatient)


def test_a_full_disk_is_unavailable(database: Database) -> None:
    """Nothing of the transaction stays, and room cures it."""

    def limit(conn: sqlite3.Connection, _record: object) -> None:
        pages = conn.execute("PRAGMA page_count").fetchone()[0]
        conn.execute(f"PRAGMA max_page_count={pages}")

    narrow = Database(database.path)
    event.listen(narrow.engine, "connect", limit)
    with pytest.raises(StoreUnavailable, match="full"):
        narrow.write(beating("x" * 1_000_000))
    narrow.close()
    assert [] == names(database)


def test_a_read_only_database_is_unavailable(database: Database) -> None:
    """What cannot be written is not acknowledged, and can still be read."""
    fixed = Database(database.path)
    event.listen(
        fixed.engine, "connect", lambda conn, _record: conn.execute("PRAGMA query_only=ON")
    )
    with pytest.raises(StoreUnavailable, match="readonly"):
        fixed.write(beating("a"))
    assert [] == names(fixed)
    fixed.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="no file is read-only for root")
def test_a_file_without_write_permission_is_unavailable(database: Database) -> None:
    """As the mode says."""
    database.close()
    database.path.chmod(0o400)
    with pytest.raises(StoreUnavailable):
        database.write(beating("a"))


def test_a_database_that_has_vanished_is_unavailable(tmp_path: Path) -> None:
    """A folder that was unmounted may come back."""
    gone = Database(tmp_path / "gone" / "x.db")
    with pytest.raises(StoreUnavailable, match="unable to open"):
        gone.read(lambda conn: conn.exec_driver_sql("SELECT 1"))
    gone.close()


def test_too_many_readers_at_once_are_told_so(database: Database) -> None:
    """A pool without a free connection is a reason to come back, not a crash."""
    pool = database.engine.pool
    assert isinstance(pool, sa.QueuePool)
    pool._timeout = 0.01
    pool._max_overflow = 0
    taken = [database.engine.connect() for _ in range(pool.size())]
    with pytest.raises(StoreUnavailable, match="busy"):
        database.read(lambda _conn: None)
    for connection in taken:
        connection.close()


def test_a_statement_that_is_wrong_is_a_fault_of_ours(database: Database) -> None:
    """Bugs are not dressed up as a database that is down."""
    with pytest.raises(sa.exc.OperationalError):
        database.read(lambda conn: conn.exec_driver_sql("SELECT nothing FROM nowhere"))
    with pytest.raises(sa.exc.IntegrityError):
        database.write(
            lambda conn: conn.exec_driver_sql("INSERT INTO heartbeats VALUES ('a', 1), ('a', 1)")
        )


def test_a_heart_beats_in_one_row(database: Database) -> None:
    """It proves that writing works, and grows nothing."""
    for now in (1.0, 2.0):
        database.write(lambda conn, now=now: beat(conn, "daemon", now=now))  # type: ignore[misc]
    assert [("daemon", 2.0)] == database.read(
        lambda conn: [tuple(row) for row in conn.execute(sa.select(heartbeats))]
    )
