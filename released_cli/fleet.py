"""`released plan`, `apply` and `export`: the fleet as a file."""

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from released_cli.admin import Admin, Document
from released_cli.asking import can_ask, insist
from released_cli.commands import Command
from released_cli.output import print_json, say, working
from released_cli.session import AsJson, admin
from released_cli.sources import STDIN
from released_cli.stdout import close_stdout, writing
from released_cli.usage import UsageError

if TYPE_CHECKING:
    from daemon.core.fleet.comparing import Plan
    from daemon.core.fleet.wanted import Fleet
    from released_cli.fleet_apply import Outcome
    from released_cli.fleet_writing import Undo

app = typer.Typer()

DIFFERENT = 3
"""The exit code of `plan` when there are differences."""

SHOWN_NAMES = 5

STDOUT = Path("/dev/stdout")
"""Leads to the file that a shell has made of stdout, if it has."""

Exported = tuple[Document, list[Document]]
"""A client and its FAQs."""

FleetFile = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="A TOML file as clients.example.toml; - is stdin. A folder stands for the *.json in"
        " it, each one client as POST /clients takes it: name, phone_number, phone_number_id,"
        " faqs, and what else a client has.",
    ),
]
Prune = Annotated[
    bool, typer.Option("--prune", help="Deactivate active clients that are not in the file.")
]

PLAN_EXAMPLE = """
Exits 3 when there are differences, else 0.

Example:
  released plan clients.toml
"""
APPLY_EXAMPLE = """
Examples:
  released apply clients.toml
  released apply - <clients.toml
"""
EXPORT_EXAMPLE = """
Example:
  released export --output clients.toml --faqs-dir faqs
"""


@app.command("plan", cls=Command, epilog=PLAN_EXAMPLE)
def plan(
    ctx: typer.Context, file: FleetFile, *, prune: Prune = False, as_json: AsJson = False
) -> None:
    """Show how the clients differ from a file; change nothing."""
    fleet = _read(file)
    with admin(ctx) as office:
        found = _compare(office, fleet, prune=prune)
    _show(found, as_json=as_json)


@app.command("apply", cls=Command, epilog=APPLY_EXAMPLE)
def apply(
    ctx: typer.Context,
    file: FleetFile,
    *,
    prune: Prune = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before --prune.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only plan.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the clients as a file has them; it can be run again and again."""
    from released_cli.fleet_output import say_outcome

    if dry_run:
        plan(ctx, file, prune=prune, as_json=as_json)
        return
    if prune and not yes and not can_ask():
        raise UsageError("--prune needs --yes when nobody can be asked.")
    fleet = _read(file)
    with admin(ctx) as office:
        found = _compare(office, fleet, prune=prune)
        if not yes:
            _ask_to_prune(found)
        outcome = _make_so(office, found)
    if as_json:
        print_json(outcome.describe())
    say_outcome(outcome, absent=len(found.absent))
    if outcome.failures:
        raise typer.Exit(1)


@app.command("export", cls=Command, epilog=EXPORT_EXAMPLE)
def export(
    ctx: typer.Context,
    *,
    output: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write it there, not to stdout.")
    ] = None,
    faqs_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write each client's FAQs to a JSON file in there."),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace FILE and files in DIR that hold something else."),
    ] = False,
) -> None:
    """Write all clients as a file for `plan` and `apply`.

    What people wrote into such a file, or into one with FAQs, is lost where --force replaces it.
    """
    from released_cli.fleet_output import tell_total
    from released_cli.fleet_writing import all_or_nothing, check_file, make_folder

    target = None if output in {None, STDIN} else Path(str(output))
    if force and target is None and faqs_dir is None:
        raise UsageError("--force goes with --output FILE or --faqs-dir: stdout replaces nothing.")
    with all_or_nothing() as undo:
        if faqs_dir is not None:
            make_folder(faqs_dir, undo)
        if target is not None:
            check_file(target)
        with admin(ctx) as office:
            clients = _fetch(office)
        _write(clients, target, faqs_dir, force=force, undo=undo)
    if target is not None:
        say(f"Wrote {tell_total(len(clients))} to {target}.")
    own = [document for document, _ in clients if document["access_token_digest"] is not None]
    if own:
        say(
            f"Not exported: the access tokens of {_name(own)}."
            " Applied to this database again they stay as they are."
        )


def _fetch(office: Admin) -> list[Exported]:
    from released_cli.progress import progress

    clients = []
    documents = office.list_clients()
    with progress("Reading FAQs", len(documents)) as advance:
        for document in documents:
            clients.append((document, _list_faqs(office, document["id"])))
            advance()
    return clients


def _write(
    clients: list[Exported],
    target: Path | None,
    faqs_dir: Path | None,
    *,
    force: bool,
    undo: "Undo",
) -> None:
    """Write the fleet, FAQs into files of their own first where they have a folder."""
    from daemon.core.fleet.writing import write_faqs, write_fleet
    from released_cli.fleet_writing import check_distinct, write_files

    files: list[tuple[Path, str]] = []
    shown: list[tuple[Document, list[Document] | str]] = []
    for document, faqs in clients:
        if faqs_dir is None:
            shown.append((document, faqs))
            continue
        file = faqs_dir / f"{document['phone_number_id']}.json"
        files.append((file, write_faqs(faqs)))
        # Named as seen from where the fleet will lie.
        shown.append((document, os.path.relpath(file, Path() if target is None else target.parent)))
    check_distinct([*(file for file, _ in files), STDOUT if target is None else target])
    text = write_fleet(shown)
    write_files(files if target is None else [*files, (target, text)], force=force, undo=undo)
    if target is None:
        _print_toml(text)


def _read(file: str) -> "Fleet":
    from released_cli.fleet_files import read_wanted

    return read_wanted(file)


def _compare(office: Admin, fleet: "Fleet", *, prune: bool) -> "Plan":
    from daemon.core.fleet.comparing import compare

    with working("Comparing"):
        documents = office.list_clients()
        return compare(fleet, documents, list_faqs=partial(_list_faqs, office), prune=prune)


def _make_so(office: Admin, found: "Plan") -> "Outcome":
    from released_cli.fleet_apply import Outcome, carry_out
    from released_cli.fleet_output import say_interrupted
    from released_cli.progress import progress

    outcome, total = Outcome(found.unchanged), len(found.differences)
    try:
        with progress("Applying", total) as advance:
            carry_out(office, found.differences, outcome, advance=advance)
    except KeyboardInterrupt:
        say_interrupted(outcome, total)
        raise
    return outcome


def _list_faqs(office: Admin, client_id: int) -> list[Document]:
    from released_cli.fleet_apply import patiently

    return patiently(lambda: office.list_faqs(client_id))


def _print_toml(text: str) -> None:
    """Print TOML, which is UTF-8 whatever the terminal speaks."""
    try:
        with writing():
            typer.echo(text.encode(), nl=False)
    except BrokenPipeError:
        close_stdout()
        raise typer.Exit from None


def _show(found: "Plan", *, as_json: bool) -> None:
    from daemon.core.fleet.comparing import describe_plan
    from released_cli.fleet_output import print_plan

    if as_json:
        print_json(describe_plan(found))
    else:
        print_plan(found)
    if found.differences:
        raise typer.Exit(DIFFERENT)


def _ask_to_prune(found: "Plan") -> None:
    ends = [
        {"name": difference.name} for difference in found.differences if difference.wanted is None
    ]
    if ends:
        insist(f"Deactivate what is not in the file: {_name(ends)}?")


def _name(clients: list[Document]) -> str:
    from released_cli.fleet_output import make_plain

    names = [make_plain(client["name"]) for client in clients[:SHOWN_NAMES]]
    more = len(clients) - SHOWN_NAMES
    return f"{', '.join(names)} and {more} more" if more > 0 else ", ".join(names)
