"""Programs of ours in processes forked from one that has all imports done.

A start costs a tenth of `python -m`, so it is for tests of what a program does with a database, a
socket or a terminal. That `python -m` itself works, and what it imports, is shown by others.
"""

import fcntl
import multiprocessing
import os
import runpy
import signal
import sys
import tempfile
import termios
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import coverage
import pytest

ROOT = Path(__file__).resolve().parents[2]

PRELOADED = ("tests.doubles.warmed",)
"""What the process that is forked from has imported, and all that this does."""

MEASURED = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")


@dataclass(frozen=True, slots=True)
class Streams:
    """Where a program reads and writes: paths; a `terminal` is all three, and becomes its own."""

    stdin: str = os.devnull
    stdout: str = os.devnull
    stderr: str = os.devnull
    terminal: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """`python -m module arguments` in `folder`, with no variables but these."""

    module: str
    arguments: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    streams: Streams = field(default_factory=Streams)


def get_context() -> ForkServerContext:
    """Give the way to fork; the process that is forked from is not measured, and starts here."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    with pytest.MonkeyPatch.context() as patch:
        for name in MEASURED:
            patch.delenv(name, raising=False)
        patch.setenv("PYTHONPATH", str(ROOT))
        forkserver.ensure_running()
    return context


def fork(program: Program, before: Callable[[], None] | None = None) -> BaseProcess:
    """Start a program, in its own process `before` it; its exit code is the process's."""
    process = get_context().Process(target=_be, args=(program, before))
    process.start()
    return process


def run_forked(
    module: str,
    arguments: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    stdin: bytes,
    *,
    within_s: float,
) -> tuple[int, str, str]:
    """Run a program to its end; give its exit code and what it wrote to stdout and stderr.

    Raises:
        TimeoutError: when it took longer; it is killed then.

    """
    with tempfile.TemporaryDirectory() as made:
        given, out, err = (Path(made) / name for name in ("in", "out", "err"))
        given.write_bytes(stdin)
        streams = Streams(str(given), str(out), str(err))
        process = fork(Program(module, tuple(arguments), folder, environment, streams))
        process.join(within_s)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise TimeoutError(module, *arguments)
        said, complained = (
            path.read_text(encoding="utf-8", errors="replace") for path in (out, err)
        )
        return process.exitcode, said, complained


def _be(program: Program, before: Callable[[], None] | None) -> None:
    _connect(program.streams)
    os.chdir(program.folder)
    os.environ.clear()
    os.environ.update(program.environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [program.module, *program.arguments]
    if before is not None:
        before()
    measuring = coverage.process_startup(force=True)
    try:
        runpy.run_module(program.module, run_name="__main__", alter_sys=True)
    finally:
        if measuring is not None:
            # The end of a forked process runs no atexit.
            measuring.stop()
            measuring.save()


def _connect(streams: Streams) -> None:
    reading, writing = os.O_RDONLY, os.O_WRONLY | os.O_APPEND | os.O_CREAT
    if streams.terminal:
        os.setsid()
        reading = writing = os.O_RDWR
    for number, path, flags in (
        (0, streams.stdin, reading),
        (1, streams.stdout, writing),
        (2, streams.stderr, writing),
    ):
        opened = os.open(path, flags)
        os.dup2(opened, number)
        if opened > 2:
            os.close(opened)
    if streams.terminal:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    open_streams()


def open_streams() -> None:
    """Read and write where the first three file descriptors lead now."""
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - a number, open to the end
    sys.stdout = open(1, "w", buffering=-1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
