"""Backups: a copy of the database in use, checked before it has its name; old ones put away.

Owns names, rotation and the order of the steps. How pages are copied and files checked is the
store's, and nothing is printed here.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from daemon.core import placing
from daemon.core.database_files import beside
from daemon.core.errors import Conflict, Invalid, Misconfigured
from daemon.core.store.copying import Watch, copy_live
from daemon.core.store.examining_files import examine, is_signed

STAMP = "%Y%m%dT%H%M%SZ"
"""A moment, UTC, in a file's name; such names sort by their age."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made: where, how large, and what is in it."""

    file: Path
    bytes: int
    schema: str
    clients: int
    messages: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Rotation:
    """How many backups stay; with `older_than`, those of a greater age go all the same."""

    keep: int
    older_than: timedelta | None = None

    def __post_init__(self) -> None:
        """Refuse to keep nothing."""
        if self.keep < 1:
            raise Invalid("At least one backup must be kept: --keep 1 or more.")
        if self.older_than is not None and self.older_than <= timedelta(0):
            raise Invalid("--older-than must be more than 0 days.")


def back_up(
    database: Path, file: Path, *, force: bool, monotonic: Callable[[], float], watch: Watch
) -> Backup:
    """Write a checked copy of the database to `file`; the daemon may go on writing meanwhile.

    Raises:
        Conflict: when `file` is there, and not to be replaced.
        Misconfigured: when it cannot be written, or there is no sound database to copy.

    """
    started = monotonic()
    _check(database, file, force=force)
    with placing.unfinished(file) as part:
        copy_live(database, part, watch=watch)
        # Whatever is wrong with the copy is wrong with what it was copied from.
        found = examine(part, thoroughly=False)
        _refuse_existing(file, force=force)
        placing.place(part, file)
    return Backup(
        file, found.bytes, found.schema, found.clients, found.messages, monotonic() - started
    )


def name_backup(database: Path, folder: Path, *, now: float) -> Path:
    """Name a backup in a folder of many by the moment it is made."""
    return folder / f"{database.stem}-{datetime.fromtimestamp(now, UTC):{STAMP}}.db"


def rotate(database: Path, newest: Path, rotation: Rotation, *, now: float) -> tuple[Path, ...]:
    """Delete what is too much or too old beside `newest`, and tell what; never what is not ours.

    Raises:
        Misconfigured: when a file cannot be deleted.

    """
    folder = newest.parent
    ours = [path for path, _ in reversed(list_backups(database, folder))]
    too_many = [path for path in ours if path != newest][rotation.keep - 1 :]
    too_old: list[Path] = []
    if rotation.older_than is not None:
        limit = datetime.fromtimestamp(now, UTC) - rotation.older_than
        too_old = [path for path in ours if path != newest and _made_at(path) < limit]
    doomed = tuple(sorted({*too_many, *too_old}))
    for path in (*doomed, *_find_abandoned(database, folder)):
        _delete(path, newest)
    return doomed


def list_backups(database: Path, folder: Path) -> list[tuple[Path, float]]:
    """List the backups of a database in a folder, the oldest first, each with its moment.

    Raises:
        OSError: when the folder cannot be looked into.

    """
    return [(path, _made_at(path).timestamp()) for path in sorted(_find_ours(database, folder))]


def find_newest(
    database: Path, folder: Path, *, until: float = math.inf
) -> tuple[Path, float] | None:
    """Find the newest backup in a folder, and its moment; of the older ones no file is opened.

    One that is named by a moment after `until` does not count.

    Raises:
        OSError: when the folder cannot be looked into.

    """
    for path in sorted(_find_named(database, folder), reverse=True):
        if _is_backup(path) and (made_at := _made_at(path).timestamp()) <= until:
            return path, made_at
    return None


def delete_older(
    database: Path, folder: Path, *, older_than: timedelta, now: float
) -> tuple[Path, ...]:
    """Delete the backups in a folder that are too old, but never the newest; tell which.

    Raises:
        OSError: when one cannot be deleted, or the folder not be looked into.

    """
    limit = now - older_than.total_seconds()
    doomed = [path for path, made_at in list_backups(database, folder)[:-1] if made_at < limit]
    for path in doomed:
        path.unlink(missing_ok=True)
    return tuple(doomed)


def _check(database: Path, file: Path, *, force: bool) -> None:
    if not database.is_file():
        raise Misconfigured(
            f"There is no database {database} to back up. DATABASE_URL says where it is."
        )
    own = {beside(database, end).resolve() for end in ("", ".lock", *placing.COMPANIONS)}
    if file.resolve() in own:
        raise Invalid(f"{file} belongs to the database itself. Name another file.")
    if file.is_dir():
        raise Invalid(f"{file} is a folder. Name a file, or rotate in it: --dir {file} --keep 7")
    _refuse_existing(file, force=force)


def _refuse_existing(file: Path, *, force: bool) -> None:
    if file.exists() and not file.is_file():
        raise Invalid(f"{file} is not a file. Name another one.")
    if not force and (file.exists() or file.is_symlink()):
        raise Conflict(f"{file} is there already. Name another file, or replace it with --force.")


def _find_ours(database: Path, folder: Path) -> list[Path]:
    """List the backups of this database in a folder: by name, kind and signature."""
    return [path for path in _find_named(database, folder) if _is_backup(path)]


def _find_named(database: Path, folder: Path) -> list[Path]:
    form = re.compile(rf"{re.escape(database.stem)}-\d{{8}}T\d{{6}}Z\.db")
    return [path for path in folder.iterdir() if form.fullmatch(path.name)]


def _find_abandoned(database: Path, folder: Path) -> list[Path]:
    """List what backups that were killed have left."""
    form = re.compile(rf"\.{re.escape(database.stem)}-\d{{8}}T\d{{6}}Z\.db{placing.PART}")
    return [
        path
        for path in folder.iterdir()
        if form.fullmatch(path.name) and not path.is_symlink() and placing.is_abandoned(path)
    ]


def _is_backup(path: Path) -> bool:
    try:
        _made_at(path)
        return path.is_file() and not path.is_symlink() and is_signed(path)
    except (OSError, ValueError):
        return False


def _made_at(path: Path) -> datetime:
    return datetime.strptime(path.stem.rpartition("-")[2], STAMP).replace(tzinfo=UTC)


def _delete(path: Path, newest: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as refused:
        raise Misconfigured(
            f"The backup {newest} is made, but {path} cannot be deleted: {refused.strerror}."
            " Delete it by hand."
        ) from refused
