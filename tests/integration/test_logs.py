"""Logs: one JSON object a line for machines, readable text on a terminal, ids on every line."""

import asyncio
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp.http_exceptions import BadStatusLine

from daemon import tracing
from daemon.logs import set_up_logs, tell_loop_error
from daemon.main import main
from tests.doubles.daemon_process import build_environment
from tests.doubles.log_kit import logging_as_before, messages_of, read_lines

log = logging.getLogger("daemon.test")

NEEDED = {"META_APP_SECRET": "s", "META_VERIFY_TOKEN": "v"}


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    with logging_as_before():
        yield


def test_json_lines_hold_the_facts(capsys: pytest.CaptureFixture[str]) -> None:
    """Time, level, logger, message, and each fact under its own name; nothing on stdout."""
    set_up_logs(level="INFO", form="json")
    log.info("send", extra={"client": 1, "outcome": "accepted", "error": None})
    log.debug("too quiet")
    out, err = capsys.readouterr()
    (line,) = read_lines(err)
    assert {"time", "level", "logger", "message", "client", "outcome", "error"} == line.keys()
    assert "" == out


def test_a_traceback_stays_on_one_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A machine reads line by line; what could not be read is not quoted."""
    set_up_logs(level="INFO", form="json")
    try:
        int("on purpose")
    except ValueError:
        log.exception("failed")
    (line,) = read_lines(capsys.readouterr().err)
    assert "ValueError" == line["exc_info"].splitlines()[-1]
    assert "on purpose" not in line["exc_info"].splitlines()[-1]


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Asked for off a terminal: facts as words, a traceback on lines of its own, no colours."""
    set_up_logs(level="DEBUG", form="text")
    try:
        raise TypeError("odd")  # noqa: TRY301
    except TypeError:
        log.exception("send", extra={"client": 1})
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first.endswith("ERROR   daemon.test: send client=1")
    assert "TypeError: odd" == last


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [({"TERM": "xterm"}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_a_terminal_gets_text(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    environ: dict[str, str],
    *,
    coloured: bool,
) -> None:
    """Nobody chose a form: text there, JSON in a file and elsewhere; colours by the usual rules."""
    with monkeypatch.context() as patched:
        patched.setattr("sys.stderr.isatty", lambda: True)
        set_up_logs(level="INFO", form=None, environ=environ)
        log.warning("hello")
        line = capsys.readouterr().err
        assert coloured == ("\33[" in line)
        assert line.endswith("daemon.test: hello\n")
        set_up_logs(level="INFO", form=None, file=tmp_path / "log", environ=environ)
        log.warning("to a file")
        assert ["to a file"] == messages_of(tmp_path / "log")
    set_up_logs(level="INFO", form=None, environ=environ)
    log.warning("elsewhere")
    assert "elsewhere" == json.loads(capsys.readouterr().err)["message"]


def test_libraries_speak_only_of_trouble(capsys: pytest.CaptureFixture[str]) -> None:
    """Their chatter would quote addresses and arguments, at any level; their warnings are lines."""
    set_up_logs(level="DEBUG", form="json")
    for name in ("httpx2", "openai", "asyncio", "some.library", "daemonic"):
        logging.getLogger(name).info("chatter")
        logging.getLogger(name).warning("trouble")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", stacklevel=1)
    lines = read_lines(capsys.readouterr().err)
    assert ["trouble"] * 5 == [line["message"] for line in lines[:5]]
    assert ["py.warnings"] == [line["logger"] for line in lines[5:]]


def test_what_is_no_http_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Scanners send it to every address of the internet, and it would be quoted."""
    set_up_logs(level="INFO", form="json")
    error = BadStatusLine("\x16\x03")
    logging.getLogger("aiohttp.server").error("Error handling request", exc_info=error)
    assert "" == capsys.readouterr().err


def test_what_is_bound_stands_on_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Until it is unbound; what a line says itself is not overridden."""
    set_up_logs(level="INFO", form="json")
    token = tracing.bind(request="r1", client=1)
    tracing.bind(turn=7)
    log.info("send", extra={"client": 2})
    tracing.unbind(token)
    log.info("after")
    first, second = read_lines(capsys.readouterr().err)
    assert ("r1", 2, 7) == (first["request"], first["client"], first["turn"])
    assert {"time", "level", "logger", "message"} == second.keys()


async def test_what_a_task_binds_is_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """Two turns side by side; a part of a turn inherits the turn's ids."""
    set_up_logs(level="INFO", form="json")

    async def work(turn: int) -> None:
        tracing.bind(turn=turn)
        await asyncio.sleep(0)
        async with asyncio.TaskGroup() as group:
            group.create_task(tell())

    async def tell() -> None:
        log.info("told")

    await asyncio.gather(work(1), work(2))
    log.info("outside")
    turns = [line.get("turn") for line in read_lines(capsys.readouterr().err)]
    assert [1, 2, None] == turns


async def test_what_a_task_left_behind_is_told_without_its_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Asyncio's own line would quote the error and the task."""
    set_up_logs(level="INFO", form="json")
    loop = asyncio.get_running_loop()
    former = loop.get_exception_handler()
    loop.set_exception_handler(tell_loop_error)
    try:
        future = loop.create_future()
        future.set_exception(ValueError("34600111222"))
        del future
        loop.call_soon(int, "34600111222x")
        await asyncio.sleep(0)
        loop.call_exception_handler({"message": "Odd <Task 34600111222>"})
    finally:
        loop.set_exception_handler(former)
    err = capsys.readouterr().err
    assert "34600111222" not in err
    said = [line["what"] for line in read_lines(err)]
    assert ["Future exception was never retrieved", "Exception in callback int", "Odd"] == said


def test_what_ends_the_daemon_is_one_line_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nobody foresaw it: a critical line that quotes nobody, and exit code 1."""

    def fail(*_args: object, **_options: object) -> None:
        raise ValueError("34600111222")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.environ", build_environment(NEEDED))
    monkeypatch.setattr("daemon.main.serve", fail)
    with pytest.raises(SystemExit) as ended:
        main([])
    assert 1 == ended.value.code
    (line,) = read_lines(capsys.readouterr().err)
    assert ("CRITICAL", "daemon failed") == (line["level"], line["message"])
    assert line["exc_info"].endswith("ValueError")
