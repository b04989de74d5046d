"""`released db backup`, `verify` and `restore`, as an operator types them."""

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from daemon.core.orders import find_orders
from daemon.core.ownership import owned
from daemon.core.store.upgrade import HEAD
from released_cli import keys
from tests.doubles.backup_kit import UNFIT, list_files
from tests.doubles.command_line import PROGRAM, Shell, assert_refused, clean_environment


@pytest.fixture
def shell(shell: Shell) -> Shell:
    shell.add()
    return shell


def test_there_and_back(shell: Shell) -> None:
    """What is saved can be verified, and restored over what was changed since."""
    made = shell.must("db", "backup", "b.db", "--json").json
    assert list(keys.BACKUP) == list(made)
    assert ("b.db", HEAD, 1, 0) == tuple(
        made[key] for key in ("file", "schema", "clients", "messages")
    )
    found = shell.must("db", "verify", "b.db", "--json").json
    shared = [key for key in keys.VERIFIED if key in made]
    assert {**{key: made[key] for key in shared}, "unreadable_tokens": 0} == found
    shell.must("client", "update", "1", "--name", "Other")
    done = shell.must("db", "restore", "b.db", "--yes", "--json").json
    assert list(keys.RESTORED) == list(done)
    assert Path(done["kept"]).name.startswith("released.db.before-restore-")
    assert ["La Plaza"] == [client["name"] for client in shell.list_clients()]
    assert "database.restore" in shell.must("audit").out


def test_what_it_says_to_people(shell: Shell) -> None:
    """One line for a sound file; facts for a backup."""
    out = shell.must("db", "backup", "b.db").out
    assert [*keys.BACKUP] == [line.split()[0] for line in out.splitlines()]
    size = (shell.folder / "b.db").stat().st_size
    line = f"b.db is sound: schema {HEAD}, 1 client, 0 messages, {size} bytes.\n"
    assert line == shell.must("db", "verify", "b.db").out


@pytest.mark.parametrize("name", UNFIT)
def test_no_backup_is_one_line(shell: Shell, name: str) -> None:
    """`verify` and `restore` say the same of it, and exit 1."""
    make, said = UNFIT[name]
    make(shell.folder / "x.db")
    before = (shell.folder / "released.db").read_bytes()
    assert_refused(shell.run("db", "verify", "x.db"), 1, said)
    assert_refused(shell.run("db", "restore", "x.db", "--yes"), 1, said)
    assert before == (shell.folder / "released.db").read_bytes()


def test_refusals(shell: Shell) -> None:
    """A file that is there, a folder that is not, no database."""
    shell.write("there.db", "precious")
    assert_refused(shell.run("db", "backup", "there.db"), 1, "there.db is there already", "--force")
    assert_refused(shell.run("db", "backup", "none/x.db"), 1, "There is no folder none")
    assert_refused(shell.run("db", "backup", "--dir", "none"), 1, "There is no folder none")
    assert_refused(shell.run("db", "backup", "released.db", "--force"), 1, "the database itself")
    shell.must("db", "backup", "there.db", "--force")
    shell.set(DATABASE_URL="sqlite+aiosqlite:///missing.db")
    assert_refused(shell.run("db", "backup", "x.db"), 1, "There is no database missing.db")
    assert "missing.db" not in list_files(shell.folder)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("backup",), ["Name one FILE"]),
        (("backup", "x.db", "--dir", "."), ["Name one FILE"]),
        (("backup", "x.db", "--keep", "3"), ["go with --dir"]),
        (("backup", "--dir", ".", "--older-than", "3"), ["goes with --keep"]),
        (("backup", "--dir", ".", "--keep", "0"), ["--keep"]),
        (("backup", "--dir", ".", "--keep", "1", "--older-than", "1e99"), ["--older-than"]),
        (("backup", "--dir", ".", "--force"), ["--force goes with FILE"]),
        (("verify",), ["FILE"]),
        (("restore", "x.db"), ["--yes"]),
    ],
)
def test_a_wrong_command_line(shell: Shell, arguments: tuple[str, ...], words: list[str]) -> None:
    """Exit code 2, and no file is made."""
    before = list_files(shell.folder)
    assert_refused(shell.run("db", *arguments), 2, *words)
    assert before == list_files(shell.folder)


def test_older_than_nothing_is_refused(shell: Shell) -> None:
    """A slip must not delete all there is."""
    for days in ("0", "-3", "nan"):
        result = shell.run("db", "backup", "--dir", ".", "--keep", "1", f"--older-than={days}")
        assert result.code in {1, 2}
        assert 1 == len(result.err.splitlines())
    assert ["released.db"] == [name for name in list_files(shell.folder) if name.endswith(".db")]


@pytest.mark.parametrize("command", [("backup", "x"), ("verify", "x"), ("restore", "x", "--yes")])
def test_only_on_the_server(shell: Shell, command: tuple[str, ...]) -> None:
    """A database far away is none of this machine's files."""
    result = shell.run("--url", "https://bot.example.com", "db", *command)
    assert_refused(result, 2, f"db {command[0]} works on this machine only")


def test_rotation(shell: Shell) -> None:
    """One is made, and what is too much goes, said on stderr."""
    folder = shell.folder / "all"
    folder.mkdir()
    shell.must("db", "backup", "b.db")
    old = folder / "released-20200101T000000Z.db"
    old.write_bytes((shell.folder / "b.db").read_bytes())
    (folder / "notes.txt").write_text("mine")
    made = shell.must("db", "backup", "--dir", "all", "--keep", "1", "--json")
    assert f"Deleted {old.relative_to(shell.folder)}.\n" == made.err
    assert [Path(made.json["file"]).name, "notes.txt"] == sorted(
        list_files(folder), key=lambda name: not name.startswith("released-")
    )


def test_not_under_a_running_daemon(shell: Shell) -> None:
    """With what to run first."""
    shell.must("db", "backup", "b.db")
    stop = find_orders(shell.folder / "released.db").stop
    with owned(shell.folder / "released.db"):
        shell.must("db", "backup", "c.db")
        result = shell.run("db", "restore", "b.db", "--yes")
    assert_refused(result, 1, "A released-daemon works on", f"Stop it first, and try again: {stop}")


def test_a_restore_tells_what_nobody_can_know(shell: Shell) -> None:
    """Without the replaced database, what was under way may be answered again."""
    with closing(sqlite3.connect("released.db")) as conn, conn:
        conn.execute(
            "INSERT INTO conversations (client_id, wa_id, fence, created_at)"
            " VALUES (1, '34600', 0, 1)"
        )
        conn.execute(
            "INSERT INTO inbox (wamid, client_id, conversation_id, type, text, sent_at,"
            " received_at, state, attempts) VALUES ('w', 1, 1, 'text', 'x', 1, 1, 'pending', 0)"
        )
    shell.must("db", "backup", "b.db")
    shell.set(DATABASE_URL="sqlite+aiosqlite:///new.db")
    done = shell.must("db", "restore", "b.db", "--yes", "--json")
    assert (1, None, None) == tuple(
        done.json[key] for key in ("unsettled", "settled_since", "kept")
    )
    assert "Nobody can tell" in done.err


def test_a_full_disk_is_one_line(shell: Shell) -> None:
    """A limit on the size of files stands for it; nothing is left."""
    limited = f"ulimit -f 64; exec {' '.join(PROGRAM)} db backup x.db"
    done = subprocess.run(
        ["bash", "-c", limited],
        cwd=shell.folder,
        env=clean_environment(PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (1, "") == (done.returncode, done.stdout), done
    assert done.stderr.startswith("released: There is no room for")
    assert 1 == len(done.stderr.splitlines())
    assert [] == [name for name in list_files(shell.folder) if "x.db" in name]
