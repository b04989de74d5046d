"""How plans and what became of them are shown to people."""

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

from daemon.core.errors import Invalid
from released_cli.output import is_terminal, print_text, say

if TYPE_CHECKING:
    from daemon.core.fleet.comparing import Difference, FaqChange, FieldChange, Plan
    from released_cli.fleet_apply import Outcome

SHORT = 60
"""Characters of a text that a terminal shows; --json has all of it."""

SHOWN_WARNINGS = 10

SHOWN_ABSENT = 10
"""Clients that a plan leaves alone and names: whoever plans for one of 500 knows of the others."""

MARKS = {"create": "+", "change": "~", "activate": "~", "deactivate": "-", "not_in_file": " "}
STYLES = {"+": "green", "~": "yellow", "-": "red"}

Line = tuple[str, str]
"""A mark, which decides its colour, and the text that follows it."""


def print_plan(plan: "Plan") -> None:
    """Print a plan: a paragraph for each client that differs, and the sums."""
    short = is_terminal(sys.stdout)
    lines = [
        line
        for difference in plan.differences + plan.absent[:SHOWN_ABSENT]
        for line in _write_client(difference, short=short)
    ]
    if len(plan.absent) > SHOWN_ABSENT:
        left = len(plan.absent) - SHOWN_ABSENT
        lines.append(("", f"  and {left} more are not in the file; --prune would deactivate them"))
    lines.append(("", _sum_up(plan)))
    if not short:
        print_text("\n".join(text for _, text in lines))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for mark, text in lines:
        console.print(Text(text, style=STYLES.get(mark, "")), soft_wrap=True)


def say_outcome(outcome: "Outcome", *, absent: int) -> None:
    """Say what became of a fleet, even quietly what failed. `absent` clients were left alone."""
    for step in outcome.failures:
        _insist(f"failed: {_tell_name(step.difference)}: {make_plain(str(step.reason))}")
    if outcome.untried:
        _insist(f"The last ones failed one after the other, so {outcome.untried} were not tried.")
    for warning in outcome.warnings[:SHOWN_WARNINGS]:
        say(make_plain(warning))
    if len(outcome.warnings) > SHOWN_WARNINGS:
        left = len(outcome.warnings) - SHOWN_WARNINGS
        say(f"{left} more of these; `released client show REF` tells each.")
    if absent:
        whom = "it" if absent == 1 else "them"
        say(f"Active, but not in the file: {tell_total(absent)}. --prune deactivates {whom}.")
    sums = outcome.count()
    shown = [f"{count} {name.replace('_', ' ')}" for name, count in sums.items() if count]
    say(f"{', '.join(shown) or 'no clients'}.{_tell_next(outcome)}")


def say_interrupted(outcome: "Outcome", total: int) -> None:
    """Say what stays after an interruption."""
    _insist(
        f"Interrupted after {len(outcome.steps)} of {total}: what is done stays,"
        " and the same command does the rest."
    )


def tell_total(clients: int) -> str:
    """Count clients in words."""
    return "1 client" if clients == 1 else f"{clients} clients"


def list_problems(invalid: Invalid, source: str) -> bool:
    """List the problems of a refusal, a line each, where its message has no room for them.

    Says whether it did.
    """
    from daemon.core.faqs import SHOWN_PROBLEMS
    from daemon.core.fleet.refusing import tell

    if len(invalid.problems) <= SHOWN_PROBLEMS:
        return False
    for problem in invalid.problems:
        _insist(f"{source}: {tell(problem)}")
    return True


def _insist(message: str) -> None:
    # Unlike `say`, with --quiet too.
    typer.echo(message, err=True)


def _tell_next(outcome: "Outcome") -> str:
    if not outcome.failures:
        return ""
    return " Once the cause is mended, the same command does the rest."


def _write_client(difference: "Difference", *, short: bool) -> Iterator[Line]:
    mark = MARKS[difference.action]
    yield mark, f"{mark} {_tell_name(difference)}: {_tell_action(difference)}"
    if difference.action in {"create", "not_in_file"} or difference.wanted is None:
        return
    for change in difference.fields:
        yield "~", f"    {_write_field(change, short=short)}"
    if difference.faqs is not None:
        yield from _write_faqs(difference.faqs, short=short)


def _tell_name(difference: "Difference") -> str:
    known = difference.client_id
    which = f"client {known}" if known is not None else difference.phone_number_id
    return f"{make_plain(difference.name)} ({which})"


def _tell_action(difference: "Difference") -> str:
    if difference.action == "not_in_file":
        return "not in the file; --prune would deactivate it"
    if difference.action != "create" or difference.faqs is None:
        return f"to {difference.action}"
    count = len(difference.faqs.added)
    state = "" if difference.wanted is None or difference.wanted.active else ", inactive"
    return f"to create, with {count} FAQ{'' if count == 1 else 's'}{state}"


def _write_field(change: "FieldChange", *, short: bool) -> str:
    before, after = (_show(value, short=short) for value in (change.before, change.after))
    return f"{change.field}: {before} -> {after}"


def _write_faqs(change: "FaqChange", *, short: bool) -> Iterator[Line]:
    counts = {
        "added": len(change.added),
        "removed": len(change.removed),
        "answered otherwise": len(change.changed),
    }
    parts = [f"{count} {word}" for word, count in counts.items() if count]
    if change.reordered:
        parts.append("in another order")
    yield "~", f"    FAQs: {', '.join(parts)}"
    for faq in change.added:
        yield "+", f"      + {_show(faq.question, short=short)}"
    for faq in change.removed:
        yield "-", f"      - {_show(faq.question, short=short)}"
    for old, new in change.changed:
        answers = " -> ".join(_show(faq.answer, short=short) for faq in (old, new))
        yield "~", f"      ~ {_show(new.question, short=short)}: {answers}"


def _sum_up(plan: "Plan") -> str:
    if not plan.differences:
        return f"There are no differences; {plan.unchanged} unchanged."
    actions = [difference.action for difference in plan.differences]
    shown = [f"{actions.count(name)} to {name}" for name in MARKS if name in actions]
    total = len(actions)
    differ = f"{total} client{' differs' if total == 1 else 's differ'}"
    return f"{differ}: {', '.join(shown)}; {plan.unchanged} unchanged."


def _show(value: Any, *, short: bool) -> str:
    if not isinstance(value, str):
        return "none" if value is None else "yes" if value else "no"
    cut = value if len(value) <= SHORT or not short else value[: SHORT - 1] + "…"
    return _cover(json.dumps(cut, ensure_ascii=False))


def make_plain(text: str) -> str:
    """Bring what a file or another operator wrote to one line that steers no terminal."""
    return _cover(" ".join(text.split()))


def _cover(text: str) -> str:
    return "".join(char if char.isprintable() else "�" for char in text)
