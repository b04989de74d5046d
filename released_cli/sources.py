"""Files that options name, and stdin for `-`: read once, and no more of them than is sensible."""

import sys
from pathlib import Path

from daemon.core.errors import Invalid
from released_cli.given import current
from released_cli.output import say
from released_cli.usage import UsageError

STDIN = "-"

SECRET_LIMIT = 10_000
"""Bytes of a file with a token; a token has a few hundred."""


def read_input(path: str, *, limit_bytes: int, what: str) -> bytes:
    """Read a file that an option names, or stdin for `-`, and no more of it than is sensible.

    Raises:
        Invalid: when it is no plain file, cannot be read, or is too large.
        UsageError: when something else has read stdin already.

    """
    data = _read_stdin(limit_bytes, what) if path == STDIN else _read_file(path, limit_bytes, what)
    if len(data) > limit_bytes:
        size = f"{limit_bytes >> 20} MB" if limit_bytes >> 20 else f"{limit_bytes} bytes"
        raise Invalid(f"{what}: {name_source(path)} is over {size}.")
    return data


def read_secret(path: str, *, what: str) -> str:
    """Read a token from a file, or stdin for `-`; raises `Invalid`, quoting nothing."""
    data = read_input(path, limit_bytes=SECRET_LIMIT, what=what)
    try:
        return data.decode("ascii").strip()
    except UnicodeDecodeError:
        source = name_source(path)
        raise Invalid(f"{what}: {source} holds no token, which is plain ASCII.") from None


def name_source(path: str) -> str:
    """Name what was read, in a refusal of it."""
    return "stdin" if path == STDIN else path


def _read_stdin(limit_bytes: int, what: str) -> bytes:
    given = current()
    if given.stdin_is_read:
        raise UsageError("Only one option can read stdin ('-').")
    given.stdin_is_read = True
    if sys.stdin is None:
        raise Invalid(f"{what}: stdin is closed.")
    if sys.stdin.isatty():
        say(f"{what}: type or paste, then Ctrl-D on a line of its own.")
    return sys.stdin.buffer.read(limit_bytes + 1)


def _read_file(path: str, limit_bytes: int, what: str) -> bytes:
    file = Path(path)
    try:
        # Asked before opening: to open a pipe would wait for whoever writes to it.
        if not file.is_file() and file.exists():
            raise Invalid(f"{what}: {path} is not a plain file.")
        with file.open("rb") as opened:
            return opened.read(limit_bytes + 1)
    except FileNotFoundError:
        raise Invalid(f"{what}: there is no file {path}.") from None
    except OSError as refused:
        raise Invalid(f"{what}: {path} cannot be read: {refused.strerror}.") from refused
