"""`released db maintain`: what a timer does every week, and its receipt.

Owns how the receipt reads. What is done, and what a fault is, is the core's.
"""

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from released_cli.output import print_facts, print_json, say, waiting
from released_cli.session import AsJson, load, now, refuse_elsewhere
from released_cli.watching.moments import tell_size

if TYPE_CHECKING:
    from pathlib import Path

    from daemon.core.maintaining import Maintained, Rules
    from daemon.core.settings import Settings

FAULTS_FOUND = 3
"""The exit code when the database or its newest backup is not as it should be."""


def maintain(
    ctx: typer.Context,
    *,
    vacuum: Annotated[
        bool,
        typer.Option("--vacuum", help="Give unused space back first; the daemon must be stopped."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check the database and its newest backup, tidy up, delete copies that are too old.

    The daemon may go on working. Old are backups in BACKUP_DIR, and what a restore or an upgrade
    has put aside, from RETENTION_DAYS on; the newest backup stays. Exits 3 when a fault is found.
    """
    from daemon.core import maintaining
    from daemon.core.store.engine import sqlite_path

    refuse_elsewhere(ctx, "db maintain")
    settings = load(ctx)
    database = sqlite_path(settings.database_url)
    if vacuum:
        _vacuum(database)
    with waiting("Checking"):
        done = maintaining.maintain(
            database, _read_rules(settings), now=now(), monotonic=time.monotonic
        )
    _print(done, as_json=as_json)
    for fault in done.faults:
        say(f"Fault: {fault}")
    if done.faults:
        raise typer.Exit(FAULTS_FOUND)


def _read_rules(settings: "Settings") -> "Rules":
    from daemon.core.maintaining import Rules

    return Rules(settings.backup_dir, timedelta(days=settings.retention_days))


def _vacuum(database: "Path") -> None:
    from daemon.core import maintaining

    with waiting("Writing the file anew"):
        before, after = maintaining.vacuum(database)
    say(f"{tell_size(before.used)} became {tell_size(after.used)}.")


def _print(done: "Maintained", *, as_json: bool) -> None:
    facts = {
        "database": str(done.database),
        "check": done.check,
        "bytes": done.space.used,
        "unused_bytes": done.space.unused,
        "log_bytes": done.log_bytes,
        "backup": None if done.backup is None else str(done.backup),
        "deleted": [str(path) for path in done.deleted],
        "faults": list(done.faults),
        "seconds": round(done.seconds, 3),
    }
    if as_json:
        print_json(facts)
        return
    shown = facts | {
        "bytes": tell_size(done.space.used),
        "unused_bytes": tell_size(done.space.unused),
        "log_bytes": tell_size(done.log_bytes),
        "deleted": "\n".join(map(str, done.deleted)) or "nothing",
        "faults": len(done.faults),
    }
    print_facts({name.removesuffix("_bytes"): fact for name, fact in shown.items()})
    if done.is_worth_vacuum:
        say(
            f"{tell_size(done.space.unused)} are unused. They are filled again by themselves; to"
            " give them back to the disk: stop the daemon, then released db maintain --vacuum"
        )
