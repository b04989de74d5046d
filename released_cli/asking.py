"""Asks a person on a terminal; elsewhere, and with --no-input, nobody is asked anything."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import typer

from daemon.core.errors import Rejected
from released_cli.given import current
from released_cli.usage import UsageError


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked for an option that is missing.

    `check` raises `Rejected` for an answer that will not do; then it is asked again.
    """

    text: str
    check: Callable[[str], object]


def can_ask() -> bool:
    """Tell whether a person can see a question and answer it."""
    if current().no_input:
        return False
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


def insist(question: str) -> None:
    """Go on only when a person says yes; else the command ends, refused."""
    if not confirm(question):
        typer.echo("Nothing is changed.", err=True)
        raise typer.Exit(1)


def ask_secret(text: str) -> str:
    """Ask a person for what must not be seen on the screen."""
    import getpass

    try:
        return getpass.getpass(f"{text}: ", stream=sys.stderr)
    except EOFError:
        raise typer.Abort from None


def _put(question: Question) -> str:
    while True:
        answer = _read_line(f"{question.text}: ")
        if not answer:
            continue
        try:
            question.check(answer)
        except Rejected as refused:
            typer.echo(str(refused), err=True)
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
        typer.echo("", err=True)
        raise typer.Abort
    return line.strip()
