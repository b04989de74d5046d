"""`released db`: the database itself, its backups, and the way back from one."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from released_cli.asking import can_ask, insist
from released_cli.commands import Command, Group
from released_cli.maintaining import maintain
from released_cli.output import print_facts, print_json, print_text, say, waiting
from released_cli.progress import progress
from released_cli.session import AsJson, UsageError, Yes, actor, load, now, refuse_elsewhere

if TYPE_CHECKING:
    from daemon.core.backups import Backup, Rotation
    from daemon.core.restoring import Restored
    from daemon.core.settings import Settings
    from daemon.core.store.examining_files import Examined

app = typer.Typer(name="db", cls=Group, no_args_is_help=True, help="The database.")
app.command("maintain", cls=Command)(maintain)

PERCENT = 100

LONGEST_DAYS = 36_500
"""A century; what is longer is a slip, and no date could be counted from it."""

BACKUP_EXAMPLES = """
Examples:
  released db backup before.db
  released db backup --dir backups --keep 14
  released db backup                          into BACKUP_DIR, as every night
"""

NewFile = Annotated[
    Path | None, typer.Argument(metavar="FILE", help="Where it goes.", show_default=False)
]
Folder = Annotated[
    Path | None,
    typer.Option("--dir", metavar="DIR", help="Where it goes, named by the moment (UTC)."),
]
Keep = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="With --dir: delete all but the newest so many."),
]
OlderThan = Annotated[
    float | None,
    typer.Option(
        metavar="DAYS",
        max=LONGEST_DAYS,
        help="With --keep: delete what is older all the same; RETENTION_DAYS if not given.",
    ),
]
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
    file: NewFile = None,
    *,
    folder: Folder = None,
    keep: Keep = None,
    older_than: OlderThan = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a checked copy of the database, while the daemon works.

    With neither FILE nor --dir it goes into BACKUP_DIR, of which BACKUP_KEEP stay, none of them
    older than RETENTION_DAYS.
    """
    from daemon.core.backups import back_up, name_backup, rotate

    database, settings = _find(ctx, "db backup"), load(ctx)
    if file is None and folder is None and settings.backup_dir is not None:
        if keep is not None or older_than is not None or force:
            raise UsageError("--keep, --older-than and --force need a FILE or --dir.")
        _fill_vault(settings, as_json=as_json)
        return
    retention_days = settings.retention_days
    rotation = _read_rotation(file, folder, keep, older_than, retention_days, force=force)
    moment = now()
    target = name_backup(database, folder, now=moment) if folder is not None else file
    assert target is not None  # noqa: S101 - one of both is given, or `_read_rotation` refuses
    with _watched("Backing up") as watch:
        made = back_up(database, target, force=force, monotonic=time.monotonic, watch=watch)
    _print_backup(made, as_json=as_json)
    if rotation is not None:
        for path in rotate(database, target, rotation, now=moment):
            say(f"Deleted {path}.")


def _fill_vault(settings: "Settings", *, as_json: bool) -> None:
    from daemon.core.vault import fill, find_vault

    vault = find_vault(settings)
    assert vault is not None  # noqa: S101 - BACKUP_DIR is set
    with _watched("Backing up") as watch:
        filled = fill(vault, now=now(), monotonic=time.monotonic, watch=watch)
    _print_backup(filled.made, as_json=as_json)
    for path in filled.deleted:
        say(f"Deleted {path}.")


@app.command("verify", cls=Command)
def verify(ctx: typer.Context, file: BackupFile, *, as_json: AsJson = False) -> None:
    """Check a backup: ours, whole, of a schema that this version knows; exit 0 or 1."""
    from daemon.core.store.examining_files import examine

    refuse_elsewhere(ctx, "db verify")
    with waiting("Checking"):
        found = examine(file, thoroughly=True)
    unreadable = _count_unreadable(ctx, found)
    if as_json:
        facts = {"file": str(file), "bytes": found.bytes, "schema": found.schema}
        counts = {"clients": found.clients, "messages": found.messages}
        print_json({**facts, **counts, "unreadable_tokens": unreadable})
    else:
        print_text(
            f"{file} is sound: schema {found.schema},"
            f" {found.clients} client{'' if found.clients == 1 else 's'},"
            f" {found.messages} message{'' if found.messages == 1 else 's'}, {found.bytes} bytes."
        )
    _warn_of_unreadable(unreadable)


@app.command("restore", cls=Command, epilog="Example:\n  released db restore before.db")
def restore(
    ctx: typer.Context,
    file: BackupFile,
    *,
    yes: Yes = False,
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
    unreadable = _count_unreadable(ctx, done.backup)
    _print_restored(done, file, database, unreadable, as_json=as_json)
    _warn_of_unreadable(unreadable)


def _find(ctx: typer.Context, what: str) -> Path:
    from daemon.core.store.engine import sqlite_path

    refuse_elsewhere(ctx, what)
    return sqlite_path(load(ctx).database_url)


def _read_rotation(
    file: Path | None,
    folder: Path | None,
    keep: int | None,
    older_than: float | None,
    retention_days: float,
    *,
    force: bool,
) -> "Rotation | None":
    """Refuse options that contradict each other; tell what is to be deleted, if anything."""
    from datetime import timedelta

    from daemon.core.backups import Rotation

    if (file is None) == (folder is None):
        raise UsageError("Name one FILE, or a folder with --dir, or set BACKUP_DIR.")
    if folder is None and (keep is not None or older_than is not None):
        raise UsageError("--keep and --older-than go with --dir.")
    if folder is not None and force:
        raise UsageError("--force goes with FILE: in --dir nothing is replaced.")
    if keep is None:
        if older_than is not None:
            raise UsageError("--older-than goes with --keep.")
        return None
    return Rotation(keep, timedelta(days=retention_days if older_than is None else older_than))


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


def _count_unreadable(ctx: typer.Context, found: "Examined") -> int:
    """Count the access tokens in a file whose key is not here."""
    from daemon.core.store.engine import sqlite_path

    if not found.sealed_with:
        return 0
    settings = load(ctx)
    keyring = settings.build_keyring(sqlite_path(settings.database_url))
    return sum(not keyring.knows(key_id) for key_id in found.sealed_with)


def _warn_of_unreadable(count: int) -> None:
    if count:
        say(
            f"Its access tokens that no key here opens: {count}. After a restore, `released secrets"
            " status` names the key: put it back, or store the tokens again."
        )


def _print_restored(
    done: "Restored", file: Path, database: Path, unreadable: int, *, as_json: bool
) -> None:
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
        "unreadable_tokens": unreadable,
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
