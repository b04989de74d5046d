"""The programs that are measured, each a process of its own in a temporary folder.

Owns their start, their end and what the kernel knows of them; ends nothing that it did not start.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from daemon.core.clients import add_client
from daemon.core.faqs import parse_faqs
from daemon.core.seeds import ClientSeed
from daemon.core.store.audit import Actor
from daemon.core.store.engine import Connection, Database
from daemon.core.store.upgrade import prepare
from tests.doubles.daemon_process import build_environment, find_free_port

ROOT = Path(__file__).parents[2]
SECRET = "app-secret-of-the-benchmarks"
START_S = 30.0
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
FIRST_NUMBER_ID = 631_261_586_000_000


@dataclass(frozen=True, slots=True)
class Program:
    """A running process that listens on a port of loopback."""

    pid: int
    port: int

    @property
    def cpu_s(self) -> float:
        """Read the seconds of CPU it has used, all threads, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK_S

    @property
    def resident_mb(self) -> float:
        """Read how much of it lies in memory now."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@contextmanager
def running(
    module: str, *arguments: str, folder: Path, settings: Mapping[str, str] | None = None
) -> Iterator[Program]:
    """Run `python -m module … PORT` (the daemon takes its port from PORT) until the block ends."""
    port = find_free_port()
    environment = build_environment({"PORT": str(port), **(settings or {})})
    with (folder / f"{module}-{port}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments, *([] if settings else [str(port)])],
            cwd=folder,
            env=environment | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _wait_for_port(process, port, Path(log.name))
        yield Program(process.pid, port)
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def halted(program: Program) -> Iterator[None]:
    """Give a program no time at all until the block ends."""
    os.kill(program.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(program.pid, signal.SIGCONT)


def daemon_settings(graph: Program, **settings: str) -> dict[str, str]:
    """Give a daemon all it needs; Meta is played by `graph`."""
    return {
        "HOST": "127.0.0.1",
        "META_APP_SECRET": SECRET,
        "META_VERIFY_TOKEN": "verify-me",
        "META_ACCESS_TOKEN": "EAAbenchmarks",
        "META_GRAPH_URL": f"http://127.0.0.1:{graph.port}",
        "ANSWER_ENGINE": "local",
        "LOG_FORMAT": "json",
        **settings,
    }


def onboard(folder: Path, *, clients: int) -> None:
    """Make the daemon's database with so many clients, numbered from FIRST_NUMBER_ID on."""
    faqs = parse_faqs((ROOT / "faqs.example.json").read_bytes(), source="the example")

    def add(conn: Connection) -> None:
        for number in range(clients):
            seed = ClientSeed(
                name=f"Client {number}",
                phone_number=f"+34666{number:06d}",
                phone_number_id=str(FIRST_NUMBER_ID + number),
            )
            add_client(conn, seed, faqs, now=time.time(), actor=Actor("benchmark"))

    database = Database(folder / "released.db")
    try:
        prepare(database)
        database.write(add)
    finally:
        database.close()


def _wait_for_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"The program did not start:\n{log.read_text()}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
