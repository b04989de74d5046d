"""`released db`: the database itself, its backups, and the way back from one."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from released_cli.asking import can_ask, insist
from released_cli.commands import Command
from released_cli.output import print_facts, print_json, print_text, say, waiting
from released_cli.progress import progress
from released_cli.session import AsJson, UsageError, actor, load, now, refuse_elsewhere

if TYPE_CHECKING:
    from daemon.core.backups import Backup, Rotation
    from daemon.core.restoring import Restored

app = typer.Typer(no_args_is_help=True)

PERCENT = 100

LONGEST_DAYS = 36_500
"""A century; what is longer is a slip, and no date could be counted from it."""

BACKUP_EXAMPLES = """
Examples:
  released db backup before.db
  released db backup --dir backups --keep 14
"""

BackupFile = Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")]


@app.command("upgrade", cls=Command)
def upgrade(ctx: typer.Context) -> None:
    """Bring the schema up to date; on SQLite every program does this by itself."""
    from daemon.core.store.engine import Database
    from daemon.core.store.upgrade import HEAD, prepare

    database = Database(_find(ctx, "db upgrade"))
    try:
        upgraded = prepare(database)
    finally:
        database.close()
    state = "upgraded to" if upgraded else "up to date at"
    say(f"{database.path} is {state} schema {HEAD}.")


@app.command(
    "backup",
    cls=Command,
    epilog=BACKUP_EXAMPLES,
)
def backup(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Where it goes.", show_default=False)
    ] = None,
    *,
    folder: Annotated[
        Path | None,
        typer.Option("--dir", metavar="DIR", help="Where it goes, named by the moment (UTC)."),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="With --dir: delete all but the newest so many."),
    ] = None,
    older_than: Annotated[
        float | None,
        typer.Option(
            metavar="DAYS", max=LONGEST_DAYS, help="With --keep: delete what is older all the same."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a checked copy of the database, while the daemon works."""
    from daemon.core.backups import back_up, name_backup, rotate

    rotation = _read_rotation(file, folder, keep, older_than, force=force)
    database = _find(ctx, "db backup")
    moment = now()
    target = name_backup(database, folder, now=moment) if folder is not None else file
    assert target is not None  # noqa: S101 - one of both is given, or `_read_rotation` refuses
    with _watched("Backing up") as watch:
        made = back_up(database, target, force=force, monotonic=time.monotonic, watch=watch)
    _print_backup(made, as_json=as_json)
    if rotation is not None:
        for path in rotate(database, target, rotation, now=moment):
            say(f"Deleted {path}.")


@app.command("verify", cls=Command)
def verify(ctx: typer.Context, file: BackupFile, *, as_json: AsJson = False) -> None:
    """Check a backup: ours, whole, of a schema that this version knows; exit 0 or 1."""
    from daemon.core.store.examining_files import examine

    refuse_elsewhere(ctx, "db verify")
    with waiting("Checking"):
        found = examine(file, thoroughly=True)
    counts = {"clients": found.clients, "messages": found.messages}
    if as_json:
        print_json({"file": str(file), "bytes": found.bytes, "schema": found.schema, **counts})
    else:
        print_text(
            f"{file} is sound: schema {found.schema}, {found.clients} clients,"
            f" {found.messages} messages, {found.bytes} bytes."
        )


@app.command("restore", cls=Command, epilog="Example:\n  released db restore before.db")
def restore(
    ctx: typer.Context,
    file: BackupFile,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup in the database's place; the daemon must be stopped, the old one is kept."""
    from daemon.core import restoring

    if not yes and not can_ask():
        raise UsageError("Restoring needs --yes when nobody can be asked.")
    database = _find(ctx, "db restore")
    if not yes:
        with waiting("Checking"):
            found = restoring.check_restore(file, database)
        insist(
            f"Put {file} ({found.clients} clients, {found.messages} messages) in the place of"
            f" {database}?"
        )
    with _watched("Restoring") as watch:
        done = restoring.restore(file, database, now=now(), actor=actor(), watch=watch)
    _print_restored(done, file, database, as_json=as_json)


def _find(ctx: typer.Context, what: str) -> Path:
    from daemon.core.store.engine import sqlite_path

    refuse_elsewhere(ctx, what)
    return sqlite_path(load(ctx).database_url)


def _read_rotation(
    file: Path | None,
    folder: Path | None,
    keep: int | None,
    older_than: float | None,
    *,
    force: bool,
) -> "Rotation | None":
    """Refuse options that contradict each other; tell what is to be deleted, if anything."""
    from datetime import timedelta

    from daemon.core.backups import Rotation

    if (file is None) == (folder is None):
        raise UsageError("Name one FILE, or a folder with --dir.")
    if folder is None and (keep is not None or older_than is not None):
        raise UsageError("--keep and --older-than go with --dir.")
    if folder is not None and force:
        raise UsageError("--force goes with FILE: in --dir nothing is replaced.")
    if keep is None:
        if older_than is not None:
            raise UsageError("--older-than goes with --keep.")
        return None
    return Rotation(keep, None if older_than is None else timedelta(days=older_than))


@contextmanager
def _watched(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far the copying is, in hundredths."""
    shown = 0
    with progress(f"{what}, percent", PERCENT) as advance:

        def watch(done: int, total: int) -> None:
            nonlocal shown
            reached = PERCENT if total == 0 else PERCENT * done // total
            while shown < reached:
                advance()
                shown += 1

        yield watch


def _print_backup(made: "Backup", *, as_json: bool) -> None:
    facts = {
        "file": str(made.file),
        "bytes": made.bytes,
        "schema": made.schema,
        "clients": made.clients,
        "messages": made.messages,
        "seconds": round(made.seconds, 3),
    }
    if as_json:
        print_json(facts)
    else:
        print_facts(facts)


def _print_restored(done: "Restored", file: Path, database: Path, *, as_json: bool) -> None:
    from daemon.core.store.upgrade import HEAD

    learnt = done.learnt
    facts = {
        "file": str(file),
        "database": str(database),
        "schema": HEAD,
        "clients": done.backup.clients,
        "messages": done.backup.messages,
        "unsettled": done.unsettled,
        "settled_since": None if learnt is None else learnt.settled,
        "missing": None if learnt is None else learnt.missing,
        "kept": None if done.kept is None else str(done.kept),
    }
    if as_json:
        print_json(facts)
    else:
        print_facts(facts)
    if done.unsettled and learnt is None:
        say(
            "Nobody can tell what became of the unsettled messages after the backup: the daemon"
            " answers them when it starts, some perhaps again."
        )
    if learnt is not None and learnt.missing:
        say(f"{learnt.missing} later messages are only in {done.kept}.")
