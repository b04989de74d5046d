"""Who else has a file open, asked of the machine itself."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.core.errors import Conflict
from daemon.core.store.holders import SHOWN_CHARS, name_holders
from daemon.core.store.replacing import bring_to_rest

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc here")

HOLD = "import sys; held = open(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
READ = (
    "import sqlite3, sys; conn = sqlite3.connect(sys.argv[1]); conn.execute('BEGIN');"
    "conn.execute('SELECT * FROM t').fetchall(); print('held', flush=True); sys.stdin.read()"
)


@contextmanager
def holding(code: str, file: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", code, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdin
        assert other.stdout
        assert b"held\n" == other.stdout.readline()
        yield other
        other.stdin.close()


def test_who_has_it_open_is_named(tmp_path: Path) -> None:
    """By command line and process, under whatever name the file is reached; not ourselves."""
    file, link = tmp_path / "a.db", tmp_path / "link.db"
    file.write_text("x")
    link.symlink_to(file)
    assert "" == name_holders(file)
    with file.open(), holding(HOLD, link) as other:
        told = name_holders(file)
    assert told.startswith("'-c import sys; held")
    assert told.endswith(f"…' (process {other.pid})")
    assert SHOWN_CHARS == len(told.removesuffix(f"' (process {other.pid})").removeprefix("'"))
    assert "" == name_holders(tmp_path / "none.db")


def test_many_are_counted(tmp_path: Path) -> None:
    """The line stays one that can be read; processes that are gone or closed are left out."""
    file = tmp_path / "a.db"
    file.write_text("x")
    for number in range(9_000_000, 9_000_005):
        make_process(tmp_path, number, file, b"/opt/bin/released\0top\0")
    (tmp_path / "9000005").mkdir()
    (tmp_path / "9000004" / "cmdline").unlink()
    told = name_holders(file, processes=tmp_path)
    assert told.startswith("'released top' (process 9000000), 'released top' (process 9000001), ")
    assert told.endswith(" and 2 more")
    assert "" == name_holders(file, processes=tmp_path / "none")


def make_process(processes: Path, number: int, opened: Path, command: bytes) -> None:
    """Make what /proc has of a process that has one file open."""
    (processes / str(number) / "fd").mkdir(parents=True)
    (processes / str(number) / "fd" / "3").symlink_to(opened)
    (processes / str(number) / "cmdline").write_bytes(command)


def test_command_lines_steer_no_terminal(tmp_path: Path) -> None:
    """What stands for something else than a character is replaced; who has none is a program."""
    file = tmp_path / "a.db"
    file.write_text("x")
    make_process(tmp_path, 9_000_000, file, b"/bin/vi\0\x1b]0;x\x07\n\xff\0")
    make_process(tmp_path, 9_000_001, file, b"")
    assert ("'vi �]0;x���' (process 9000000), a program (process 9000001)") == name_holders(
        file, processes=tmp_path
    )


def test_only_files_of_the_same_name_are_looked_at(tmp_path: Path) -> None:
    """Others may be on a mount that is dead, where a look never ends: a hard link tells us."""
    file, other = tmp_path / "a.db", tmp_path / "b.db"
    file.write_text("x")
    other.hardlink_to(file)
    make_process(tmp_path, 9_000_000, other, b"vi\0")
    assert "" == name_holders(file, processes=tmp_path)
    assert "'vi' (process 9000000)" == name_holders(other, processes=tmp_path)


def test_a_database_that_is_read_says_by_whom(tmp_path: Path) -> None:
    """A restore that cannot go on tells whom to end."""
    file = tmp_path / "a.db"
    with sqlite3.connect(file) as conn:
        conn.execute("PRAGMA journal_mode=WAL")
        conn.execute("CREATE TABLE t (x)")
    conn.close()
    with holding(READ, file) as other, pytest.raises(Conflict, match=f"process {other.pid}\\)"):
        bring_to_rest(file)
