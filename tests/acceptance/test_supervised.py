"""The real daemon under a supervisor that plays systemd: a passed socket, notifications, restarts.

What cannot be saved is said too: SIGKILL breaks the connections it finds open, and Meta repeats
what was on them.
"""

import asyncio
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

import aiohttp
import pytest

from tests.doubles.daemon_process import START_S, build_environment, wait_until
from tests.doubles.forking import Program, Streams, fork
from tests.doubles.new_database import copy_new_database

SETTINGS = {"META_APP_SECRET": "s", "META_VERIFY_TOKEN": "v", "ANSWER_ENGINE": "local"}

LAUNCH = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(65, 1, 0, 0, 0)
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"] = os.environ["WATCHDOG_PID"] = str(os.getpid())
os.execv(sys.executable, [sys.executable, "-m", "daemon"])
"""
"""What systemd does between fork and exec: the socket as 3, and the pid by name.

The prctl is MemoryDenyWriteExecute= on kernels that have it (PR_SET_MDWE, Linux 6.3).
"""


LISTEN_FD = 3
DATABASE = "released.db"


class Systemd:
    """Holds the listening socket and the notify socket, whatever becomes of the daemon."""

    def __init__(self, folder: Path, sock: socket.socket, notify: socket.socket) -> None:
        self.folder = folder
        self.sock = sock
        self.notify = notify
        self.url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        self.log = folder / "daemon.log"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, **settings: str) -> None:
        """Start it as the unit would; returns before it serves."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", LAUNCH, str(self.sock.fileno())),
                pass_fds=[self.sock.fileno()],
                cwd=self.folder,
                env=self._build_environment(settings),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def end(self, number: signal.Signals) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        async with asyncio.timeout(START_S):
            return await self._process.wait()

    def _build_environment(self, settings: dict[str, str]) -> dict[str, str]:
        return build_environment(SETTINGS | settings) | {
            "LISTEN_FDS": "1",
            "NOTIFY_SOCKET": self.notify.getsockname(),
        }

    async def hear(self, line: str) -> list[str]:
        """Return all that was told up to the datagram with this line."""
        heard: list[str] = []
        async with asyncio.timeout(START_S):
            while line not in heard:
                told = await asyncio.get_running_loop().sock_recv(self.notify, 4096)
                heard += told.decode().split("\n")
        return heard


class QuickSystemd(Systemd):
    """Starts the daemon in a process that need not import anything, for what restarts it often."""

    _forked: BaseProcess | None = None

    async def start(self, **settings: str) -> None:
        environ = self._build_environment(settings)
        streams = Streams(stdout=str(self.log), stderr=str(self.log))
        program = Program("daemon", (), self.folder, environ, streams)
        # The first start waits for the imports of the process it is forked from.
        self._forked = await asyncio.to_thread(fork, program, partial(_take_over, self.sock))

    async def end(self, number: signal.Signals) -> int:
        forked = self._forked
        assert forked is not None
        assert forked.pid is not None
        if forked.is_alive():
            os.kill(forked.pid, number)
        await asyncio.to_thread(forked.join, START_S)
        assert forked.exitcode is not None, "it has not ended"
        return forked.exitcode


def _take_over(sock: socket.socket) -> None:
    """Do what `LAUNCH` does, in a forked process; only that one shows what MDWE forbids."""
    given = sock.detach()
    if given != LISTEN_FD:
        os.dup2(given, LISTEN_FD)
        os.close(given)
    os.environ["LISTEN_PID"] = str(os.getpid())


@pytest.fixture
def sockets(tmp_path: Path) -> Iterator[tuple[socket.socket, socket.socket]]:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=4096) as sock,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify,
    ):
        notify.bind(str(tmp_path / "notify"))
        notify.setblocking(False)
        yield sock, notify


@pytest.fixture
async def systemd(
    tmp_path: Path, sockets: tuple[socket.socket, socket.socket]
) -> AsyncIterator[Systemd]:
    opened = Systemd(tmp_path, *sockets)
    yield opened
    await opened.end(signal.SIGKILL)
    assert "Traceback" not in opened.log.read_text()


@pytest.fixture
async def quick_systemd(
    tmp_path: Path, sockets: tuple[socket.socket, socket.socket]
) -> AsyncIterator[Systemd]:
    copy_new_database(tmp_path / DATABASE)
    opened = QuickSystemd(tmp_path, *sockets)
    yield opened
    await opened.end(signal.SIGKILL)
    assert "Traceback" not in opened.log.read_text()


class Callers:
    """Calls /health without a pause, each time over a new connection; counts how that went."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answered = 0
        self.refused = 0
        self.broken = 0

    async def call_on(self) -> None:
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(connector=connector) as http:
            while True:
                try:
                    async with http.get(f"{self.url}/health") as answer:
                        self.answered += answer.status == 200
                except aiohttp.ClientConnectorError:
                    self.refused += 1
                except (aiohttp.ClientError, ConnectionError):
                    self.broken += 1

    async def get_one_more(self) -> None:
        """Wait until another call is answered."""
        before = self.answered

        async def is_answered() -> bool:
            return self.answered > before

        await wait_until(is_answered, within_s=START_S)


@asynccontextmanager
async def calling(url: str, count: int = 8) -> AsyncIterator[Callers]:
    callers = Callers(url)
    tasks = [asyncio.create_task(callers.call_on()) for _ in range(count)]
    try:
        yield callers
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_start_and_an_end_are_told(systemd: Systemd) -> None:
    """READY=1 comes when it serves, STOPPING=1 when it ends; a watchdog is fed between them."""
    await systemd.start(WATCHDOG_USEC="100000")
    status = f"STATUS=Serving on {systemd.url}"
    assert ["READY=1", status] == await systemd.hear("READY=1")
    async with aiohttp.ClientSession() as http, http.get(f"{systemd.url}/health") as answer:
        assert 200 == answer.status
    await systemd.hear("WATCHDOG=1")
    assert 0 == await systemd.end(signal.SIGTERM)
    assert ["STOPPING=1", "STATUS=Stopping"] == (await systemd.hear("STOPPING=1"))[-2:]


async def test_what_comes_before_the_daemon_waits_for_it(quick_systemd: Systemd) -> None:
    """The first request may be the one that systemd starts it for."""
    async with calling(quick_systemd.url, 1) as callers:
        await quick_systemd.start()
        await callers.get_one_more()
    assert (0, 0) == (callers.refused, callers.broken)


async def test_a_restart_loses_no_request(quick_systemd: Systemd) -> None:
    """Eight callers without a pause see SIGTERM and a new daemon as a slow answer, no more."""
    await quick_systemd.start()
    async with calling(quick_systemd.url) as callers:
        for _ in range(2):
            await callers.get_one_more()
            assert 0 == await quick_systemd.end(signal.SIGTERM)
            await quick_systemd.start()
        await callers.get_one_more()
    assert (0, 0) == (callers.refused, callers.broken)


async def test_a_killed_daemon_leaves_no_caller_refused(quick_systemd: Systemd) -> None:
    """SIGKILL breaks what is open; whoever calls again waits for the next daemon."""
    await quick_systemd.start()
    async with calling(quick_systemd.url) as callers:
        for _ in range(2):
            await callers.get_one_more()
            assert -signal.SIGKILL == await quick_systemd.end(signal.SIGKILL)
            await quick_systemd.start()
        await callers.get_one_more()
    assert 0 == callers.refused
    assert 16 >= callers.broken


async def test_a_database_that_cannot_be_written_starves_the_watchdog(
    quick_systemd: Systemd,
) -> None:
    """The status says why; what recovers in time is fed again and not ended."""
    await quick_systemd.start(WATCHDOG_USEC="100000")
    await quick_systemd.hear("WATCHDOG=1")
    with sqlite3.connect(quick_systemd.folder / DATABASE, isolation_level=None) as locker:
        locker.execute("BEGIN IMMEDIATE")
        await quick_systemd.hear("STATUS=The database cannot be written.")
        # The next look comes after a look's five seconds: nothing may be waiting here.
        with pytest.raises(BlockingIOError):
            quick_systemd.notify.recv(4096)
        locker.execute("ROLLBACK")
        await quick_systemd.hear("WATCHDOG=1")
    locker.close()
