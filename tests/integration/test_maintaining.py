"""Maintenance: it finds what is wrong, hurts nobody who works, and deletes only what may go."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.core.backups import back_up, name_backup
from daemon.core.errors import Misconfigured
from daemon.core.maintaining import Rules, maintain
from daemon.core.store import maintenance
from daemon.core.store.clients import Client
from daemon.core.store.engine import Database
from daemon.core.store.faults import StoreUnavailable
from tests.doubles.backup_kit import (
    MOMENT,
    NO_BACKUPS,
    list_files,
    query,
    run_maintenance,
    stopped,
    unwatched,
)

DAY_S = 86_400.0


def save(database: Database, folder: Path, *, days_ago: float = 0) -> Path:
    folder.mkdir(exist_ok=True)
    file = name_backup(database.path, folder, now=MOMENT - days_ago * DAY_S)
    back_up(database.path, file, force=False, monotonic=stopped, watch=unwatched)
    return file


def scribble(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    whole[4096 * 8 : 4096 * 11] = b"\xff" * 4096 * 3
    path.write_bytes(whole)


def test_a_sound_database(database: Database) -> None:
    """Says so."""
    done = run_maintenance(database)
    assert ("sound", (), (), None) == (done.check, done.faults, done.deleted, done.backup)
    assert database.path.stat().st_size == done.space.used
    assert not done.is_worth_vacuum


def test_a_disk_that_is_nearly_full_is_a_fault(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With less room than the database takes, or a twentieth: sound is not all that counts."""
    usage = shutil.disk_usage(database.path.parent)._replace(total=1 << 30)
    for free, faults in ((0, 1), (50 << 20, 1), (52 << 20, 0)):
        left = usage._replace(free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda _path, left=left: left)
        done = run_maintenance(database)
        assert ("sound", faults) == (done.check, len(done.faults))
        assert all(f"has {free >> 20} MiB left" in fault for fault in done.faults)


def test_old_copies_go_and_the_newest_backup_is_read(database: Database, tmp_path: Path) -> None:
    """As RETENTION_DAYS promises."""
    folder = tmp_path / "kept"
    old, newest = save(database, folder, days_ago=20), save(database, folder)
    left = database.path.with_name("released.db.before-restore-20260401T000000Z")
    left.write_text("old")
    done = run_maintenance(database, Rules(folder, timedelta(days=14)))
    assert ("sound", newest, (left, old), ()) == (
        done.check,
        done.backup,
        done.deleted,
        done.faults,
    )


def test_no_backup_and_an_old_one_are_faults(database: Database, tmp_path: Path) -> None:
    """With the command that makes one; what is older than an old one goes all the same."""
    rules = Rules(tmp_path / "kept", timedelta(days=14))
    (none,) = run_maintenance(database, rules).faults
    assert "there is no backup in" in none
    older, old = (save(database, tmp_path / "kept", days_ago=days) for days in (20, 15))
    done = run_maintenance(database, rules)
    assert [f"the newest backup {old} is 360 hours old. Make one: released db backup"] == [
        *done.faults
    ]
    assert (older,) == done.deleted


def test_with_an_unfit_backup_nothing_is_deleted(database: Database, tmp_path: Path) -> None:
    """The older ones may be the only way back."""
    folder = tmp_path / "kept"
    save(database, folder, days_ago=20)
    scribble(save(database, folder))
    before = list_files(folder)
    done = run_maintenance(database, Rules(folder, timedelta(days=14)))
    assert ("the newest backup is unfit", ()) == (done.faults[0][:26], done.deleted)
    assert before == list_files(folder)


def test_a_folder_that_is_a_file_is_a_fault(database: Database, tmp_path: Path) -> None:
    """In words."""
    (tmp_path / "kept").write_text("mine")
    (fault,) = run_maintenance(database, Rules(tmp_path / "kept", timedelta(days=14))).faults
    assert "cannot be looked into: Not a directory" in fault


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("INSERT INTO assistants VALUES ('asst_x', 77, 1, 1.0)", "a row of assistants names one"),
        ("PRAGMA ignore_check_constraints=1", "the table clients is damaged: NULL value in"),
    ],
)
def test_damage_is_told_with_the_way_back(
    database: Database, client_a: Client, tmp_path: Path, harm: str, said: str
) -> None:
    """And old backups stay: one of them may be needed."""
    assert client_a.id == 1
    old = [save(database, tmp_path / "kept", days_ago=days) for days in (20, 1)]
    with closing(sqlite3.connect(database.path, isolation_level=None)) as conn:
        conn.execute(harm)
        if "INSERT" not in harm:
            conn.execute("PRAGMA writable_schema=1")
            conn.execute(
                "UPDATE sqlite_master SET sql = replace(sql, 'fallback_message TEXT',"
                " 'fallback_message TEXT NOT NULL') WHERE name = 'clients'"
            )
    database.close()
    done = run_maintenance(database, Rules(tmp_path / "kept", timedelta(days=14)))
    assert "damaged" == done.check
    assert said in done.faults[0]
    assert done.faults[0].endswith("released db restore FILE")
    assert [path.name for path in old] == list_files(tmp_path / "kept")


def test_a_file_that_cannot_be_read_is_refused(database: Database, tmp_path: Path) -> None:
    """Damaged beyond reading, none of ours, or not there: each in its words."""
    database.close()
    whole = bytearray(database.path.read_bytes())
    whole[100:4096] = b"\xff" * 3996
    (tmp_path / "bad.db").write_bytes(whole)
    query(tmp_path / "theirs.db", "CREATE TABLE theirs (x)")
    (tmp_path / "empty.db").write_bytes(b"no database at all" * 99)
    for name, said in (
        ("bad.db", "damaged"),
        ("theirs.db", "not a database of Released"),
        ("empty.db", "damaged"),
        ("none.db", "There is no database"),
    ):
        with pytest.raises(Misconfigured, match=said):
            maintain(tmp_path / name, NO_BACKUPS, now=MOMENT, monotonic=stopped)


def test_it_goes_on_beside_a_writer(database: Database) -> None:
    """Somebody who reads is in nobody's way either."""
    with closing(sqlite3.connect(database.path, isolation_level=None)) as writer:
        writer.execute("UPDATE clients SET name = 'x'")
        assert "sound" == run_maintenance(database).check
        writer.execute("BEGIN")
        writer.execute("SELECT count(*) FROM clients").fetchall()
        assert "sound" == run_maintenance(database).check


def test_a_database_that_is_locked_for_long_is_one_line(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run will do."""
    monkeypatch.setattr(maintenance, "BUSY_TIMEOUT_S", 0.05)
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("UPDATE clients SET name = 'x'")
        with pytest.raises(StoreUnavailable, match="locked"):
            run_maintenance(database)


def test_a_check_that_takes_too_long_is_left(database: Database) -> None:
    """It says that it is unfinished, which is no fault; so does one that is cut off in a table."""
    hours = iter(range(0, 10_000_000, 3600))
    done = maintain(database.path, NO_BACKUPS, now=MOMENT, monotonic=lambda: float(next(hours)))
    assert ("unfinished", ()) == (done.check, done.faults)


def test_a_table_is_left_in_the_middle(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of gigabytes is no reason to hold a picture of the database for an hour."""
    monkeypatch.setattr(maintenance, "STEPS", 1)
    with maintenance.opened(database.path) as conn:
        found = maintenance.check(conn, is_late=lambda: True)
    assert maintenance.Checked((), finished=False) == found


def test_a_fault_of_another_kind_is_no_interruption(database: Database) -> None:
    """What SQLite refuses is told as it is."""
    with maintenance.opened(database.path) as conn:
        conn.execute("PRAGMA query_only=ON")
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            maintenance.check(_Renamed(conn), is_late=lambda: False)  # type: ignore[arg-type]


class _Renamed:
    """A connection whose every check meets an error."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn

    def execute(self, sql: str) -> sqlite3.Cursor:
        if "_check" in sql:
            return self._conn.execute("SELECT * FROM nowhere")
        return self._conn.execute(sql)

    def set_progress_handler(self, handler: Callable[[], bool] | None, steps: int) -> None:
        self._conn.set_progress_handler(handler, steps)


def test_a_log_that_has_grown_is_cut(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below that it is kept and used again; with a reader in it, it stays as it is."""
    log = database.path.with_name("released.db-wal")
    database.write(lambda conn: conn.exec_driver_sql("CREATE TABLE x (y)"))
    with (
        closing(sqlite3.connect(database.path, isolation_level=None)) as writer,
        closing(sqlite3.connect(database.path, isolation_level=None)) as reader,
    ):
        writer.execute("PRAGMA wal_autocheckpoint=0")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM x").fetchone()
        writer.execute("INSERT INTO x VALUES (zeroblob(100000))")
        assert run_maintenance(database).log_bytes == log.stat().st_size > 100_000
        monkeypatch.setattr(maintenance, "BIG_LOG_BYTES", 50_000)
        assert run_maintenance(database).log_bytes > 100_000
        reader.execute("COMMIT")
        assert 0 == run_maintenance(database).log_bytes
