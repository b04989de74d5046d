"""`released doctor`: a line for each thing that must be right, and the next step if it is not."""

import sys
from collections import Counter
from collections.abc import Sequence

import typer

from daemon.core.errors import ReleasedError
from released_cli.admin import Document
from released_cli.choosing import choose_place
from released_cli.commands import Command
from released_cli.output import clean, is_terminal, print_json, print_text, say, waiting
from released_cli.session import AsJson, Globals, admin, load, now
from released_cli.spelling import spell
from released_cli.watching.lines import draw_line, make_line

app = typer.Typer()

SOMETHING_WRONG = 3
"""The exit code when a check says error; a warning leaves time, and is 0."""

FOLD_ABOVE = 12
"""Lines that say ok of single clients; a terminal gets more of them summed up by check."""

STATES = ("ok", "warning", "error", "skipped")
STYLES = {"ok": "green", "warning": "bold yellow", "error": "bold red", "skipped": "dim"}
INDENT = " " * 4
MARKS = {"ok": "+", "warning": "!", "error": "x", "skipped": "-"}


@app.command("doctor", cls=Command)
def doctor(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Check all that must be right for messages to be answered, and say what to do next.

    Exits 3 when something is wrong.
    """
    # A line of its own tells of misspelt settings.
    ctx.ensure_object(Globals).warned = True
    findings = _look(ctx)
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


def _look(ctx: typer.Context) -> list[Document]:
    """Run all checks; those that need no database also where it cannot be opened."""
    try:
        with admin(ctx) as office, waiting("Checking"):
            return office.run_doctor()
    except ReleasedError as shut:
        if choose_place(ctx.ensure_object(Globals)) is not None:
            raise
        from daemon.core.doctor.running import run_doctor_without
        from daemon.core.store.engine import sqlite_path

        settings = load(ctx)
        path = sqlite_path(settings.database_url)
        with waiting("Checking"):
            return run_doctor_without(settings, path, shut, now=now())


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
            lines.append(f"{INDENT}next: {clean(_spell_next(finding))}")
        laid.append((finding["state"], lines))
    return laid


def sum_up(findings: Sequence[Document]) -> str:
    """Say in one line how many checks there were, and how they came out."""
    counts = Counter(finding["state"] for finding in findings)
    told = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
    return f"{len(findings)} checks: {told}."


def _draw(findings: Sequence[Document]) -> None:
    """Draw each finding beside its state and check, wrapped where the terminal ends."""
    from rich.console import Console

    console = Console(highlight=False)
    heads = [f"{MARKS[finding['state']]} {finding['state']}" for finding in findings]
    checks = [clean(finding["check"]) for finding in findings]
    left, middle = max(map(len, heads)), max(map(len, checks))
    for finding, head, check in zip(findings, heads, checks, strict=True):
        beside = make_line((_tell(finding), ""), mark=f"{head:<{left}}  {check:<{middle}}  ")
        first, *more = draw_line(beside, console)
        first.stylize(STYLES[finding["state"]], 0, len(head))
        if finding["next"] is not None:
            following = make_line((f"next: {_spell_next(finding)}", "cyan"), mark=INDENT)
            more += draw_line(following, console)
        for text in (first, *more):
            console.print(text, soft_wrap=True)


def _spell_next(finding: Document) -> str:
    return spell(str(finding["next"]), source=finding)


def _tell(finding: Document) -> str:
    subject = finding["subject"]
    detail = " ".join(clean(finding["detail"]).split())
    return detail if subject is None else f"{subject}: {detail}"
