"""The real daemon and the real CLI as processes, in a folder of their own.

Owns starting, killing and reading what they print. Knows no client and no message.
"""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from daemon.core.settings import Settings
from tests.doubles.forking import MEASURED, run_forked

T = TypeVar("T")

POLL_S = 0.02
"""Pause between two looks at a condition."""

START_S = 60.0
"""What a start, and an end, may take on a busy machine."""

STOP_S = 10.0
"""What a polite end may take: the contract's number."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended."""

    code: int
    out: str
    err: str

    def read_json(self) -> Any:
        return json.loads(self.out)


def find_free_port() -> int:
    """Name a loopback port that nobody listens on now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def build_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Take the environment of the tests without any setting or saved login of ours, then these."""
    ours = {name.upper() for name in Settings.model_fields}
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.upper() not in ours and not name.startswith("RELEASED_")
    }
    return kept | {"XDG_CONFIG_HOME": "/nonexistent"} | dict(settings)


def unmeasured() -> dict[str, str]:
    """Give that environment to programs that run a copy of ours: what a copy covers is no news."""
    return {name: value for name, value in build_environment({}).items() if name not in MEASURED}


async def wait_until(look: Callable[[], Awaitable[T]], *, within_s: float = 30.0) -> T:
    """Look until what is seen is true, and return it; after `within_s` what was seen is an error.

    The one way tests wait: on a condition, bounded.
    """
    deadline = time.monotonic() + within_s
    while not (seen := await look()):
        assert time.monotonic() < deadline, f"{look} saw only {seen!r} for {within_s} s"
        await asyncio.sleep(POLL_S)
    return seen


async def run_program(
    module: str, *arguments: str, folder: Path, settings: Mapping[str, str], stdin: str = ""
) -> Finished:
    """Run `python -m module` to its end; off a terminal, as a script would."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        cwd=folder,
        env=build_environment(settings),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(START_S):
            out, err = await process.communicate(stdin.encode())
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    return Finished(process.returncode or 0, out.decode(), err.decode())


async def run_quickly(
    module: str, *arguments: str, folder: Path, settings: Mapping[str, str], stdin: str = ""
) -> Finished:
    """Do what `run_program` does, in a process that need not import anything."""
    environment = build_environment(settings)

    def run() -> Finished:
        return Finished(
            *run_forked(module, arguments, folder, environment, stdin.encode(), within_s=START_S)
        )

    return await asyncio.to_thread(run)


class Daemon:
    """`python -m daemon` with one folder, port and log; may be started again after it ended."""

    def __init__(self, folder: Path, settings: Mapping[str, str], *, port: int) -> None:
        self.folder = folder
        self.settings = {"HOST": "127.0.0.1", "PORT": str(port), "LOG_FORMAT": "json", **settings}
        self.url = f"http://127.0.0.1:{port}"
        self.log_file = folder / "daemon.log"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it and return at once; its log is appended to that of earlier runs."""
        assert not self.is_running
        with self.log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "daemon",
                cwd=self.folder,
                env=build_environment(self.settings),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def wait_until_well(self) -> None:
        """Wait until /health says 200; one that ended meanwhile is an error, log and all."""
        async with aiohttp.ClientSession() as http:

            async def is_well() -> bool:
                assert self.is_running, self.read_log()
                try:
                    async with http.get(f"{self.url}/health") as answer:
                        return answer.status == 200
                except aiohttp.ClientError:
                    return False

            await wait_until(is_well, within_s=START_S)

    async def kill(self) -> None:
        """End it as a power cut would: SIGKILL."""
        self._signal(signal.SIGKILL)
        await self.wait()

    def freeze(self) -> None:
        """Let it do nothing more, in the middle of whatever it does; only `kill` follows."""
        self._signal(signal.SIGSTOP)

    async def stop(self) -> int:
        """Ask it to end with SIGTERM and return its exit code; too slow is an error."""
        self._signal(signal.SIGTERM)
        return await self.wait()

    async def wait(self, *, within_s: float = START_S) -> int:
        """Wait for its end and return its exit code."""
        assert self._process is not None
        try:
            async with asyncio.timeout(within_s):
                return await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
            raise

    async def close(self) -> None:
        """Leave no process behind, whatever the test did."""
        if self.is_running:
            await self.kill()

    def read_log(self) -> str:
        return self.log_file.read_text() if self.log_file.exists() else ""

    def read_log_lines(self) -> list[dict[str, Any]]:
        """Read the log's JSON lines, oldest first."""
        return [json.loads(line) for line in self.read_log().splitlines()]

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
