"""`released service logs` where systemd does not run the daemon: its LOG_FILE."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from released_cli.serving import log_file
from tests.doubles.command_line import Shell, assert_refused

JSON_LINES = [
    {"time": "2026-05-28T20:26:40.123Z", "level": level, "logger": "daemon.main", "message": said}
    for level, said in (("INFO", "listening"), ("ERROR", "store is down"), ("INFO", "purged"))
]
TEXT_LINES = """20:26:40 INFO    daemon.main: listening
20:26:41 ERROR   daemon.work.pool: turn failed
Traceback (most recent call last):
20:26:42 INFO    daemon.main: stopping
"""


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    monkeypatch.setattr("released_cli.serving.units.runs_here", lambda: False)
    return Shell(tmp_path, monkeypatch, capsys)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "released.log"
    made.write_text("".join(f"{json.dumps(line)}\n" for line in JSON_LINES))
    return made


def test_it_reads_like_the_journal(shell: Shell, file: Path) -> None:
    """The newest last, by level, by number, and as JSON."""
    shell.set(LOG_FILE=str(file))
    lines = shell.must("service", "logs").out.splitlines()
    assert [
        "INFO     daemon.main: listening",
        "ERROR    daemon.main: store is down",
        "INFO     daemon.main: purged",
    ] == [line.split(" ", 2)[2] for line in lines]
    assert "purged" in shell.must("service", "logs", "-n", "1").out
    (only,) = shell.must("service", "logs", "--level", "error", "--json").out.splitlines()
    found = json.loads(only)
    assert ("error", "store is down") == (found["level"], found["message"])


def test_text_stands_as_it_is(shell: Shell, file: Path) -> None:
    """A traceback is of the level of its line."""
    file.write_text(TEXT_LINES)
    shell.set(LOG_FILE=str(file))
    assert TEXT_LINES == shell.must("service", "logs").out
    graver = shell.must("service", "logs", "--level", "error").out
    assert TEXT_LINES.splitlines()[1:3] == graver.splitlines()
    file.write_text("")
    assert "Nothing was logged.\n" == shell.must("service", "logs").err


def test_an_instance_has_its_log_beside_the_database(shell: Shell, file: Path) -> None:
    """It is set nowhere; the script names it."""
    file.rename(file.with_name("daemon.log"))
    shell.set(DATABASE_URL=f"sqlite+aiosqlite:///{file.with_name('released.db')}")
    assert "purged" in shell.must("service", "logs").out


def test_where_there_is_none_it_says_where_to_look(shell: Shell, file: Path) -> None:
    """And a time is only the journal's to find."""
    assert_refused(shell.run("service", "logs"), 1, "LOG_FILE is not set", "docker compose logs")
    shell.set(LOG_FILE=str(file))
    assert_refused(shell.run("service", "logs", "--since", "today"), 2, str(file))
    file.unlink()
    assert_refused(shell.run("service", "logs"), 1, "cannot be read: No such file")


def test_following_survives_a_rotation(file: Path) -> None:
    """Whole lines only, what comes after the move from the new file, and an emptied one anew."""
    steps: Iterator[Callable[[], object]] = iter(
        [
            lambda: append(file, "20:00:00 INFO    a: one\n20:00:01 IN"),
            lambda: append(file, "FO    a: two\n"),
            lambda: file.rename(file.with_suffix(".1")),
            lambda: append(file, "20:00:02 INFO    a: three\n"),
            lambda: file.write_text(""),
            lambda: append(file, "20:00:03 INFO    a: 4\n"),
        ]
    )
    entries = log_file.follow(file, level="info", sleep=lambda _s: next(steps)())
    assert ["one", "two", "three", "4"] == [
        next(entries).message.rpartition(" ")[2] for _ in range(4)
    ]
    entries.close()


def append(file: Path, text: str) -> None:
    with file.open("a") as log:
        log.write(text)
