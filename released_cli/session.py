"""What every command needs: the settings, the database, who is asking, and what time it is."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.exceptions import TyperException

from daemon.core.errors import Rejected
from released_cli.output import say

if TYPE_CHECKING:
    from daemon.core.settings import Settings
    from daemon.core.store.engine import Database

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


class UsageError(TyperException):
    """The command line itself is wrong: exit code 2."""

    exit_code = 2


@dataclass(slots=True)
class Globals:
    """What was given before the command."""

    env_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked for an option that is missing.

    `check` raises `Rejected` for an answer that will not do; then it is asked again.
    """

    text: str
    check: Callable[[str], object]


def load(ctx: typer.Context) -> "Settings":
    """Read the settings that the command runs with."""
    from daemon.core.settings import load_settings

    return load_settings(ctx.ensure_object(Globals).env_file)


@contextmanager
def database(ctx: typer.Context) -> "Iterator[Database]":
    """Open the database of the settings."""
    from daemon.core.runtime import open_database

    with open_database(load(ctx)) as opened:
        yield opened


def actor() -> str:
    """Name who is asking, for the audit trail."""
    import getpass

    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return f"cli:{os.getuid()}"


def now() -> float:
    """Tell the time in seconds since the epoch."""
    return time.time()


def read_input(path: str, *, limit_bytes: int, what: str) -> bytes:
    """Read a file that an option names, or stdin for `-`, and no more of it than is sensible.

    Raises:
        Invalid: when it is no plain file, cannot be read, or is too large.

    """
    from daemon.core.errors import Invalid

    data = _read_stdin(limit_bytes, what) if path == "-" else _read_file(path, limit_bytes, what)
    if len(data) > limit_bytes:
        size = f"{limit_bytes >> 20} MB" if limit_bytes >> 20 else f"{limit_bytes} bytes"
        source = "stdin" if path == "-" else path
        raise Invalid(f"{what}: {source} is over {size}.")
    return data


def can_ask() -> bool:
    """Tell whether a person can see a question and answer it."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def ask(given: Mapping[str, str | None], questions: Mapping[str, Question]) -> dict[str, str]:
    """Take options' values, and ask a person for the missing ones; without one they are an error.

    Both mappings go by option, as `--name`.
    """
    missing = [option for option in questions if given[option] is None]
    if missing and not can_ask():
        raise UsageError(f"Missing {', '.join(missing)}.")
    answers = {option: _put(questions[option]) for option in missing}
    present = {option: value for option, value in given.items() if value is not None}
    return present | answers


def confirm(question: str) -> bool:
    """Ask a person yes or no; only a clear yes is one."""
    return _read_line(f"{question} [y/N]: ").lower() in {"y", "yes"}


def _put(question: Question) -> str:
    while True:
        answer = _read_line(f"{question.text}: ")
        if not answer:
            continue
        try:
            question.check(answer)
        except Rejected as refused:
            say(str(refused))
        else:
            return answer


def _read_line(prompt: str) -> str:
    # Not `input`, nor Typer's prompt: both write to stdout, where only data may go.
    try:
        typer.echo(prompt, nl=False, err=True)
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        line = ""
    if not line:
        say("")
        raise typer.Abort
    return line.strip()


def _read_stdin(limit_bytes: int, what: str) -> bytes:
    from daemon.core.errors import Invalid

    if sys.stdin is None:
        raise Invalid(f"{what}: stdin is closed.")
    if sys.stdin.isatty():
        say(f"{what}: type or paste, then Ctrl-D on a line of its own.")
    return sys.stdin.buffer.read(limit_bytes + 1)


def _read_file(path: str, limit_bytes: int, what: str) -> bytes:
    from daemon.core.errors import Invalid

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
