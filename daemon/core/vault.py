"""The folder of nightly backups: what is in it, when the next is due, and how one is added.

Owns that rhythm and the room a backup may take. How a copy is made and checked is `backups`', who
looks and how often the daemon's keeper, a timer's, or an operator's. Nothing is printed here.
"""

import math
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from daemon.core import backups, placing
from daemon.core.backups import Backup, Rotation
from daemon.core.database_files import log_of
from daemon.core.errors import Misconfigured
from daemon.core.leftovers import delete_leftovers
from daemon.core.settings import Settings
from daemon.core.store.copying import Watch
from daemon.core.store.engine import sqlite_path

HOUR_S = 3600.0

QUIET_HOUR = 4
"""By the machine's own clock: guests have left, and the timer of systemd, at 3:30, is done."""

FRESH_S = 12 * HOUR_S
"""A backup so young is enough for tonight, whoever has made it."""

OVERDUE_S = 30 * HOUR_S
"""From this age on the next one is made at any hour: the machine was off, or the timer failed."""

RESERVE_BYTES = 64 << 20
"""Left free for what customers write meanwhile: a backup must not be what fills the disk."""


@dataclass(frozen=True, slots=True)
class Vault:
    """A database, the folder its backups go to, and which of them stay."""

    database: Path
    folder: Path
    rotation: Rotation


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup in the folder; `made_at` is in seconds since the epoch, by its name."""

    file: Path
    made_at: float


@dataclass(frozen=True, slots=True)
class Filled:
    """A backup that was added, and what was deleted for it."""

    made: Backup
    deleted: tuple[Path, ...]


def find_vault(settings: Settings) -> Vault | None:
    """Give the vault of the settings; None without BACKUP_DIR."""
    if settings.backup_dir is None:
        return None
    rotation = Rotation(settings.backup_keep, timedelta(days=settings.retention_days))
    return Vault(sqlite_path(settings.database_url), settings.backup_dir, rotation)


def find_newest(database: Path, folder: Path, *, until: float = math.inf) -> Kept | None:
    """Find the newest backup of a database in a folder, which need not be there.

    One of the future, made while the clock was wrong, says nothing of the age of what is there: who
    judges by it gives the present moment as `until`, after which none counts.

    Raises:
        OSError: when the folder cannot be looked into.

    """
    with suppress(FileNotFoundError):
        found = backups.find_newest(database, folder, until=until)
        return None if found is None else Kept(*found)
    return None


def is_due(newest_at: float | None, *, now: float, hour: int) -> bool:
    """Tell whether a backup is to be made now; `hour` is that of the machine's own clock."""
    if newest_at is None:
        return True
    age_s = now - newest_at
    return age_s >= OVERDUE_S or (hour == QUIET_HOUR and age_s >= FRESH_S)


def fill(vault: Vault, *, now: float, monotonic: Callable[[], float], watch: Watch) -> Filled:
    """Add a backup, and delete what is too much or too old beside it.

    What is too old goes first, for it may be what fills the disk; but never the newest backup.

    Raises:
        Misconfigured: when there is no room, or it cannot be written, or the database is damaged.
        Conflict: when another process makes one at the same moment.

    """
    _make_folder(vault.folder)
    gone = _make_room(vault, now=now)
    _refuse_without_room(vault)
    target = backups.name_backup(vault.database, vault.folder, now=now)
    made = backups.back_up(vault.database, target, force=False, monotonic=monotonic, watch=watch)
    deleted = backups.rotate(vault.database, target, vault.rotation, now=now)
    return Filled(made, (*gone, *deleted))


def delete_old(
    database: Path, folder: Path | None, *, older_than: timedelta, now: float
) -> tuple[Path, ...]:
    """Delete copies of the database that are too old, but never the newest backup; tell which.

    Raises:
        Misconfigured: when one cannot be deleted, or the folder not be looked into.

    """
    try:
        gone = delete_leftovers(database, folder, older_than=older_than, now=now)
        if folder is None or not folder.is_dir():
            return gone
        return (*gone, *backups.delete_older(database, folder, older_than=older_than, now=now))
    except OSError as refused:
        raise Misconfigured(
            f"Old copies of {database} cannot be deleted: {refused.strerror}: {refused.filename}."
            " Delete them by hand."
        ) from refused


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as refused:
        raise placing.cannot_write(folder, refused) from refused


def _make_room(vault: Vault, *, now: float) -> tuple[Path, ...]:
    older_than = vault.rotation.older_than
    if older_than is not None:
        # What cannot be deleted must not stop a backup; who deletes it on time tells of it.
        with suppress(Misconfigured):
            return delete_old(vault.database, vault.folder, older_than=older_than, now=now)
    return ()


def _refuse_without_room(vault: Vault) -> None:
    needed = RESERVE_BYTES
    for file in (vault.database, log_of(vault.database)):
        with suppress(FileNotFoundError):
            needed += file.stat().st_size
    free = shutil.disk_usage(vault.folder).free
    if free < needed:
        raise Misconfigured(
            f"There is no room for a backup in {vault.folder}: {free >> 20} MiB are free, and"
            f" {needed >> 20} MiB are needed. Make room, or name another BACKUP_DIR."
        )
