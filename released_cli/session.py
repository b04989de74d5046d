"""What every command needs: where it works, the settings, who is asking, and what time it is."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from released_cli.admin import Admin
from released_cli.asking import ask, can_ask, confirm
from released_cli.given import Globals
from released_cli.output import is_terminal, say
from released_cli.sources import read_input
from released_cli.usage import UsageError

if TYPE_CHECKING:
    from daemon.core.settings import Settings
    from daemon.core.store.audit import Actor
    from released_cli.places import Place

__all__ = [
    "AsJson",
    "Globals",
    "UsageError",
    "Yes",
    "actor",
    "admin",
    "ask",
    "can_ask",
    "confirm",
    "load",
    "now",
    "read_input",
    "refuse_elsewhere",
]

LOGIN = "released login URL"

AsJson = Annotated[
    bool,
    typer.Option("--json", help="Print JSON for programs; --json id,name chooses keys."),
]
"""Goes with `commands.Command`, which takes the keys."""

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
"""Of a command that asks first: what it does cannot be undone, or is felt by customers."""


def load(ctx: typer.Context) -> "Settings":
    """Read the settings that the command runs with."""
    from daemon.core.settings import load_settings

    given = ctx.ensure_object(Globals)
    settings = load_settings(given.env_file)
    if not given.warned:
        given.warned = True
        for slip in settings.slips:
            say(slip)
    return settings


@contextmanager
def admin(ctx: typer.Context) -> Iterator[Admin]:
    """Open the office where the command works: on this machine, or at a daemon far away."""
    from released_cli.choosing import choose_place

    place = choose_place(ctx.ensure_object(Globals))
    if place is not None:
        from released_cli.calling import CALL_BUDGET_S, Caller
        from released_cli.remote import RemoteAdmin

        _tell_where(place)
        yield RemoteAdmin(Caller(place, CALL_BUDGET_S))
        return
    from daemon.core.runtime import open_database
    from daemon.core.store.engine import sqlite_path
    from released_cli.local import LocalAdmin

    settings = load(ctx)
    path = sqlite_path(settings.database_url)
    is_new = not path.exists()
    with open_database(settings) as opened:
        if is_new:
            say(
                f"{path.absolute()} is new and empty: commands work on the database of the folder"
                f" they are run in (DATABASE_URL). For a daemon elsewhere: {LOGIN}"
            )
        yield LocalAdmin(opened, settings, actor=actor(), clock=now)
        if opened.keyring.has_made_key:
            say(
                f"{opened.keyring.file} is new: it opens the access tokens in the database. Keep a"
                " copy of it, apart from the backups."
            )


def refuse_elsewhere(ctx: typer.Context, what: str, *, heed_login: bool = True) -> None:
    """Refuse to look far away for what is on this machine only.

    Without `heed_login` only what was typed counts: a saved login says nothing of this command.
    """
    given = ctx.ensure_object(Globals)
    if given.url is not None or given.profile is not None:
        option = "--url" if given.url is not None else "--profile"
        raise UsageError(
            f"{what} works on this machine only: run it on the server, without {option}."
        )
    from released_cli.choosing import choose_place

    place = choose_place(given) if heed_login else None
    if place is not None:
        raise UsageError(
            f"{what} works on this machine only, and you are logged in at {place.url}:"
            " run it on the server, or here with --local."
        )


def actor() -> "Actor":
    """Name who is asking, for the audit trail."""
    import getpass

    from daemon.core.store.audit import Actor

    try:
        return Actor(f"cli:{getpass.getuser()}")
    except (KeyError, OSError):
        return Actor(f"cli:{os.getuid()}")


def now() -> float:
    """Tell the time in seconds since the epoch."""
    return time.time()


def _tell_where(place: "Place") -> None:
    """Show what a saved profile or a careless address would leave unseen."""
    if place.is_in_clear:
        say(f"The token travels in clear to {place}.")
    if place.profile is not None and is_terminal(sys.stderr):
        token = ", with another token than its own" if place.has_other_token else ""
        say(f"At {place} (profile {place.profile}{token}; --local is this machine).")
