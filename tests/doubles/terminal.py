"""A terminal, a pseudo one, and a person at it who reads, types lines and presses keys."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.doubles.command_line import clean_environment, measured
from tests.doubles.forking import Program, Streams, fork

BUDGET_S = 30
POLL_S = 0.005
CONNECT = """
import fcntl, os, sys, termios

terminal = os.open(sys.argv[1], os.O_RDWR)
fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
for stream in (0, 1, 2):
    os.dup2(terminal, stream)
os.execvp(sys.argv[2], sys.argv[2:])
"""
LOOKS = {"TERM": "xterm-256color", "COLUMNS": "100"}


@dataclass(slots=True)
class Terminal:
    """A person at a terminal: reads until a text appears, types lines and keys."""

    process: BaseProcess | subprocess.Popen[bytes]
    handle: int
    theirs: int | None
    seen: str = ""
    mark: int = 0

    def expect(self, text: str) -> None:
        """Read until `text` appears after what was expected before."""
        ends = time.monotonic() + BUDGET_S
        while text not in self.seen[self.mark :]:
            assert time.monotonic() < ends, self.seen
            assert self._read(), self.seen
        self.mark = self.seen.index(text, self.mark) + len(text)

    def read_on(self) -> str:
        """Read what comes next; nothing at the end."""
        before = len(self.seen)
        self._read()
        return self.seen[before:]

    def type(self, keys: str) -> None:
        os.write(self.handle, keys.encode())

    def press(self, key: str) -> None:
        """Type a key once the program sleeps, waiting for one.

        Ctrl-C between a prompt and the system call that reads would be noticed at the next key
        only: Python's handler of a signal cannot end a call that has not begun.
        """
        assert self.process.pid is not None
        assert wait_for_state(self.process.pid, "S", within_s=BUDGET_S)
        self.type(key)

    def finish(self) -> int:
        """Read to the end and give the exit code."""
        while self._read():
            pass
        if isinstance(self.process, BaseProcess):
            self.process.join(BUDGET_S)
            assert self.process.exitcode is not None
            return self.process.exitcode
        return self.process.wait(BUDGET_S)

    def let_go(self) -> None:
        """Close our copy of the program's side, so that its end shows."""
        if self.theirs is not None:
            os.close(self.theirs)
            self.theirs = None

    def _read(self) -> bool:
        ready, _, _ = select.select([self.handle], [], [], BUDGET_S)
        assert ready, self.seen
        try:
            data = os.read(self.handle, 65536)
        except OSError:  # the other side is closed
            return False
        # By its first words the program holds the terminal itself.
        self.let_go()
        self.seen += data.decode(errors="replace")
        return bool(data)


def wait_for_state(pid: int, state: str, *, within_s: float) -> bool:
    """Wait until a process is in a state, as `ps` names it (S sleeps, T is stopped)."""
    ends = time.monotonic() + within_s
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != state:
        if time.monotonic() > ends:
            return False
        time.sleep(POLL_S)
    return True


def set_size(handle: int, columns: int, lines: int) -> None:
    """Make a terminal so large, as its window does; the program at it is told by a signal."""
    fcntl.ioctl(handle, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


@contextmanager
def at_terminal(folder: Path, *arguments: str, **settings: str) -> Iterator[Terminal]:
    """Run `released` on a terminal of its own, from which Ctrl-C comes as a signal."""
    ours, theirs = pty.openpty()
    with _run(folder, arguments, LOOKS | settings, ours, theirs) as terminal:
        yield terminal


@contextmanager
def at_window(
    folder: Path, size: tuple[int, int], *arguments: str, **settings: str
) -> Iterator[Terminal]:
    """Run `released` where it must ask the terminal for its size, in columns and lines."""
    ours, theirs = pty.openpty()
    set_size(ours, *size)
    with _run(folder, arguments, {"TERM": LOOKS["TERM"]} | settings, ours, theirs) as terminal:
        yield terminal


@contextmanager
def _run(
    folder: Path, arguments: tuple[str, ...], settings: dict[str, str], ours: int, theirs: int
) -> Iterator[Terminal]:
    name = os.ttyname(theirs)
    environment = clean_environment(**(measured() | settings))
    streams = Streams(name, name, name, terminal=True)
    process = fork(Program("released_cli", arguments, folder, environment, streams))
    terminal = Terminal(process, ours, theirs)
    try:
        yield terminal
    finally:
        process.kill()
        process.join()
        terminal.let_go()
        os.close(ours)


@contextmanager
def at_terminal_of(folder: Path, *command: str) -> Iterator[Terminal]:
    """Run any program on a terminal of its own."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", CONNECT, os.ttyname(theirs), *command],
        cwd=folder,
        env=clean_environment(**LOOKS),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    terminal = Terminal(process, ours, theirs)
    try:
        yield terminal
    finally:
        process.kill()
        process.wait()
        terminal.let_go()
        os.close(ours)
