"""The CLI and its database file: made, upgraded, or refused in one line."""

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from daemon.core.store import engine
from daemon.core.store.upgrade import HEAD
from tests.doubles.command_line import PROGRAM, Shell, assert_refused, clean_environment


def test_the_first_command_makes_the_database(shell: Shell) -> None:
    """On a fresh machine any command makes the file, for its owner's eyes only."""
    shell.must("client", "list")
    assert 0o600 == (shell.folder / "released.db").stat().st_mode & 0o777


def test_upgrade_says_what_it_did(shell: Shell) -> None:
    """`db upgrade` makes the schema, and the second time finds it as it should be."""
    first, second = shell.must("db", "upgrade"), shell.must("db", "upgrade")
    assert ("", f"released.db is upgraded to schema {HEAD}.\n") == (first.out, first.err)
    assert ("", f"released.db is up to date at schema {HEAD}.\n") == (second.out, second.err)


@pytest.mark.parametrize("command", [("client", "list"), ("db", "upgrade"), ("token", "list")])
def test_a_newer_database_is_refused(shell: Shell, command: tuple[str, ...]) -> None:
    """What a newer version wrote is left alone, and the line says what to do."""
    shell.must("db", "upgrade")
    with closing(sqlite3.connect("released.db")) as conn, conn:
        conn.execute("UPDATE alembic_version SET version_num = '9999'")
    assert_refused(shell.run(*command), 1, "newer version", "9999", "DATABASE_URL")


@pytest.mark.parametrize("command", [("client", "list"), ("db", "upgrade")])
@pytest.mark.parametrize("kind", ["sqlite", "text"])
def test_a_foreign_file_is_refused(shell: Shell, kind: str, command: tuple[str, ...]) -> None:
    """Another program's database, or no database at all, is refused and stays as it is."""
    if kind == "sqlite":
        with closing(sqlite3.connect("released.db")) as conn, conn:
            conn.execute("CREATE TABLE theirs (x)")
    else:
        shell.write("released.db", "not a database at all\n" * 1000)
    assert_refused(shell.run(*command), 1, "released.db is not a database of Released")
    if kind == "sqlite":
        with closing(sqlite3.connect("released.db")) as conn:
            names = [row[0] for row in conn.execute("SELECT name FROM sqlite_master")]
        assert ["theirs"] == names


def test_a_locked_database_is_one_line(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another program keeps the database to itself, the wait is bounded and ends clearly."""
    shell.must("db", "upgrade")
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.1)
    monkeypatch.setattr(engine, "PRAGMAS", (*engine.PRAGMAS, "busy_timeout=100"))
    with closing(sqlite3.connect("released.db", isolation_level=None)) as conn:
        conn.execute("BEGIN IMMEDIATE")
        result = shell.run("token", "create", "x")
        conn.execute("ROLLBACK")
    assert_refused(result, 1, "released.db cannot be used", "locked")


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    """A disk that takes no more ends the command in one line that names the database."""
    limited = f"ulimit -f 8; exec {' '.join(PROGRAM)} db upgrade"
    done = subprocess.run(
        ["bash", "-c", limited],
        cwd=tmp_path,
        env=clean_environment(PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (1, "") == (done.returncode, done.stdout), done
    assert done.stderr.startswith("released: The database released.db cannot be used")
    assert 1 == len(done.stderr.splitlines())
