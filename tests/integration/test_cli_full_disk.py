"""Commands on a disk that takes nothing, with no daemon to hold the database open for them."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.doubles.command_line import Shell, assert_refused
from tests.doubles.ward import pick


@contextmanager
def mounted(folder: Path) -> Iterator[None]:
    """Have a disk of 1 MB; only root may."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def disk(shell: Shell) -> Iterator[Path]:
    """Have the database on a disk of its own, with one client."""
    shell.add()
    disk = shell.folder / "disk"
    with mounted(disk):
        shutil.move("released.db", disk)
        shell.set(DATABASE_URL="sqlite+aiosqlite:///disk/released.db")
        yield disk


def fill(disk: Path) -> None:
    with (disk / "ballast").open("wb", buffering=0) as ballast:
        size = 65_536
        while size:
            try:
                ballast.write(bytes(size))
            except OSError:
                size //= 2


@pytest.mark.parametrize(
    "command", [("status",), ("client", "list"), ("token", "create", "x"), ("db", "maintain")]
)
def test_a_full_disk_is_named(shell: Shell, disk: Path, command: tuple[str, ...]) -> None:
    """SQLite calls it an I/O error; the operator is told what it is, and what to do."""
    fill(disk)
    told = f"Its disk is full: 0 bytes free on {disk}; make room."
    assert_refused(shell.run(*command), 1, "disk/released.db cannot be used", told)


def test_a_read_only_disk_is_named(shell: Shell, disk: Path) -> None:
    """DATABASE_URL is not what is wrong with it."""
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    told = f"Its disk is mounted read-only: have {disk} mounted for writing."
    assert_refused(shell.run("client", "list"), 1, "Read-only file system", told)


def test_the_doctor_looks_at_the_rest(shell: Shell, disk: Path) -> None:
    """Where the database cannot be opened, every check that needs none is made all the same."""
    fill(disk)
    done = shell.run("doctor", "--json")
    database = pick(done.json, "database")
    assert 3 == done.code
    assert f"Its disk is full: 0 bytes free on {disk}; make room" == database["next"]
    assert "error" == pick(done.json, "disk")["state"]
    assert {"clock", "signature", "backups", "model"} < {one["check"] for one in done.json}


def test_the_doctor_says_what_the_database_is_not(shell: Shell) -> None:
    """A file that is none of ours stays as it is, and its line says so among the others."""
    shell.write("released.db", "not a database at all\n" * 1000)
    done = shell.run("doctor", "--json")
    assert 3 == done.code
    assert "not a database of Released" in pick(done.json, "database")["detail"]
    assert "not a database at all" == Path("released.db").read_text().splitlines()[0]
