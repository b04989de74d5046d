"""`released meta`: what stands between us and Meta; for now its access tokens."""

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from released_cli.admin import Document
from released_cli.asking import can_ask, insist
from released_cli.commands import Command, Group
from released_cli.completion import complete_ref
from released_cli.output import print_facts, print_json, print_table, say, waiting, working
from released_cli.session import AsJson, Globals, UsageError, Yes, admin, load, now

app = typer.Typer(name="meta", cls=Group, no_args_is_help=True, help="Meta's access tokens.")
token_app = typer.Typer(no_args_is_help=True)
app.add_typer(
    token_app,
    cls=Group,
    name="token",
    help="Meta's access tokens: how long they last, and new ones in time.",
)

SOMETHING_WRONG = 3
"""The exit code when a token is void or ends within a week; a warning leaves time, and is 0."""

CHECK_EXAMPLES = """
Examples:
  released meta token check
  released meta token check "La Plaza" --json state,days_left
"""
ROTATE_EXAMPLES = """
Examples:
  released meta token rotate "La Plaza"   its own token, in the database
  released meta token rotate              the shared one, in its file
"""

OptionalRef = Annotated[
    str | None,
    typer.Argument(
        metavar="REF",
        help="A client by its id, phone_number_id, phone number or exact name.",
        autocompletion=complete_ref,
        show_default=False,
    ),
]


@token_app.command("check", cls=Command, epilog=CHECK_EXAMPLES)
def check(ctx: typer.Context, ref: OptionalRef = None, *, as_json: AsJson = False) -> None:
    """Ask Meta about the shared access token and clients' own ones, or about a client's.

    Exits 3 when one is not valid, lacks what it needs, or ends within a week.
    """
    with admin(ctx) as office, waiting("Asking Meta"):
        found = office.check_meta_tokens(ref)
    if as_json:
        print_json(found)
    elif found:
        _print_checks(found)
    else:
        say("No token is set, and no active client needs one.")
    if any(one["state"] == "error" for one in found):
        raise typer.Exit(SOMETHING_WRONG)


@token_app.command("rotate", cls=Command, epilog=ROTATE_EXAMPLES)
def rotate(
    ctx: typer.Context,
    ref: OptionalRef = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a new shared token there, for you alone to read."),
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Exchange a token that ends for a new one; the old one stays until the new one works.

    With REF a client's own token, else META_ACCESS_TOKEN, which is done on the server alone.
    """
    if ref is not None and output is not None:
        raise UsageError("--output goes with the shared token: leave REF out.")
    if ref is None:
        _rotate_shared(ctx, output, yes=yes, as_json=as_json)
        return
    if not yes and can_ask():
        insist(f"Exchange the access token of {ref} for a new one?")
    with admin(ctx) as office, working("Exchanging the token, and trying the new one"):
        rotated = office.rotate_meta_token(ref)
    _print_rotated(rotated, as_json=as_json)


def _rotate_shared(ctx: typer.Context, output: Path | None, *, yes: bool, as_json: bool) -> None:
    from daemon.core.credentials.keeping import find_home
    from daemon.core.credentials.running import rotate_shared_here
    from daemon.core.orders import find_orders
    from daemon.core.runtime import open_database
    from daemon.core.store.engine import sqlite_path
    from released_cli.choosing import choose_place

    given = ctx.ensure_object(Globals)
    if choose_place(given) is not None:
        raise UsageError(
            "The shared token stands in a file on the server: run this there, with --local,"
            " or name a client."
        )
    settings = load(ctx)
    home = find_home(given.env_file or Path(".env"), os.environ)
    target = output or home.path
    if not yes and can_ask():
        insist(f"Exchange META_ACCESS_TOKEN for a new one, and write that to {target}?")
    worn = target.stat() if target is not None and target.exists() else None
    with open_database(settings) as database, working("Exchanging the token"):
        rotated = rotate_shared_here(settings, database, home, output=output, clock=now)
    _print_rotated(rotated, as_json=as_json)
    if target is not None and worn is not None:
        _tell_lost_group(target, worn)
    if output is not None and output.resolve() != home.path:
        say(_tell_the_rest(output, home.path if home.kind == "file" else None))
    restart = find_orders(sqlite_path(settings.database_url)).restart
    say(f"The daemon takes it up when it is restarted: {restart}")


def _tell_lost_group(target: Path, worn: os.stat_result) -> None:
    from daemon.core.credentials.keeping import find_lost_group

    mend = find_lost_group(target.resolve(), before=worn)
    if mend is not None:
        say(f"The group of {target} could not be kept, and reads it no more. As root: {mend}")


def _tell_the_rest(output: Path, file: Path | None) -> str:
    """Say how the new token gets from the file that was named to where the setting is read."""
    if file is None:
        return f"Put what {output} holds into META_ACCESS_TOKEN, and delete {output}."
    new, old = shlex.quote(str(output)), shlex.quote(str(file))
    return f"Put it in its place, as root: cat {new} >{old} && rm {new}"


def _print_checks(found: list[Document]) -> None:
    rows = [
        (
            "shared" if one["client_id"] is None else one["client"],
            one["state"],
            one["type"],
            "never" if one["never_expires"] else one["expires_at"],
            one["days_left"],
            one["detail"],
        )
        for one in found
    ]
    print_table(["token of", "state", "type", "expires", "days left", "detail"], rows)
    for one in found:
        if one["next"] is not None:
            whose = "shared" if one["client_id"] is None else one["client"]
            say(f"{whose}: {one['next']}")


def _print_rotated(rotated: Document, *, as_json: bool) -> None:
    if as_json:
        print_json(rotated)
    else:
        whose = "the shared one" if rotated["client"] is None else rotated["client"]
        print_facts(
            {
                "token of": whose,
                "expires": rotated["expires_at"] or "never",
                "days left": rotated["days_left"],
                "stored in": rotated["stored_in"],
            }
        )
    say(f"The new token was tried and works; Meta takes the old one until {_until(rotated)}.")


def _until(rotated: Document) -> str:
    return str(rotated["old_expires_at"])[:10]
