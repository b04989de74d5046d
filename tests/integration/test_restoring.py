"""The way back from a backup: the old database or the new one, and nothing sent twice knowingly."""

import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from subprocess import run

import pytest

from daemon.core import placing, restoring
from daemon.core.errors import Conflict, Misconfigured, ReleasedError
from daemon.core.ownership import owned
from daemon.core.restoring import Restored, restore
from daemon.core.store.audit import Actor, list_entries
from daemon.core.store.engine import Connection, Database
from daemon.core.store.examining_files import Unfit, examine
from daemon.core.store.upgrade import HEAD
from tests.doubles.backup_kit import DYING_RESTORE, MOMENT, UNFIT, list_files, query, unwatched
from tests.doubles.instance import make_instance
from tests.doubles.new_database import copy_new_database
from tests.integration.test_upgrade import upgrade_to

KEPT = "released.db.before-restore-20260528T202640Z"


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """Make a backup with one client, "Saved"."""
    path = tmp_path / "saved" / "backup.db"
    path.parent.mkdir()
    copy_new_database(path)
    add_client(path, "Saved")
    query(path, "PRAGMA journal_mode=DELETE")
    return path


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Path]:
    """Make a database in use, with one client, "Now", in a folder of its own."""
    path = tmp_path / "home" / "released.db"
    path.parent.mkdir()
    copy_new_database(path)
    add_client(path, "Now")
    yield path
    for name in list_files(path.parent):
        if not name.startswith("."):
            assert 0o600 == (path.parent / name).stat().st_mode & 0o777


def add_client(path: Path, name: str) -> None:
    query(
        path,
        "INSERT INTO clients (name, phone_number, phone_number_id, active, timezone, locale,"
        " created_at, updated_at) VALUES (?, '+34', '1', 1, 'UTC', 'es', 1, 1)",
        name,
    )


def put_back(file: Path, database: Path) -> Restored:
    return restore(file, database, now=MOMENT, actor=Actor("cli:ana"), watch=unwatched)


def name_in(path: Path) -> object:
    ((name,),) = query(path, "SELECT name FROM clients")
    return name


def test_the_backup_takes_the_place_and_the_old_one_is_kept(backup: Path, target: Path) -> None:
    """Both whole; the backup itself is as it was; and who did it is in the audit trail."""
    before = backup.read_bytes()
    done = put_back(backup, target)
    assert target.with_name(KEPT) == done.kept
    assert ("Saved", "Now") == (name_in(target), name_in(target.with_name(KEPT)))
    assert before == backup.read_bytes()
    assert ["backup.db"] == list_files(backup.parent)
    opened = Database(target)
    (entry,) = opened.read(lambda conn: list_entries(conn, client_id=None, limit=9))
    opened.close()
    assert ("cli:ana", "database.restore") == (entry.actor, entry.action)
    assert {"file": "backup.db", "schema": HEAD} == entry.after


def test_into_a_new_place(backup: Path, tmp_path: Path) -> None:
    """Where there is none yet, nothing is kept."""
    assert put_back(backup, tmp_path / "new.db").kept is None
    assert "Saved" == name_in(tmp_path / "new.db")
    assert 0o600 == (tmp_path / "new.db").stat().st_mode & 0o777


def test_a_link_to_the_database_is_followed(backup: Path, target: Path, tmp_path: Path) -> None:
    """The file behind it is replaced; the link stays one."""
    link = tmp_path / "released.db"
    link.symlink_to(target)
    assert target.with_name(KEPT) == put_back(backup, link).kept
    assert link.is_symlink()
    assert "Saved" == name_in(target)


@pytest.mark.parametrize(("daemons", "ours"), [("link", "file"), ("file", "link")])
def test_a_daemon_that_works_on_it_by_another_name_is_seen(
    backup: Path, target: Path, tmp_path: Path, daemons: str, ours: str
) -> None:
    """A restore through a link, or beneath a daemon that came through one, does not begin."""
    names = {"file": target, "link": tmp_path / "released.db"}
    names["link"].symlink_to(target)
    with owned(names[daemons]), pytest.raises(Conflict, match="works on"):
        put_back(backup, names[ours])
    assert "Now" == name_in(target)


def test_root_leaves_it_to_the_daemons_user(backup: Path, target: Path) -> None:
    """The daemon could not open what belongs to root."""
    if os.geteuid() != 0:
        pytest.skip("only root may give files away")
    os.chown(target, 12345, 12345)
    put_back(backup, target)
    owners = {name: (target.parent / name).stat().st_uid for name in list_files(target.parent)}
    assert {"released.db": 12345, "released.db.lock": 12345, KEPT: 12345} == owners


def test_what_a_dead_daemon_left_in_its_log_is_kept_too(backup: Path, target: Path) -> None:
    """And never read as part of the new database."""
    add_unwritten(target, "Late")
    assert f"{target.name}-wal" in list_files(target.parent)
    put_back(backup, target)
    kept = query(target.with_name(KEPT), "SELECT name FROM clients ORDER BY id")
    assert [("Now",), ("Late",)] == kept
    assert "Saved" == name_in(target)


def add_unwritten(path: Path, name: str) -> None:
    """Add a client that only the log has, as a process that is killed leaves it."""
    script = (
        "import os, signal, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA journal_mode=WAL')\n"
        'c.execute("INSERT INTO clients (name, phone_number, phone_number_id, active, timezone,'
        " locale, created_at, updated_at) VALUES (?, '+34', '2', 1, 'UTC', 'es', 1, 1)\","
        " (sys.argv[2],)); c.commit()\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert -9 == run([sys.executable, "-c", script, str(path), name], check=False).returncode


def test_a_damaged_database_is_replaced_and_kept_with_its_log(backup: Path, target: Path) -> None:
    """That is when a backup is needed most."""
    target.write_text("no database any more\n" * 999)
    target.with_name("released.db-wal").write_bytes(b"an old log")
    for path in target.parent.iterdir():
        path.chmod(0o600)
    assert put_back(backup, target).learnt is None
    assert "Saved" == name_in(target)
    assert "no database any more" in target.with_name(KEPT).read_text()
    assert b"an old log" == target.with_name(f"{KEPT}-wal").read_bytes()
    assert "released.db-wal" not in list_files(target.parent)


def test_a_log_without_its_database_does_not_spoil_the_new_one(backup: Path, target: Path) -> None:
    """Somebody has deleted the one and not the other."""
    add_unwritten(target, "Late")
    target.unlink()
    put_back(backup, target)
    assert "Saved" == name_in(target)


def test_an_older_backup_is_upgraded(target: Path, tmp_path: Path) -> None:
    """The file itself stays of its schema."""
    upgrade_to(tmp_path / "old.db", "0001")
    assert "0001" == put_back(tmp_path / "old.db", target).backup.schema
    assert HEAD == examine(target, thoroughly=True).schema
    assert "0001" == examine(tmp_path / "old.db", thoroughly=True).schema


@pytest.mark.parametrize("name", UNFIT)
def test_what_is_no_backup_is_not_restored(target: Path, tmp_path: Path, name: str) -> None:
    """The database stays, to the byte, and nothing lies beside it."""
    make, said = UNFIT[name]
    make(tmp_path / "x.db")
    before = target.read_bytes()
    with pytest.raises(Unfit) as refused:
        put_back(tmp_path / "x.db", target)
    assert said in str(refused.value)
    assert before == target.read_bytes()
    assert ["released.db", "released.db.lock"] == list_files(target.parent)


def test_not_under_a_running_daemon(backup: Path, target: Path) -> None:
    """It says what to run, which is what stops the daemon here."""
    stop = make_instance(target)
    with owned(target), pytest.raises(Conflict, match="Stop it first") as refused:
        put_back(backup, target)
    assert str(refused.value).endswith(f": {stop}")
    assert "Now" == name_in(target)


def test_no_daemon_starts_in_the_middle(
    backup: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would write into what is about to be replaced."""

    def start_too(*args: object) -> None:
        with pytest.raises(Misconfigured, match="Another released-daemon"), owned(target):
            pass
        real(*args)

    real = placing.place
    monkeypatch.setattr(placing, "place", start_too)
    put_back(backup, target)
    assert "Saved" == name_in(target)


def test_not_while_another_program_reads(backup: Path, target: Path) -> None:
    """It would go on reading the old one."""
    with closing(sqlite3.connect(target)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("SELECT 1 FROM clients").fetchall()
        with pytest.raises(Conflict, match="Another program has"):
            put_back(backup, target)
    assert "Now" == name_in(target)


def test_where_it_cannot_go(backup: Path, target: Path, tmp_path: Path) -> None:
    """The database itself, a folder, a missing folder."""
    for file, place, said in (
        (target, target, "is the database itself"),
        (backup, tmp_path, "is a folder"),
        (backup, tmp_path / "none" / "x.db", "There is no folder"),
    ):
        with pytest.raises(ReleasedError, match=said):
            put_back(file, place)
    assert "Now" == name_in(target)


def test_a_folder_that_may_not_be_written(backup: Path, target: Path) -> None:
    """One clear line."""
    if os.geteuid() == 0:
        pytest.skip("root ignores modes")
    target.parent.chmod(0o500)
    try:
        with pytest.raises(Misconfigured, match="Permission denied"):
            put_back(backup, target)
    finally:
        target.parent.chmod(0o700)


def test_a_full_disk_changes_nothing(backup: Path, tmp_path: Path) -> None:
    """The old database stays, and is whole."""
    with closing(sqlite3.connect(backup)) as conn, conn:
        conn.execute("UPDATE clients SET welcome_message = hex(zeroblob(?))", (2 << 20,))
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        copy_new_database(folder / "released.db")
        add_client(folder / "released.db", "Now")
        with pytest.raises(Misconfigured, match="no room"):
            put_back(backup, folder / "released.db")
        assert "Now" == name_in(folder / "released.db")
        assert [] == [name for name in list_files(folder) if placing.PART in name]
    finally:
        run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("point", ["copy", "learn", "keep", "place"])
def test_a_crash_leaves_the_old_one_or_the_new_one(
    backup: Path, target: Path, point: str, side: str
) -> None:
    """SIGKILL at each step: one of both is in its place, whole, and it can be done again."""
    script = run([sys.executable, "-c", DYING_RESTORE, backup, target, point, side], check=False)
    assert -9 == script.returncode
    expected = "Saved" if (point, side) == ("place", "after") else "Now"
    assert expected == name_in(target)
    assert HEAD == examine(target, thoroughly=True).schema
    shutil.copy(backup, backup.with_name("again.db"))
    restore(backup.with_name("again.db"), target, now=MOMENT + 1, actor=Actor("t"), watch=unwatched)
    assert "Saved" == name_in(target)
    assert [] == [name for name in list_files(target.parent) if placing.PART in name]


def test_a_restored_database_serves(backup: Path, target: Path) -> None:
    """It is opened and written as any other."""
    put_back(backup, target)
    opened = Database(target)

    def rename(conn: Connection) -> int:
        return conn.exec_driver_sql("UPDATE clients SET name = 'Served'").rowcount

    assert 1 == opened.write(rename)
    opened.close()
    assert "Served" == name_in(target)
    assert restoring.check_restore(backup, target).schema == HEAD
