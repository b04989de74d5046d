"""Stdout when it takes nothing: closed, on a full disk, or a pipe that nobody reads any more.

Owns how that is found out, before something is done whose outcome could then be seen by nobody, and
after a write has failed. Prints nothing.
"""

import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from daemon.core.errors import ReleasedError


class NoStdout(ReleasedError):
    """Stdout cannot be written."""


class StdoutLost(OSError):
    """Stdout did not take what was written to it."""


class ClosedStdout(io.TextIOBase):
    """Stands where a program was started without stdout: refuses what would be lost in silence."""

    encoding = "utf-8"

    def write(self, text: str) -> int:  # noqa: ARG002 - every stream's signature
        """Refuse."""
        raise StdoutLost(errno.EBADF, "it is closed")


def open_stdout() -> None:
    """Have a stdout that says so where there is none; Python's own would lose all in silence."""
    if sys.stdout is None:
        sys.stdout = ClosedStdout()


def close_stdout() -> None:
    """Send what is still buffered nowhere, so that the interpreter's last flush cannot fail."""
    if not isinstance(sys.stdout, ClosedStdout):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def need_stdout() -> None:
    """Refuse to begin what must be seen where nobody can see it; a full disk shows only later.

    Raises:
        NoStdout: when stdout is closed, or a pipe that nobody reads.

    """
    if isinstance(sys.stdout, ClosedStdout):
        raise NoStdout("stdout cannot be written: it is closed. Nothing was done.")
    try:
        written = sys.stdout.fileno()
    except (OSError, AttributeError):
        return
    # No event is asked for: that nobody reads any more is told unasked.
    watch = select.poll()
    watch.register(written, 0)
    if any(events & (select.POLLERR | select.POLLNVAL) for _, events in watch.poll(0)):
        raise NoStdout("stdout cannot be written: nobody reads it. Nothing was done.")


@contextmanager
def writing() -> Iterator[None]:
    """Say of a failed write that it was to stdout; that its reader has gone stays as it is."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as lost:
        raise StdoutLost(lost.errno, lost.strerror) from lost


def is_stdout_lost(failed: OSError) -> bool:
    """Tell whether it was stdout that failed, and not another file: what it holds then stays."""
    if isinstance(failed, StdoutLost):
        return True
    try:
        sys.stdout.flush()
    except OSError:
        return True
    return False
