"""Puts a backup in the database's place, so that a crash leaves either the old one or the new.

Owns the order of the steps and which daemon may be where. What SQLite does is the store's, and
nothing is printed or asked here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from daemon.core import placing
from daemon.core.backups import STAMP
from daemon.core.database_files import lock_of
from daemon.core.errors import Conflict, Invalid, Misconfigured
from daemon.core.orders import find_orders
from daemon.core.ownership import is_owned, owned
from daemon.core.store import audit
from daemon.core.store.audit import Actor
from daemon.core.store.copying import Watch, copy_still
from daemon.core.store.engine import Database
from daemon.core.store.examining_files import Examined, Unfit, examine
from daemon.core.store.replacing import Learnt, bring_to_rest, catch_up, count_unsettled
from daemon.core.store.upgrade import HEAD, prepare

ACTION = "database.restore"
"""What the audit trail calls it."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What is in the database now.

    `unsettled` messages a daemon takes up at its start. Where the replaced database could be read,
    `learnt` tells what it knew; `kept` is where it lies now, if there was one.
    """

    backup: Examined
    unsettled: int
    learnt: Learnt | None
    kept: Path | None


def check_restore(file: Path, database: Path) -> Examined:
    """Look whether a restore may begin, and tell what is in the backup; raises as `restore`."""
    _refuse_at_once(file, database)
    return examine(file, thoroughly=True)


def restore(file: Path, database: Path, *, now: float, actor: Actor, watch: Watch) -> Restored:
    """Put the backup `file` in the place of the database, at the schema of this code.

    Raises:
        Unfit: when it is not a sound backup of this or an older version.
        Conflict: when a daemon, or anybody else, has the database open.
        Misconfigured: when there is no room, or the folder does not let us.

    """
    _refuse_at_once(file, database)
    # A link is followed, as SQLite does: what it puts beside a database is beside the file itself.
    place = database.resolve()
    # As its one daemon: none can start before the end.
    with _explained(database), owned(database), placing.unfinished(place) as part:
        found = examine(file, thoroughly=True)
        copy_still(file, part, watch=watch)
        _bring_up_to_date(part, file, found, now=now, actor=actor)
        can_be_read = place.exists() and bring_to_rest(place)
        learnt = _learn(part, place) if can_be_read else None
        unsettled = count_unsettled(part)
        examine(part, thoroughly=False)
        for ours in (part, lock_of(database)):
            placing.hand_over(ours, like=place if place.exists() else place.parent)
        kept = _swap(part, place, now=now)
    return Restored(found, unsettled, learnt, kept)


def _refuse_at_once(file: Path, database: Path) -> None:
    if not database.parent.is_dir():
        raise Misconfigured(
            f"There is no folder {database.parent}. Make it, or name another DATABASE_URL."
        )
    if database.is_dir():
        raise Misconfigured(f"{database} is a folder. DATABASE_URL says where the database is.")
    if file.exists() and database.exists() and file.samefile(database):
        raise Invalid(f"{file} is the database itself. Name a backup of it.")
    if is_owned(database):
        raise Conflict(
            f"A released-daemon works on {database}. Stop it first, and try again:"
            f" {find_orders(database).stop}"
        )


def _bring_up_to_date(part: Path, file: Path, found: Examined, *, now: float, actor: Actor) -> None:
    """Upgrade the copy, and note in it who restored it."""
    copy = Database(part)
    after = {"file": file.name, "schema": found.schema}
    try:
        prepare(copy)
        copy.write(
            lambda conn: audit.append(conn, actor=actor, action=ACTION, now=now, after=after)
        )
    finally:
        copy.close()
    bring_to_rest(part)


def _learn(part: Path, database: Path) -> Learnt | None:
    """Take over from the database that goes what must not happen twice, if it can be read."""
    try:
        if examine(database, thoroughly=False).schema != HEAD:
            return None
    except Unfit:
        return None
    return catch_up(part, database)


def _swap(part: Path, database: Path, *, now: float) -> Path | None:
    """Give the old database another name, and the new one its place."""
    kept = database.with_name(
        f"{database.name}.before-restore-{datetime.fromtimestamp(now, UTC):{STAMP}}"
    )
    # A database that could be opened has none of these by now. Of a damaged one they are kept too,
    # and must be gone before the new one is there: SQLite would take them for its own.
    companions = [end for end in placing.COMPANIONS if _beside(database, end).exists()]
    ends = [end for end in ("", *companions) if _beside(database, end).exists()]
    for end in ends:
        placing.keep_beside(_beside(database, end), _beside(kept, end))
    for end in companions:
        _beside(database, end).unlink()
    placing.place(part, database)
    return kept if ends else None


def _beside(path: Path, end: str) -> Path:
    return path.with_name(f"{path.name}{end}")


@contextmanager
def _explained(database: Path) -> Iterator[None]:
    try:
        yield
    except OSError as refused:
        raise placing.cannot_write(database, refused) from refused
