"""`released db maintain`, and `released db backup` as every night, as an operator types them."""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from daemon.core import maintaining
from daemon.core.orders import find_orders
from daemon.core.ownership import owned
from daemon.core.store.engine import Database
from released_cli import keys
from tests.doubles.backup_kit import list_files
from tests.doubles.command_line import Shell, assert_refused


@pytest.fixture
def shell(shell: Shell) -> Shell:
    shell.add()
    return shell


class TestEveryNight:
    def test_a_backup_without_a_name_goes_where_the_settings_say(self, shell: Shell) -> None:
        """As many as BACKUP_KEEP stay, none older than RETENTION_DAYS; what goes is told."""
        shell.set(BACKUP_DIR="kept", BACKUP_KEEP="2")
        made = shell.must("db", "backup", "--json").json
        assert list(keys.BACKUP) == list(made)
        assert [Path(made["file"]).name] == list_files(shell.folder / "kept")
        old = shell.folder / "kept" / "released-20200101T000000Z.db"
        old.write_bytes(Path(made["file"]).read_bytes())
        Path(made["file"]).unlink()
        assert "Deleted kept/released-20200101T000000Z.db.\n" == shell.must("db", "backup").err

    def test_the_folder_of_another_name_is_kept_by_the_retention_too(self, shell: Shell) -> None:
        """With --keep, what is older than RETENTION_DAYS goes; without it, nothing."""
        folder = shell.folder / "all"
        folder.mkdir()
        shell.must("db", "backup", "b.db")
        old = folder / "released-20200101T000000Z.db"
        old.write_bytes((shell.folder / "b.db").read_bytes())
        assert "" == shell.must("db", "backup", "--dir", "all").err
        # Two in one second would have the same name.
        next(path for path in folder.iterdir() if path != old).unlink()
        done = shell.must("db", "backup", "--dir", "all", "--keep", "50")
        assert f"Deleted {old.relative_to(shell.folder)}.\n" == done.err

    @pytest.mark.parametrize("option", [("--keep", "3"), ("--older-than", "3"), ("--force",)])
    def test_the_settings_alone_say_what_stays(self, shell: Shell, option: tuple[str, ...]) -> None:
        """A slip would delete what nobody wanted deleted."""
        shell.set(BACKUP_DIR="kept")
        assert_refused(shell.run("db", "backup", *option), 2, "need a FILE or --dir")

    def test_without_the_setting_a_name_is_needed(self, shell: Shell) -> None:
        """And it says that there is the setting."""
        assert_refused(shell.run("db", "backup"), 2, "Name one FILE", "BACKUP_DIR")

    def test_on_a_full_disk_nothing_is_left(self, shell: Shell) -> None:
        """One line; what was there stays, and not a byte is written that the daemon needs."""
        disk = shell.folder / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("only root may mount a small disk")
        try:
            shell.set(BACKUP_DIR="disk/kept")
            assert_refused(shell.run("db", "backup"), 1, "There is no room for a backup in disk")
            assert [] == list_files(disk / "kept")
        finally:
            subprocess.run(["umount", "--lazy", str(disk)], check=True)


class TestMaintain:
    def test_all_is_well(self, shell: Shell) -> None:
        """A receipt, for programs and for people."""
        shell.set(BACKUP_DIR="kept")
        shell.must("db", "backup")
        left = shell.folder / "released.db.before-restore-20260401T000000Z"
        left.write_text("old")
        done = shell.must("db", "maintain", "--json").json
        assert list(keys.MAINTAINED) == list(done)
        assert ("sound", [str(left)], []) == (done["check"], done["deleted"], done["faults"])
        text = shell.must("db", "maintain").out
        shown = dict(line.split(maxsplit=1) for line in text.splitlines())
        assert ("sound", "nothing", "0") == (shown["check"], shown["deleted"], shown["faults"])

    def test_a_fault_is_exit_3(self, shell: Shell) -> None:
        """Told in words, with the next step; the receipt is printed all the same."""
        shell.set(BACKUP_DIR="kept")
        done = shell.run("db", "maintain", "--json", "faults")
        assert 3 == done.code
        assert 1 == len(done.json["faults"])
        assert f"Fault: {done.json['faults'][0]}\n" == done.err

    def test_no_database_is_one_line(self, shell: Shell) -> None:
        """And none is made."""
        shell.set(DATABASE_URL="sqlite+aiosqlite:///none.db")
        assert_refused(shell.run("db", "maintain"), 1, "There is no database none.db")
        assert "none.db" not in list_files(shell.folder)

    def test_unused_space_is_told_and_given_back_when_asked(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Never by itself, and never under a daemon."""
        monkeypatch.setattr(maintaining, "WORTH_BYTES", 1 << 20)
        with closing(sqlite3.connect("released.db", isolation_level=None)) as conn:
            conn.execute("CREATE TABLE x (y)")
            conn.execute("INSERT INTO x VALUES (zeroblob(4000000))")
            conn.execute("DROP TABLE x")
        assert "daemon, then released db maintain --vacuum" in shell.must("db", "maintain").err
        with owned(Path("released.db")):
            result = shell.run("db", "maintain", "--vacuum")
        assert_refused(result, 1, f"try again: {find_orders(Path('released.db')).stop}")
        done = shell.must("db", "maintain", "--vacuum")
        assert "4.2 MB became" in done.err
        assert Path("released.db").stat().st_size < 1 << 20

    def test_a_daemon_may_work_meanwhile(self, shell: Shell) -> None:
        """As it does every Sunday."""
        database = Database(Path("released.db"))
        with owned(database.path):
            assert "sound" == shell.must("db", "maintain", "--json").json["check"]
        database.close()

    def test_only_on_the_server(self, shell: Shell) -> None:
        """A database far away is none of this machine's files."""
        result = shell.run("--url", "https://bot.example.com", "db", "maintain")
        assert_refused(result, 2, "db maintain works on this machine only")


def test_a_full_disk_is_one_line(shell: Shell) -> None:
    """To the last byte, so that SQLite cannot even look; a daemon that runs has what it needs."""
    disk = shell.folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        shutil.copy("released.db", disk)
        with (disk / "ballast").open("wb", buffering=0) as ballast:
            size = 65_536
            while size:
                try:
                    ballast.write(bytes(size))
                except OSError:
                    size //= 2
        shell.set(DATABASE_URL="sqlite+aiosqlite:///disk/released.db")
        assert_refused(shell.run("db", "maintain"), 1, "disk/released.db cannot be used")
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
