"""Copies of the database that a restore or an upgrade has left, deleted once they are too old.

Owns their names, which hold the moment they were made: a file's own time says when it was last
written. The backups of every night are `backups`'. What has another name is somebody else's.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from daemon.core.backups import STAMP

UPGRADE_STAMP = "%Y%m%d%H%M%S"
"""How scripts/install.sh writes a moment, UTC, into the name of a release."""

_RESTORED = r"\.before-restore-(\d{8}T\d{6}Z)(?:-wal|-shm|-journal)?"
_FAILED = r"failed-.+-(\d{14})\.db(?:-wal|-shm)?"
_UPGRADED = r"before-.+-(\d{14})\.db"


def delete_leftovers(
    database: Path, folder: Path | None, *, older_than: timedelta, now: float
) -> tuple[Path, ...]:
    """Delete what is too old beside a database and in the folder of its backups; tell what.

    Raises:
        OSError: when one cannot be deleted, or a folder not be looked into.

    """
    limit = datetime.fromtimestamp(now, UTC) - older_than
    doomed = sorted(path for path, made_at in _find(database, folder) if made_at < limit)
    for path in doomed:
        path.unlink(missing_ok=True)
    return tuple(doomed)


def _find(database: Path, folder: Path | None) -> Iterator[tuple[Path, datetime]]:
    # A link is followed, as a restore does: what it keeps lies beside the file itself.
    place = database.resolve()
    yield from _match(place.parent, rf"{re.escape(place.name)}{_RESTORED}", STAMP)
    yield from _match(place.parent, _FAILED, UPGRADE_STAMP)
    if folder is not None and folder.is_dir():
        yield from _match(folder, _UPGRADED, UPGRADE_STAMP)


def _match(folder: Path, form: str, stamp: str) -> Iterator[tuple[Path, datetime]]:
    for path in folder.iterdir():
        found = re.fullmatch(form, path.name)
        if found is None or path.is_symlink() or not path.is_file():
            continue
        try:
            yield path, datetime.strptime(found.group(1), stamp).replace(tzinfo=UTC)
        except ValueError:
            # Digits that are no moment: not a name of ours.
            continue
