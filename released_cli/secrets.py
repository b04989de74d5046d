"""`released secrets`: the keys that seal the clients' access tokens in the database."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from released_cli.asking import can_ask, insist
from released_cli.commands import Command, Group
from released_cli.output import print_facts, print_json, print_table, say, waiting
from released_cli.session import AsJson, UsageError, Yes, actor, load, now, refuse_elsewhere

if TYPE_CHECKING:
    from daemon.core.sealing.resealing import Resealed
    from daemon.core.store.engine import Database

app = typer.Typer(
    name="secrets",
    cls=Group,
    no_args_is_help=True,
    help="The keys that seal access tokens at rest.",
)

KeyFile = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="The file that SECRETS_KEY comes from, where that is set.",
        dir_okay=False,
    ),
]

ROTATE_EXAMPLES = """
Examples:
  released secrets rotate
  released secrets rotate --key-file /etc/released/credentials/SECRETS_KEY
"""


@app.command("status", cls=Command)
def status(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Show the keys by name, what each has sealed, and whose token none opens. On the server."""
    from daemon.core.sealing.showing import describe_secrets

    with _opened(ctx, "secrets status") as database, waiting("Opening"):
        found = describe_secrets(database)
    if as_json:
        print_json(found)
        return
    rows = [(key["id"], key["from"] or "not here", key["tokens"]) for key in found["keys"]]
    if rows:
        print_table(("key", "from", "tokens"), rows, wide="from")
    else:
        say(f"There is no key yet: {found['key_file']} is made with the first access token.")
    if found["plain"]:
        say(f"Tokens that lie open: {found['plain']}. The daemon seals them when it starts.")
    if found["unreadable"]:
        _tell_unreadable(found["unreadable"], found["key_file"])
    if found["fault"]:
        say(found["fault"])


@app.command("rotate", cls=Command, epilog=ROTATE_EXAMPLES)
def rotate(ctx: typer.Context, *, key_file: KeyFile = None, as_json: AsJson = False) -> None:
    """Make a new key and seal every access token with it, while the daemon works. On the server.

    The old key stays in the file, for backups made until now; `released secrets drop-old` deletes
    it. Where SECRETS_KEY is set, the file it comes from is written, and the daemon seals when it is
    started again.
    """
    import os

    from daemon.core.orders import find_orders
    from daemon.core.sealing.rotating import rotate as rotate_keys

    with _opened(ctx, "secrets rotate") as database, waiting("Sealing"):
        made = rotate_keys(database, key_file=key_file, random=os.urandom, now=now(), actor=actor())
    facts = {
        "key": made.key_id,
        "file": str(made.file),
        "sealed": None if made.done is None else made.done.sealed,
        "unreadable": None if made.done is None else list(made.done.unreadable),
    }
    _print(facts, as_json=as_json)
    _tell_next(made.done, made.file, restart=find_orders(database.path).restart)


@app.command("drop-old", cls=Command)
def drop_old(
    ctx: typer.Context,
    *,
    key_file: KeyFile = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete the keys that seal nothing in the database any more. On the server.

    Access tokens in backups that such a key has sealed can then be opened by nobody.
    """
    from daemon.core.sealing import rotating

    if not yes and not can_ask():
        raise UsageError("Dropping keys needs --yes when nobody can be asked.")
    with _opened(ctx, "secrets drop-old") as database:
        old = rotating.find_old(database, key_file=key_file)
        if old and not yes:
            insist(f"Delete the old keys ({', '.join(old)})? Older backups lose their tokens.")
        done = rotating.drop_old(database, key_file=key_file, now=now(), actor=actor())
    facts = {"file": str(done.file), "dropped": list(done.dropped), "kept": list(done.kept)}
    _print(facts, as_json=as_json)
    if not done.dropped and len(done.kept) > 1:
        say("The old keys are still needed. `released secrets status` shows for how many tokens.")


@contextmanager
def _opened(ctx: typer.Context, what: str) -> "Iterator[Database]":
    """Open this machine's database: keys never travel."""
    from daemon.core.errors import Misconfigured
    from daemon.core.runtime import open_database
    from daemon.core.store.engine import sqlite_path

    refuse_elsewhere(ctx, what)
    settings = load(ctx)
    path = sqlite_path(settings.database_url)
    if not path.exists():
        raise Misconfigured(f"There is no database {path}. DATABASE_URL says where it is.")
    with open_database(settings) as database:
        yield database


def _print(facts: Mapping[str, object], *, as_json: bool) -> None:
    if as_json:
        print_json(facts)
        return
    print_facts(
        {
            name: ", ".join(map(str, value)) or None if isinstance(value, list) else value
            for name, value in facts.items()
        }
    )


def _tell_next(done: "Resealed | None", file: Path, *, restart: str) -> None:
    if done is None:
        say(
            f"Next: let SECRETS_KEY come from {file} and restart the daemon (`{restart}`), which"
            " then seals every token with the new key. `released secrets status` shows it;"
            f" `released secrets drop-old --key-file {file}` ends it."
        )
        return
    if done.unreadable:
        _tell_unreadable(done.unreadable, str(file))
    say(f"Keep a copy of {file} apart from the backups: what they hold opens with it alone.")


def _tell_unreadable(clients: Sequence[int], file: str) -> None:
    say(
        f"No key here opens the tokens of client {', '.join(map(str, clients))}. Put their key, as"
        f" a line of its own, into {file}, or store them again with `released client update REF"
        " --access-token-file PATH`."
    )
