"""Backups: whole, checked, private, and only ever in the place of what may go."""

import os
import sqlite3
import subprocess
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.core import placing
from daemon.core.backups import Backup, Rotation, back_up, name_backup, rotate
from daemon.core.errors import Conflict, Invalid, Misconfigured, ReleasedError
from daemon.core.store import copying
from daemon.core.store.clients import Client
from daemon.core.store.engine import Database
from daemon.core.store.examining_files import Unfit, examine
from daemon.core.store.upgrade import HEAD
from tests.doubles.backup_kit import (
    MOMENT,
    UNFIT,
    list_files,
    query,
    stopped,
    unwatched,
)

DAY_S = 86_400.0


def save(database: Database, file: Path, *, force: bool = False) -> Backup:
    return back_up(database.path, file, force=force, monotonic=stopped, watch=unwatched)


def fill(database: Database, megabytes: int) -> None:
    with closing(sqlite3.connect(database.path)) as conn, conn:
        conn.execute("UPDATE clients SET welcome_message = hex(zeroblob(?))", (megabytes << 19,))


def test_a_backup_is_whole_and_private(database: Database, client_a: Client) -> None:
    """It can be read alone, without a log beside it, and only by its owner."""
    file = database.path.with_name("copy.db")
    made = save(database, file)
    size = file.stat().st_size
    assert Backup(file, size, HEAD, clients=1, messages=0, seconds=0.0) == made
    assert 0o600 == file.stat().st_mode & 0o777
    assert [(client_a.name,)] == query(file, "SELECT name FROM clients")
    assert "copy.db-wal" not in list_files(file.parent)
    assert [] == [name for name in list_files(file.parent) if placing.PART in name]


def test_it_is_of_one_moment_while_others_write(database: Database, client_a: Client) -> None:
    """Each transaction is in it or not; a writer never waits, and never makes it begin anew."""
    fill(database, 8)
    file = database.path.with_name("copy.db")
    pages: list[int] = []
    with closing(sqlite3.connect(database.path, timeout=0.2)) as writer:

        def write(done: int, _total: int) -> None:
            pages.append(done)
            with writer:
                writer.execute("UPDATE clients SET name = name || '.', locale = locale || '.'")

        back_up(database.path, file, force=False, monotonic=stopped, watch=write)
    assert pages == sorted(pages)
    assert 8 < len(pages)
    assert [(client_a.name, client_a.locale)] == query(file, "SELECT name, locale FROM clients")


def test_an_existing_file_stays(database: Database) -> None:
    """Without --force; with it, the old one is there until the new one is whole."""
    file = database.path.with_name("copy.db")
    file.write_text("precious")
    with pytest.raises(Conflict, match="--force"):
        save(database, file)
    assert "precious" == file.read_text()
    save(database, file, force=True)
    assert HEAD == examine(file, thoroughly=True).schema


@pytest.mark.parametrize("name", ["released.db", "released.db-wal", "released.db.lock", "link"])
def test_the_database_itself_is_never_replaced(database: Database, name: str) -> None:
    """Nor what belongs to it, nor by another name, not even with --force."""
    database.path.with_name("link").symlink_to("released.db")
    before = database.path.read_bytes()
    with pytest.raises(Invalid, match="belongs to the database itself"):
        save(database, database.path.with_name(name), force=True)
    assert before == database.path.read_bytes()


def test_the_file_behind_a_link_is_never_replaced(database: Database) -> None:
    """A daemon that opened the link would go on writing into a file without a name."""
    link = database.path.with_name("link")
    link.symlink_to("released.db")
    opened = Database(link)
    for name in ("released.db", "released.db-wal", "released.db.lock", "link"):
        with pytest.raises(Invalid, match="belongs to the database itself"):
            save(opened, database.path.with_name(name), force=True)
    opened.close()


def test_where_it_cannot_go(database: Database, tmp_path: Path) -> None:
    """A folder, a missing folder, a file for a folder, no database: each says so."""
    for file, said in (
        (tmp_path, "is a folder"),
        (tmp_path / "none" / "x.db", "There is no folder"),
        (database.path / "x.db", "is a file, and no folder"),
        (Path(os.devnull), "is not a file"),
    ):
        with pytest.raises(ReleasedError, match=said):
            save(database, file, force=True)
    with pytest.raises(Misconfigured, match="There is no database"):
        save(Database(tmp_path / "none.db"), tmp_path / "x.db")
    assert ["released.db"] == list_files(tmp_path)


def test_a_folder_that_may_not_be_written(database: Database, tmp_path: Path) -> None:
    """One clear line."""
    if os.geteuid() == 0:
        pytest.skip("root ignores modes")
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o500)
    with pytest.raises(Misconfigured, match="Permission denied"):
        save(database, folder / "x.db")


def test_a_full_disk_leaves_nothing_half_done(
    database: Database, client_a: Client, tmp_path: Path
) -> None:
    """What was there stays, and the half copy is gone."""
    assert client_a.id == 1
    fill(database, 8)
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        (folder / "x.db").write_text("the last one")
        with pytest.raises(Misconfigured, match="no room"):
            save(database, folder / "x.db", force=True)
        assert "the last one" == (folder / "x.db").read_text()
        assert ["x.db"] == list_files(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_damaged_database_gives_no_backup(database: Database, tmp_path: Path) -> None:
    """What is wrong with it is said, and the last good backup stays."""
    whole = bytearray(database.path.read_bytes())
    whole[4096 * 3 : 4096 * 6] = b"\xff" * 4096 * 3
    database.path.write_bytes(whole)
    (tmp_path / "x.db").write_text("the last one")
    with pytest.raises(ReleasedError, match="damaged"):
        save(database, tmp_path / "x.db", force=True)
    assert "the last one" == (tmp_path / "x.db").read_text()


def test_an_interruption_leaves_nothing(database: Database, tmp_path: Path) -> None:
    """Ctrl-C in the middle."""

    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(database.path, tmp_path / "x.db", force=False, monotonic=stopped, watch=interrupt)
    assert [] == [name for name in list_files(tmp_path) if "x.db" in name]


def test_what_a_killed_backup_left_is_taken_over(database: Database, tmp_path: Path) -> None:
    """It never stands in the way of the next one."""
    placing.part_of(tmp_path / "x.db").write_bytes(b"half" * 9999)
    save(database, tmp_path / "x.db")
    assert HEAD == examine(tmp_path / "x.db", thoroughly=True).schema


def test_two_at_once_do_not_mix(database: Database, tmp_path: Path) -> None:
    """The second is refused, and the first is whole."""
    seen: list[str] = []

    def try_too(_done: int, _total: int) -> None:
        with pytest.raises(Conflict) as refused:
            save(database, tmp_path / "x.db")
        seen.append(str(refused.value))

    back_up(database.path, tmp_path / "x.db", force=False, monotonic=stopped, watch=try_too)
    assert seen
    assert "Another process writes" in seen[0]
    assert HEAD == examine(tmp_path / "x.db", thoroughly=True).schema


def test_a_database_of_an_older_schema_is_saved_as_it_is(tmp_path: Path) -> None:
    """That is what a backup before an upgrade is for."""
    from tests.integration.test_upgrade import upgrade_to  # noqa: PLC0415 - Alembic costs 0.3 s

    upgrade_to(tmp_path / "old.db", "0001")
    old = Database(tmp_path / "old.db")
    assert "0001" == save(old, tmp_path / "copy.db").schema


@pytest.mark.parametrize("name", UNFIT)
def test_what_is_no_backup_is_told_apart(tmp_path: Path, name: str) -> None:
    """Each kind by its own words, and without a trace beside it."""
    make, said = UNFIT[name]
    file = tmp_path / "x.db"
    make(file)
    before = list_files(tmp_path)
    with pytest.raises(Unfit) as refused:
        examine(file, thoroughly=True)
    assert said in str(refused.value)
    assert before == list_files(tmp_path)


def test_a_database_in_use_can_be_verified(database: Database, client_a: Client) -> None:
    """With what is still in its log."""
    assert client_a.id == 1
    with closing(sqlite3.connect(database.path)) as other:
        other.execute("SELECT 1 FROM clients").fetchall()
        assert 1 == examine(database.path, thoroughly=True).clients


class TestRotation:
    def make(self, database: Database, folder: Path, days: int) -> list[Path]:
        """Make a backup a day, the oldest first."""
        folder.mkdir(exist_ok=True)
        files = [
            name_backup(database.path, folder, now=MOMENT - day * DAY_S)
            for day in reversed(range(days))
        ]
        for file in files:
            save(database, file)
        return files

    def test_the_newest_stay(self, database: Database, tmp_path: Path) -> None:
        """As many as are to be kept, the one just made among them."""
        files = self.make(database, tmp_path / "all", 5)
        assert tuple(files[:3]) == rotate(database.path, files[-1], Rotation(2), now=MOMENT)
        assert [path.name for path in files[3:]] == list_files(tmp_path / "all")

    def test_what_is_too_old_goes_too(self, database: Database, tmp_path: Path) -> None:
        """Though it would be kept by number; the one just made never goes."""
        files = self.make(database, tmp_path / "all", 5)
        rule = Rotation(9, timedelta(days=1.5))
        assert tuple(files[:3]) == rotate(database.path, files[-1], rule, now=MOMENT)
        rule = Rotation(1, timedelta(days=1))
        later = MOMENT + 9 * DAY_S
        assert (files[3],) == rotate(database.path, files[-1], rule, now=later)
        assert [files[-1].name] == list_files(tmp_path / "all")

    def test_a_clock_set_back_does_not_cost_the_one_just_made(
        self, database: Database, tmp_path: Path
    ) -> None:
        """Though by its name it is the oldest."""
        files = self.make(database, tmp_path / "all", 3)
        assert tuple(files[1:]) == rotate(database.path, files[0], Rotation(1), now=MOMENT)

    def test_what_is_not_ours_stays(self, database: Database, tmp_path: Path) -> None:
        """Other names, other programs' files, folders and links, whatever they are called."""
        folder = tmp_path / "all"
        (newest,) = self.make(database, folder, 1)
        (folder / "released-20200101T000000Z.db").write_text("somebody's")
        query(folder / "released-20200102T000000Z.db", "CREATE TABLE theirs (x)")
        (folder / "released-20200103T000000Z.db").mkdir()
        (folder / "released-20200104T000000Z.db").symlink_to(newest)
        (folder / "released-20209999T000000Z.db").write_bytes(newest.read_bytes())
        (folder / "other-20200105T000000Z.db").write_bytes(newest.read_bytes())
        (folder / "before-the-move.db").write_bytes(newest.read_bytes())
        before = list_files(folder)
        assert () == rotate(database.path, newest, Rotation(1, timedelta(days=1)), now=MOMENT)
        assert before == list_files(folder)

    def test_what_a_killed_one_left_goes(self, database: Database, tmp_path: Path) -> None:
        """Its half copy would stay for ever; that of one under way is left alone."""
        folder = tmp_path / "all"
        (newest,) = self.make(database, folder, 1)
        placing.part_of(folder / "released-20260101T000000Z.db").write_bytes(b"half")
        with placing.unfinished(folder / "released-20260102T000000Z.db") as busy:
            rotate(database.path, newest, Rotation(1), now=MOMENT)
            assert sorted([busy.name, newest.name]) == list_files(folder)

    @pytest.mark.parametrize("rule", [(0, None), (1, timedelta(0))])
    def test_nothing_kept_is_no_rotation(self, rule: tuple[int, timedelta | None]) -> None:
        """A slip must not delete all there is."""
        with pytest.raises(Invalid):
            Rotation(*rule)


def test_the_writer_is_not_starved(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two goes the copy rests, whatever the disk could do."""
    fill(database, 4)
    rests: list[float] = []
    monkeypatch.setattr(copying.time, "sleep", rests.append)
    save(database, database.path.with_name("x.db"))
    assert {copying.PAUSE_S} == set(rests)
