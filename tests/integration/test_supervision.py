"""What systemd passes is taken, and what it wants to hear is said over a real datagram socket."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from daemon import listening
from daemon.core.errors import Misconfigured
from daemon.listening import open_sockets, show_address
from daemon.supervision import Supervisor

PID = 4711


@pytest.fixture(params=["path", "abstract"])
def heard(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """Play systemd: a datagram socket, and the name it has in NOTIFY_SOCKET."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@released-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        sock.setblocking(False)
        yield name, sock


def pass_socket(sock: socket.socket, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Leave a copy of a socket where sd_listen_fds looks, at a number free in this process."""
    monkeypatch.setattr(listening, "FIRST_PASSED_FD", os.dup(sock.fileno()))
    return {"LISTEN_PID": str(PID), "LISTEN_FDS": "1"}


def test_each_datagram_holds_its_lines(heard: tuple[str, socket.socket]) -> None:
    """By path and by abstract name: ready with a status, then stopping."""
    name, sock = heard
    supervisor = Supervisor.from_environment({"NOTIFY_SOCKET": name}, pid=PID)
    supervisor.tell_ready("Serving")
    supervisor.tell_stopping()
    assert b"READY=1\nSTATUS=Serving" == sock.recv(1000)
    assert b"STOPPING=1\nSTATUS=Stopping" == sock.recv(1000)


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "/no/where"}])
def test_without_a_listener_nothing_fails(environ: dict[str, str]) -> None:
    """Started by hand, or by a systemd that is gone."""
    Supervisor.from_environment(environ, pid=PID).tell_ready("Serving")


@pytest.mark.parametrize(
    ("environ", "watchdog_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(PID)}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_a_watchdog_is_ours_or_none(environ: dict[str, str], watchdog_s: float | None) -> None:
    """Variables that were meant for a parent are left alone."""
    assert watchdog_s == Supervisor.from_environment(environ, pid=PID).watchdog_s


async def test_the_watchdog_is_fed_only_while_all_is_well(
    heard: tuple[str, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault is told once and not fed on; when it is over that is told too."""
    monkeypatch.setattr("daemon.supervision.LOOK_AGAIN_S", 0.0)
    name, sock = heard
    faults: list[str | None] = [None, "The workers are down.", "The workers are down.", None]
    seen = asyncio.Event()

    async def find_fault() -> str | None:
        if not faults:
            seen.set()
            await asyncio.Event().wait()
        return faults.pop(0)

    supervisor = Supervisor(name, watchdog_s=0.002)
    watching = asyncio.create_task(supervisor.watch(find_fault, status="Serving"))
    async with asyncio.timeout(30):
        await seen.wait()
    watching.cancel()
    told = []
    while len(told) < 4:
        told.append(sock.recv(1000).decode())
    assert ["WATCHDOG=1", "STATUS=The workers are down.", "WATCHDOG=1", "STATUS=Serving"] == told
    with pytest.raises(BlockingIOError):
        sock.recv(1000)


async def test_without_a_watchdog_nobody_looks() -> None:
    """The database is not written for nothing."""

    async def find_fault() -> str | None:
        raise AssertionError

    await Supervisor("/no/where").watch(find_fault, status="Serving")


def test_a_passed_socket_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """HOST and PORT are not even looked at, and no child would inherit it."""
    with socket.create_server(("127.0.0.1", 0)) as ours:
        environ = pass_socket(ours, monkeypatch)
        with open_sockets("no such host", 1, environ=environ, pid=PID) as given:
            assert given.passed
            (taken,) = given.sockets
            assert ours.getsockname() == taken.getsockname()
            assert not taken.get_inheritable()
            assert show_address(ours) == show_address(taken)


@pytest.mark.parametrize(
    "environ",
    [{}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}, {"LISTEN_PID": str(PID), "LISTEN_FDS": "x"}],
)
def test_what_was_passed_to_another_is_not_taken(environ: dict[str, str]) -> None:
    """Then HOST and PORT say where."""
    with open_sockets("127.0.0.1", 0, environ=environ, pid=PID) as given:
        assert not given.passed
        assert ["127.0.0.1"] == [sock.getsockname()[0] for sock in given.sockets]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("datagram", "not a TCP socket"), ("idle", "does not listen"), ("pipe", "Socket operation")],
)
def test_a_passed_socket_that_cannot_be_served_is_refused(
    monkeypatch: pytest.MonkeyPatch, kind: str, reason: str
) -> None:
    """One line that names the unit to mend."""
    with ExitStack() as stack:
        if kind == "pipe":
            ends = os.pipe()
            for end in ends:
                stack.callback(os.close, end)
            number = ends[0]
        else:
            form = socket.SOCK_DGRAM if kind == "datagram" else socket.SOCK_STREAM
            number = stack.enter_context(socket.socket(socket.AF_INET, form)).fileno()
        copy = os.dup(number)
        monkeypatch.setattr(listening, "FIRST_PASSED_FD", copy)
        with pytest.raises(Misconfigured, match=f"{reason}.*released.socket"):
            stack.enter_context(
                open_sockets("x", 1, environ={"LISTEN_PID": "1", "LISTEN_FDS": "1"}, pid=1)
            )
        if kind == "pipe":
            os.close(copy)
