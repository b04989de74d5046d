"""`released token`: who may use the admin API."""

import shlex
from typing import Annotated, Literal

import typer

from daemon.core.errors import Invalid, ReleasedError
from released_cli.admin import Admin, Document
from released_cli.asking import can_ask, insist
from released_cli.commands import Command, Group
from released_cli.completion import complete_ref
from released_cli.output import print_json, print_table, say, waiting, working, write_json
from released_cli.session import AsJson, Yes, admin
from released_cli.stdout import close_stdout, need_stdout
from released_cli.watching.moments import tell_local

app = typer.Typer(name="token", cls=Group, no_args_is_help=True, help="Who may use the admin API.")

LIFETIME_LIMIT_DAYS = 3650
"""As the core has it; checked here too, because JSON has no word for an infinite number."""

Scope = Literal["read", "write"]

TokenName = Annotated[str, typer.Argument(metavar="NAME", help="Whom or what it is for.")]
ExpiresDays = Annotated[
    float, typer.Option(metavar="DAYS", help="Days it works; 0 has expired at once.")
]


class Unseen(ReleasedError):
    """A token was made, and could not be shown."""


CREATE_EXAMPLES = """
Examples:
  released token create backoffice --expires-days 365
  released token create plaza --client "La Plaza" --scope read
"""


@app.command(
    "create",
    cls=Command,
    epilog=CREATE_EXAMPLES,
)
def create(
    ctx: typer.Context,
    name: TokenName,
    *,
    expires_days: ExpiresDays = 60,
    scope: Annotated[Scope, typer.Option(help="Whether it may change anything.")] = "write",
    client: Annotated[
        str | None,
        typer.Option(
            metavar="REF", help="The one client that it sees.", autocompletion=complete_ref
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and show it, this once."""
    _check(name, expires_days)
    need_stdout()
    with admin(ctx) as office:
        with working("Making a token"):
            made = office.create_token(name, expires_days=expires_days, scope=scope, client=client)
        try:
            _print_made(made, expires_days, as_json=as_json)
        except OSError as lost:
            raise _take_back(office, made, lost) from lost


@app.command("list", cls=Command)
def show_all(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """List tokens, without the tokens themselves.

    Times are those of this machine's own zone; in JSON they are UTC.
    """
    with admin(ctx) as office, waiting("Listing tokens"):
        documents = office.list_tokens()
    if as_json:
        print_json(documents)
    elif documents:
        print_table(
            ["name", "scope", "client", "state", "expires", "last used"],
            [
                (
                    document["name"],
                    document["scope"],
                    "all" if document["client_id"] is None else document["client_id"],
                    document["state"],
                    tell_local(document["expires_at"]),
                    _tell_used(document["last_used_at"]),
                )
                for document in documents
            ],
            wide="name",
        )
    else:
        say("No tokens yet. Make one: released token create NAME")


@app.command("rotate", cls=Command, epilog="Example:\n  released token rotate backoffice")
def rotate(
    ctx: typer.Context, name: TokenName, *, expires_days: ExpiresDays = 60, as_json: AsJson = False
) -> None:
    """Replace a token by a new one of the same name, scope and client; the old one ends at once."""
    _check(name, expires_days)
    need_stdout()
    with admin(ctx) as office, working("Making a token"):
        made = office.rotate_token(name, expires_days=expires_days)
    try:
        _print_made(made, expires_days, as_json=as_json)
    except OSError as lost:
        raise _explain_rotated(made, lost) from lost


@app.command("revoke", cls=Command)
def revoke(
    ctx: typer.Context,
    name: TokenName,
    *,
    yes: Yes = False,
) -> None:
    """Make a token useless at once; on a terminal, asks first."""
    if not yes and can_ask():
        insist(f"Revoke the token {name}? Whoever uses it is shut out at once.")
    with admin(ctx) as office, waiting("Revoking"):
        office.revoke_token(name)
    say(f"Token {name} is revoked.")


def _tell_used(last_used_at: str | None) -> str:
    return "never" if last_used_at is None else tell_local(last_used_at)


def _print_made(made: Document, expires_days: float, *, as_json: bool) -> None:
    """Print a token; unlike `print_text` this fails where nobody reads, for nobody has seen it."""
    if as_json:
        typer.echo(write_json(made))
        return
    if expires_days == 0:
        say(f"Token {made['name']} has expired already: it opens nothing, and is not shown.")
        return
    typer.echo(made["token"])
    say(f"Token {made['name']}, valid until {made['expires_at']}. Keep it: it is not shown again.")


def _take_back(office: Admin, made: Document, lost: OSError) -> ReleasedError:
    """Revoke a token that nobody has seen, and say so."""
    close_stdout()
    name = made["name"]
    told = f"The token {name} could not be shown ({lost.strerror})"
    try:
        office.revoke_token(name)
    except ReleasedError as failed:
        command = f"released token revoke {shlex.quote(name)}"
        return Unseen(f"{told}, nor taken back: {failed} Revoke it: {command}")
    return Unseen(f"{told}, and is revoked: nothing is left of it. Make it again.")


def _explain_rotated(made: Document, lost: OSError) -> ReleasedError:
    close_stdout()
    name = made["name"]
    return Unseen(
        f"The token {name} was rotated and could not be shown ({lost.strerror}): the old one is"
        f" void, and nobody has seen the new one. Rotate it again: released token rotate"
        f" {shlex.quote(name)}"
    )


def _check(name: str, expires_days: float) -> None:
    if not 0 <= expires_days <= LIFETIME_LIMIT_DAYS:
        raise Invalid(f"expires_days must be from 0 to {LIFETIME_LIMIT_DAYS}.")
    if not name.strip() or not name.isprintable():
        raise Invalid("name must be one line, not empty.")
