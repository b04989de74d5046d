"""The weekly maintenance: looks whether database and backup are sound, and tidies up.

Owns the order of the steps and what counts as a fault. Beside a running daemon no step keeps it
waiting. What is found is told; mending is left to a person.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from daemon.core import placing, vault
from daemon.core.alerts import BACKUP_LATE_S, LEAST_FREE_SHARE
from daemon.core.database_files import folder_of, lock_of, log_of
from daemon.core.errors import Conflict, Misconfigured
from daemon.core.orders import find_orders
from daemon.core.ownership import is_owned, owned
from daemon.core.store import maintenance
from daemon.core.store.examining_files import Unfit, examine
from daemon.core.store.maintenance import Checked, Space

CHECK_S = 600.0
"""What the check of the live database may take: a minute is enough for gigabytes."""

WORTH_SHARE = 0.25
WORTH_BYTES = 64 << 20
"""From so much unused space on, and so large a share of the file, a VACUUM is worth a stop."""

_RESTORE = "released db restore FILE"


@dataclass(frozen=True, slots=True)
class Rules:
    """What to keep: copies younger than `older_than`; `folder` is where backups go, if anywhere."""

    folder: Path | None
    older_than: timedelta


@dataclass(frozen=True, slots=True)
class Maintained:
    """A receipt. `check` is sound, damaged or unfinished; sizes are bytes; `seconds` is all of it.

    `backup` is the newest one, which was checked thoroughly; None where there is none.
    """

    database: Path
    check: str
    space: Space
    log_bytes: int
    backup: Path | None
    deleted: tuple[Path, ...]
    faults: tuple[str, ...]
    seconds: float

    @property
    def is_worth_vacuum(self) -> bool:
        """Tell whether so much is unused that writing the file anew would be felt."""
        unused = self.space.unused
        return unused >= WORTH_BYTES and unused >= WORTH_SHARE * self.space.used


def maintain(
    database: Path, rules: Rules, *, now: float, monotonic: Callable[[], float]
) -> Maintained:
    """Check, tidy up, and give the receipt; what may be needed to mend damage is not deleted.

    Raises:
        Misconfigured: when there is no database of ours, or it cannot be read at all.
        StoreUnavailable: when it is busy, or its disk full.

    """
    _refuse_missing(database)
    started = monotonic()
    with maintenance.opened(database) as conn:
        found = maintenance.check(conn, is_late=lambda: monotonic() - started > CHECK_S)
        space = maintenance.measure(conn)
        if not found.faults:
            maintenance.forget_statistics(conn)
        log_bytes = maintenance.write_log_back(conn, log_of(database))
    backup, doubts = _check_backup(database, rules.folder, now=now)
    faults = (*(_advise(fault) for fault in found.faults), *_doubt_disk(database, space), *doubts)
    deleted: tuple[Path, ...] = ()
    has_a_way_back = rules.folder is None or backup is not None
    if has_a_way_back and not found.faults:
        deleted = vault.delete_old(database, rules.folder, older_than=rules.older_than, now=now)
    return Maintained(
        database,
        _name(found),
        space,
        log_bytes,
        backup,
        deleted,
        faults,
        monotonic() - started,
    )


def vacuum(database: Path) -> tuple[Space, Space]:
    """Give unused space back to the disk, as the one who works on the database; before and after.

    Raises:
        Conflict: while a daemon works on it.
        Misconfigured: when there is no room to write it anew, or it is none of ours.
        StoreUnavailable: when somebody else has it open.

    """
    _refuse_missing(database)
    if is_owned(database):
        raise Conflict(
            f"A released-daemon works on {database}, and would wait. Stop it first, and try again:"
            f" {find_orders(database).stop}"
        )
    with owned(database), maintenance.opened(database) as conn:
        # Made by root, no daemon could open it.
        placing.hand_over(lock_of(database), like=database)
        before = maintenance.measure(conn)
        _refuse_without_room(database, before)
        maintenance.vacuum(conn)
        return before, maintenance.measure(conn)


def _check_backup(
    database: Path, folder: Path | None, *, now: float
) -> tuple[Path | None, tuple[str, ...]]:
    """Read all of the newest backup: what is wrong with it shows here, and not when it is needed.

    It has the database's own indexes, whose check would take too long beside the daemon.
    """
    if folder is None:
        return None, ()
    try:
        newest = vault.find_newest(database, folder, until=now)
        if newest is None:
            return None, (f"there is no backup in {folder}. Make one: released db backup",)
        examine(newest.file, thoroughly=True)
    except Unfit as unfit:
        return None, (f"the newest backup is unfit: {unfit}",)
    except OSError as refused:
        return None, (f"{folder} cannot be looked into: {refused.strerror}",)
    age_s = now - newest.made_at
    if age_s > BACKUP_LATE_S:
        hours = f"{newest.file} is {round(age_s / vault.HOUR_S)} hours old"
        return newest.file, (f"the newest backup {hours}. Make one: released db backup",)
    return newest.file, ()


def _doubt_disk(database: Path, space: Space) -> tuple[str, ...]:
    """Say so where the disk has too little room: for the next backup, and then for messages."""
    folder = folder_of(database)
    disk = shutil.disk_usage(folder)
    if disk.free >= max(space.used, LEAST_FREE_SHARE * disk.total):
        return ()
    left = f"the disk of {folder} has {disk.free >> 20} MiB left, and the database takes"
    return (f"{left} {space.used >> 20} MiB. Make room before it is full: df -h {folder}",)


def _advise(fault: str) -> str:
    return f"{fault}. Stop the daemon and put a backup in its place: {_RESTORE}"


def _name(found: Checked) -> str:
    if found.faults:
        return "damaged"
    return "sound" if found.finished else "unfinished"


def _refuse_missing(database: Path) -> None:
    if not database.is_file():
        raise Misconfigured(f"There is no database {database}. DATABASE_URL says where it is.")


def _refuse_without_room(database: Path, space: Space) -> None:
    # SQLite writes the new file to its folder for such, and then through the log into the old one.
    needed = 2 * (space.used - space.unused) + vault.RESERVE_BYTES
    free = shutil.disk_usage(folder_of(database)).free
    if free < needed:
        raise Misconfigured(
            f"There is no room to write {database} anew: {free >> 20} MiB are free, and"
            f" {needed >> 20} MiB are needed."
        )
