"""`released audit`: who did what to which client, when, from where, and what it changed."""

import json
import sys

import typer

from released_cli.admin import Document
from released_cli.commands import Command
from released_cli.output import is_terminal, print_json, print_table, say
from released_cli.session import AsJson, admin
from released_cli.watching.lines import Line, make_line, print_lines
from released_cli.watching.moments import tell_local
from released_cli.watching.names import Names
from released_cli.watching.options import Newest, Whose

app = typer.Typer()

INDENT = " " * 4


@app.command("audit", cls=Command)
def audit(
    ctx: typer.Context,
    ref: Whose = None,
    *,
    limit: Newest = 50,
    as_json: AsJson = False,
) -> None:
    """Show who changed what, and from where, the newest last.

    Times are those of this machine's own zone; in JSON they are UTC.
    """
    with admin(ctx) as office:
        entries = office.list_audit(client=ref, limit=limit)
        if as_json:
            print_json(entries)
        elif entries:
            _print(entries, Names(office))
        else:
            say("Nothing was changed yet.")


def _print(entries: list[Document], names: Names) -> None:
    if is_terminal(sys.stdout):
        print_lines([line for entry in entries for line in describe_entry(entry, names)])
        return
    print_table(
        ["at", "actor", "origin", "action", "client", "changes"],
        [
            (
                tell_local(entry["at"]),
                entry["actor"],
                entry["origin"],
                entry["action"],
                tell_whose(entry, names) or None,
                "; ".join(tell_changes(entry)) or None,
            )
            for entry in entries
        ],
    )


def describe_entry(entry: Document, names: Names) -> list[Line]:
    """Write one entry: when, what and whose, then who did it from where, then a line a field."""
    whose = tell_whose(entry, names)
    return [
        make_line(
            (f"{tell_local(entry['at'])}  ", ""),
            (entry["action"], "bold"),
            (f"  {whose}" if whose else "", "cyan"),
        ),
        make_line((f"by {entry['actor']} from {entry['origin']}", "dim"), mark=INDENT),
        *(make_line((change, ""), mark=INDENT) for change in tell_changes(entry)),
    ]


def tell_whose(entry: Document, names: Names) -> str:
    """Name the client of an entry, with its id; nothing when it concerns none."""
    client_id = entry["client_id"]
    return "" if client_id is None else f"{names.tell(client_id)} ({client_id})"


def tell_changes(entry: Document) -> list[str]:
    """Say each field's value before and after; of one that has only one of them, which it is."""
    before, after = entry["before"] or {}, entry["after"] or {}
    changes = []
    for field in {**before, **after}:
        if field not in before:
            changes.append(f"{field}: {_tell(after[field])}")
        elif field not in after:
            changes.append(f"{field}: was {_tell(before[field])}")
        else:
            changes.append(f"{field}: {_tell(before[field])} -> {_tell(after[field])}")
    return changes


def _tell(value: object) -> str:
    """Write a value on one line, so that an empty text and none differ."""
    return "-" if value is None else json.dumps(value, ensure_ascii=False)
