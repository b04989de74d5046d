"""`released login` and `logout`: daemons far away that commands work at from then on."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from released_cli.commands import Command
from released_cli.output import print_table, say, working
from released_cli.session import Globals, UsageError, can_ask

if TYPE_CHECKING:
    from released_cli.profiles import Book

app = typer.Typer()

LOGIN_EXAMPLE = """
Examples:
  released login https://bot.example.com
  released login https://bot.example.com --token-file - <token
  released login                            which are saved
  released login --profile NAME             work at a saved one again
"""


@app.command("login", cls=Command, epilog=LOGIN_EXAMPLE)
def login(
    ctx: typer.Context,
    url: Annotated[
        str | None, typer.Argument(metavar="URL", help="Where the daemon is; none lists the saved.")
    ] = None,
    *,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What to save it as; by default the server's name."),
    ] = None,
    token_file: Annotated[
        str | None,
        typer.Option(metavar="PATH|-", help="File with the token (or RELEASED_TOKEN), not asking."),
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Let the token travel in clear, over http.")
    ] = False,
) -> None:
    """Save a daemon's address and a token to it; commands work there from then on."""
    from released_cli.calling import CALL_BUDGET_S, Caller
    from released_cli.places import Place, check_token, check_url, name_place
    from released_cli.profiles import Profile, find_file, read_book, write_book
    from released_cli.remote import RemoteAdmin

    given = ctx.ensure_object(Globals)
    if url is None:
        _use_saved(profile or given.profile, has_token=bool(token_file or given.token_file))
        return
    insecure = insecure or given.insecure
    checked = check_url(url, insecure=insecure)
    name = profile or given.profile or name_place(checked)
    if not name.isprintable() or not name.strip():
        raise UsageError("A profile's name is one line, not empty.")
    file = find_file(os.environ)
    book = read_book(file)
    token = check_token(_get_token(token_file or given.token_file, checked))
    with working(f"Asking {checked}"):
        RemoteAdmin(Caller(Place(checked, token), CALL_BUDGET_S)).check()
    write_book(file, book.put(name, Profile(checked, token, insecure=insecure)))
    say(f"Commands work at {checked} now (profile {name}); --local is this machine.")
    say(f"To see how it is: released status. To end it: released logout {name}")


@app.command("logout", cls=Command)
def logout(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The profile; by default the one in use.")
    ] = None,
) -> None:
    """Forget a saved daemon and the token to it; commands work on this machine again."""
    from daemon.core.errors import NotFound
    from released_cli.profiles import find_file, read_book, write_book

    file = find_file(os.environ)
    book = read_book(file)
    chosen = name or ctx.ensure_object(Globals).profile or book.default
    known = ", ".join(sorted(book.profiles)) or "none"
    if chosen is None:
        raise NotFound(f"No profile is in use (saved: {known}). Name one: released logout NAME")
    if chosen not in book.profiles:
        raise NotFound(f"There is no profile {chosen!r} (saved: {known}).")
    write_book(file, book.drop(chosen))
    say(
        f"Profile {chosen} is forgotten here; its token works until it is revoked"
        " (released token revoke NAME on the server)."
    )


def _use_saved(name: str | None, *, has_token: bool) -> None:
    """Go back to a daemon that was saved before; without a name, list those there are."""
    from dataclasses import replace

    from daemon.core.errors import NotFound
    from released_cli.profiles import find_file, read_book, write_book

    if has_token:
        raise UsageError("Missing argument 'URL': where the token is for.")
    file = find_file(os.environ)
    book = read_book(file)
    if name is None:
        _list_saved(book)
        return
    if name not in book.profiles:
        known = ", ".join(sorted(book.profiles)) or "none"
        raise NotFound(
            f"There is no profile {name!r} (saved: {known})."
            f" Save it: released login URL --profile {name}"
        )
    write_book(file, replace(book, default=name))
    say(f"Commands work at {book.profiles[name].url} now (profile {name}).")


def _list_saved(book: "Book") -> None:
    rows = [
        (name, profile.url, "yes" if name == book.default else "no")
        for name, profile in sorted(book.profiles.items())
    ]
    if rows:
        print_table(["profile", "address", "in use"], rows, wide="address")
    else:
        say("No daemon is saved. Save one: released login URL")


def _get_token(token_file: str | None, url: str) -> str:
    from released_cli.asking import ask_secret
    from released_cli.choosing import TOKEN
    from released_cli.sources import read_secret

    if token_file is not None:
        return read_secret(token_file, what="Token")
    # Taken for an address that was typed, as with --url; the daemon is asked before it is saved.
    if token := os.environ.get(TOKEN):
        say(f"Taking the token of {TOKEN}.")
        return token
    if not can_ask():
        raise UsageError(f"Missing --token-file or {TOKEN}: nobody can be asked for the token.")
    say("A token comes from the server (released token create NAME there).")
    return ask_secret(f"Token for {url}")
