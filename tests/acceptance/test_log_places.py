"""Where the daemon's log goes: it follows its operator, and ends with its terminal."""

import asyncio
import json
import os
import pty
import signal
import socket
from pathlib import Path
from typing import Any

from tests.doubles.daemon_process import (
    build_environment,
    find_free_port,
    run_quickly,
    wait_until,
)
from tests.doubles.forking import Program, Streams, fork
from tests.doubles.stage import (
    build_settings,
    open_stage,
)


async def test_the_log_follows_its_operator(tmp_path: Path) -> None:
    """A file that was moved is made anew; SIGHUP takes up a level; a bad .env changes nothing."""
    env, file = tmp_path / ".env", tmp_path / "released.log"
    _put(env, f"LOG_LEVEL=WARNING\nLOG_FILE={file.name}\n")
    async with open_stage(tmp_path) as stage:

        async def reload(content: str, message: str) -> dict[str, Any]:
            _put(env, content)
            assert stage.daemon.is_running
            stage.daemon._signal(signal.SIGHUP)
            return await wait_until(lambda: _find_line(file, message))

        file.rename(tmp_path / "released.log.1")
        told = await reload(f"LOG_LEVEL=DEBUG\nWORKERS=3\nLOG_FILE={file.name}\n", "reloaded")
        assert (["LOG_LEVEL"], ["WORKERS"]) == (told["changed"], told["need_restart"])
        refused = await reload("LOG_LEVEL=LOUD", "reload refused")
        assert "LOG_LEVEL" in refused["error"]
        await stage.write("hola", customer=stage.make_customer())
        assert await wait_until(lambda: _find_line(file, "claimed"))
        assert 0 == await stage.daemon.stop()
        assert "" == stage.daemon.read_log()
    assert "" == (tmp_path / "released.log.1").read_text()


async def test_a_log_file_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    """At the start, in one line; nothing is made."""
    settings = build_settings(tmp_path / "x.db", sandbox_url="http://127.0.0.1:9", model_url="")
    given = settings | {"LOG_FILE": "/no/where.log", "PORT": str(find_free_port())}
    done = await run_quickly("daemon", folder=tmp_path, settings=given)
    assert 1 == done.code
    assert done.err.startswith("released-daemon: LOG_FILE /no/where.log cannot be opened: No such")
    assert 1 == len(done.err.splitlines())
    assert [] == _list(tmp_path)


async def test_a_terminal_that_is_closed_ends_its_daemon(tmp_path: Path) -> None:
    """It says the same signal as a reload; nobody wants a daemon that no window shows."""
    port = find_free_port()
    settings = build_settings(tmp_path / "x.db", sandbox_url="http://127.0.0.1:9", model_url="")
    environment = build_environment(settings | {"PORT": str(port), "TERM": "xterm"})
    ours, theirs = pty.openpty()
    name = os.ttyname(theirs)
    streams = Streams(name, name, name, terminal=True)
    process = fork(Program("daemon", (), tmp_path, environment, streams))
    try:
        seen = await wait_until(lambda: asyncio.to_thread(_read_until, ours, "listening"))
        assert "INFO    daemon.main: listening address=http://127.0.0.1:" in seen
        assert process.pid is not None
        os.kill(process.pid, signal.SIGHUP)
        reloaded = await asyncio.to_thread(_read_until, ours, "reloaded")
        assert "INFO    daemon.reloading: reloaded" in reloaded
        os.close(theirs)
        os.close(ours)
        await asyncio.to_thread(process.join, 10)
        # By itself: the forked copy of Python finds it cannot flush stderr, but was not killed.
        assert process.exitcode is not None
        assert process.exitcode >= 0
        with socket.create_server(("127.0.0.1", port)):
            pass
    finally:
        process.kill()
        process.join()


def _read_until(handle: int, text: str) -> str:
    seen = ""
    while text not in seen or not seen.endswith("\n"):
        seen += os.read(handle, 65536).decode()
    return seen


def _list(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def _put(file: Path, content: str) -> None:
    file.write_text(content)


async def _find_line(file: Path, message: str) -> dict[str, Any]:
    found = [line for line in _read_lines(file) if line["message"] == message]
    return found[-1] if found else {}


def _read_lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
