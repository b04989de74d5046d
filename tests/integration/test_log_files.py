"""The log in a file: it may be moved, and whatever becomes of the disk, logging raises nothing."""

import json
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.core.errors import Misconfigured
from daemon.logs import set_up_logs
from tests.doubles.log_kit import logging_as_before, messages_of, read_lines

log = logging.getLogger("daemon.test")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    with logging_as_before():
        yield


def test_lines_go_to_a_file_of_ours_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Appended, whole, readable by no stranger; nothing on stderr."""
    path = tmp_path / "released.log"
    for text in ("one", "dos ñ \udcff"):
        set_up_logs(level="INFO", form="json", file=path)
        log.info(text)
    set_up_logs(level="INFO", form="text", file=path)
    log.info("dos ñ \udcff")
    lines = path.read_text().splitlines()
    assert ["one", "dos ñ \udcff"] == [json.loads(line)["message"] for line in lines[:2]]
    assert lines[2].endswith(r"daemon.test: dos ñ \udcff")
    assert 0 == stat.S_IMODE(path.stat().st_mode) & ~0o640
    assert "" == capsys.readouterr().err


def test_a_file_that_was_moved_is_made_anew(tmp_path: Path) -> None:
    """As logrotate does: no signal is needed, no line is lost and none goes to the old file."""
    path, old = tmp_path / "released.log", tmp_path / "released.log.1"
    set_up_logs(level="INFO", form="json", file=path)
    log.info("before")
    path.rename(old)
    log.info("after")
    path.unlink()
    log.info("after that")
    assert (["before"], ["after that"]) == (messages_of(old), messages_of(path))


def test_a_folder_that_is_gone_costs_no_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They go to stderr, the first with the reason; when it is back, to the file again."""
    folder = tmp_path / "logs"
    folder.mkdir()
    path = folder / "released.log"
    set_up_logs(level="INFO", form="json", file=path)
    path.unlink()
    folder.rmdir()
    log.info("one")
    log.info("two")
    folder.mkdir()
    log.info("three")
    said = read_lines(capsys.readouterr().err)
    why = "LOG_FILE takes no lines; they go to stderr"
    assert [why, "one", "two"] == [line["message"] for line in said]
    assert (str(path), "No such file or directory") == (said[0]["file"], said[0]["error"])
    assert ["three"] == messages_of(path)


def test_a_full_disk_kills_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The line goes to stderr; where the disk has room again, so does the file."""
    path, roomy = tmp_path / "released.log", tmp_path / "roomy"
    path.symlink_to("/dev/full")
    set_up_logs(level="INFO", form="json", file=path)
    log.info("one")
    path.unlink()
    path.symlink_to(roomy)
    log.info("two")
    said = read_lines(capsys.readouterr().err)
    assert ["No space left on device"] == [line["error"] for line in said if "error" in line]
    assert "one" == said[-1]["message"]
    assert ["two"] == messages_of(roomy)


def test_half_a_line_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A disk may fill up in the middle of one: the file keeps whole lines only."""
    path = tmp_path / "released.log"
    set_up_logs(level="INFO", form="json", file=path)
    log.info("one")
    real = os.write
    with monkeypatch.context() as patched:
        patched.setattr("daemon.logs.os.write", lambda number, data: real(number, data[:9]))
        log.info("two")
    log.info("three")
    assert ["one", "three"] == messages_of(path)
    assert "two" == read_lines(capsys.readouterr().err)[-1]["message"]


def test_a_line_that_comes_after_a_reload_harms_no_other_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A thread may still hold the former handler, whose number may be another file's by then."""
    set_up_logs(level="INFO", form="json", file=tmp_path / "released.log")
    (former,) = logging.getLogger().handlers
    set_up_logs(level="INFO", form="json")
    with (tmp_path / "released.db").open("wb") as database:
        former.close()
        former.handle(log.makeRecord(log.name, logging.INFO, __file__, 0, "late", (), None))
        database.write(b"intact")
    assert b"intact" == (tmp_path / "released.db").read_bytes()
    assert ["late"] == [line["message"] for line in read_lines(capsys.readouterr().err)]
    assert "" == (tmp_path / "released.log").read_text()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nowhere/x.log", "No such file or directory"),
        (".", "Is a directory"),
        ("pipe", "No such device or address"),
    ],
)
def test_what_cannot_be_opened_is_refused(
    tmp_path: Path, name: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line that names the setting; a log that was open stays where it was."""
    set_up_logs(level="INFO", form="json")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Misconfigured, match=f"LOG_FILE .*: {reason}. Name a file"):
        set_up_logs(level="DEBUG", form="text", file=tmp_path / name)
    log.info("still here")
    assert "still here" == json.loads(capsys.readouterr().err)["message"]


def test_what_cannot_be_written_as_a_line_raises_nothing(tmp_path: Path) -> None:
    """A library's slip in its own line is no reason to fail what it was doing."""
    set_up_logs(level="INFO", form="json", file=tmp_path / "log")
    log.info("%d", "no number")
    set_up_logs(level="INFO", form="json")
    log.info("%d", "no number")
    assert "" == (tmp_path / "log").read_text()
