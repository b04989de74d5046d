"""`released doctor`: a line for each thing that must be right, and the next step if it is not."""

import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from released_cli.admin import Document
from released_cli.output import clean, is_terminal, print_json, print_text, say, waiting
from released_cli.session import AsJson, admin

if TYPE_CHECKING:
    from rich.text import Text

SOMETHING_WRONG = 3
"""The exit code when a check says error; a warning leaves time, and is 0."""

FOLD_ABOVE = 12
"""Lines that say ok of single clients; a terminal gets more of them summed up by check."""

STATES = ("ok", "warning", "error", "skipped")
STYLES = {"ok": "green", "warning": "bold yellow", "error": "bold red", "skipped": "dim"}
MARKS = {"ok": "+", "warning": "!", "error": "x", "skipped": "-"}


def doctor(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Check all that must be right for messages to be answered, and say what to do next.

    Exits 3 when something is wrong.
    """
    with admin(ctx) as office, waiting("Checking"):
        findings = office.run_doctor()
    if as_json:
        print_json(findings)
    elif is_terminal(sys.stdout):
        _draw(fold(findings))
        say(sum_up(findings))
    else:
        print_text("\n".join("\n".join(lines) for _, lines in lay_out(findings)))
        say(sum_up(findings))
    if any(finding["state"] == "error" for finding in findings):
        raise typer.Exit(SOMETHING_WRONG)


def fold(findings: Sequence[Document]) -> list[Document]:
    """Sum up by check what is well with single clients, when these are many."""
    counts = Counter(
        finding["check"]
        for finding in findings
        if finding["state"] == "ok" and finding["subject"] is not None
    )
    if counts.total() <= FOLD_ABOVE:
        return list(findings)
    kept = [
        finding for finding in findings if finding["state"] != "ok" or finding["subject"] is None
    ]
    return kept + [
        {
            "check": check,
            "subject": f"{count} client{'' if count == 1 else 's'}",
            "state": "ok",
            "detail": "as it should be; --json lists them",
            "next": None,
        }
        for check, count in counts.items()
    ]


def lay_out(findings: Sequence[Document]) -> list[tuple[str, list[str]]]:
    """Give each finding's state and its one or two lines, the second being the next step."""
    heads = [
        (
            f"{MARKS[finding['state']]} {finding['state']}",
            clean(finding["check"]),
            clean(finding["subject"]),
        )
        for finding in findings
    ]
    widths = [max(map(len, column)) for column in zip(*heads, strict=True)]
    laid: list[tuple[str, list[str]]] = []
    for finding, head in zip(findings, heads, strict=True):
        columns = [text.ljust(width) for text, width in zip(head, widths, strict=True)]
        lines = ["  ".join([*columns, " ".join(clean(finding["detail"]).split())])]
        if finding["next"] is not None:
            lines.append(f"    next: {clean(finding['next'])}")
        laid.append((finding["state"], lines))
    return laid


def sum_up(findings: Sequence[Document]) -> str:
    """Say in one line how many checks there were, and how they came out."""
    counts = Counter(finding["state"] for finding in findings)
    told = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
    return f"{len(findings)} checks: {told}."


def _draw(findings: Sequence[Document]) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    for state, lines in lay_out(findings):
        for line in lines:
            console.print(_colour(state, line), soft_wrap=True)


def _colour(state: str, line: str) -> "Text":
    from rich.text import Text

    if line.startswith(" "):
        return Text(line, style="cyan")
    end = line.index(state) + len(state)
    return Text.assemble((line[:end], STYLES[state]), line[end:])
