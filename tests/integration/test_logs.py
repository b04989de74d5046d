"""Logs go to stderr: one JSON object a line for machines, one readable line for a person."""

import json
import logging
from collections.abc import Iterator

import pytest

from daemon.logs import QUIET, set_up_logs

log = logging.getLogger("daemon.test")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in QUIET}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def test_json_lines_hold_the_facts(capsys: pytest.CaptureFixture[str]) -> None:
    """Time, level, logger, message, and each fact under its own name."""
    set_up_logs(level="INFO", form="json")
    log.info("send", extra={"client": 1, "outcome": "accepted", "error": None})
    log.debug("too quiet")
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    read = json.loads(line)
    assert {"time", "level", "logger", "message", "client", "outcome", "error"} == read.keys()
    assert ("INFO", "daemon.test", "send", 1) == tuple(
        read[name] for name in ("level", "logger", "message", "client")
    )
    assert "" == out


def test_a_traceback_stays_on_one_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A machine reads line by line."""
    set_up_logs(level="INFO", form="json")
    try:
        int("on purpose")
    except ValueError:
        log.exception("failed")
    (line,) = capsys.readouterr().err.splitlines()
    assert "on purpose" in json.loads(line)["exc_info"]


def test_text_shows_the_facts_that_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    """`name=value` after the message, and nothing for None."""
    set_up_logs(level="DEBUG", form="text")
    log.warning("send", extra={"client": 1, "error": None})
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("WARNING daemon.test: send client=1")


def test_off_a_terminal_it_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody chose: a pipe gets JSON."""
    set_up_logs(level="INFO", form=None)
    log.info("hello")
    assert "hello" == json.loads(capsys.readouterr().err)["message"]


def test_chatty_libraries_speak_only_of_trouble(capsys: pytest.CaptureFixture[str]) -> None:
    """Their lines would quote addresses and arguments."""
    set_up_logs(level="DEBUG", form="json")
    for name in QUIET:
        logging.getLogger(name).info("chatter")
    assert "" == capsys.readouterr().err
