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


class TellingStdout(io.TextIOWrapper):
    """Stdout whose failed writes say that it was stdout, whoever writes to it."""

    def __init__(self, plain: io.TextIOWrapper) -> None:
        """Write where `plain` does, and as it does."""
        super().__init__(
            plain.buffer,
            encoding=plain.encoding,
            errors=plain.errors,
            line_buffering=plain.line_buffering,
            write_through=plain.write_through,
        )
        # It closes what both write to when nobody holds it any more.
        self._plain = plain

    def write(self, text: str) -> int:
        """Write, or raise StdoutLost."""
        with writing():
            return super().write(text)

    def flush(self) -> None:
        """Write what is still buffered, or raise StdoutLost."""
        with writing():
            super().flush()


def open_stdout() -> None:
    """Have a stdout that says so where it fails or is none, as Python's own does not always."""
    if sys.stdout is None:
        sys.stdout = ClosedStdout()
    elif type(sys.stdout) is io.TextIOWrapper:
        sys.stdout = TellingStdout(sys.stdout)


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
