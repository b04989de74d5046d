"""Puts a finished file in its place, whole or not at all.

Owns the unfinished file beside it, its lock and the syncs. Knows nothing of what is in it.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from daemon.core.errors import Conflict, Misconfigured

PART = ".part"
"""How the name of an unfinished file ends."""

COMPANIONS = ("-journal", "-wal", "-shm")
"""What SQLite puts beside a file that it has open."""


def part_of(path: Path) -> Path:
    """Name the unfinished file of `path`: beside it, because a rename must not cross disks."""
    return path.with_name(f".{path.name}{PART}")


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """Give an empty file to fill, for its owner's eyes only; `place` makes it `path`.

    What was not placed is gone when the block ends. What a killed process left is taken over.

    Raises:
        Misconfigured: when the folder is not there or does not let us.
        Conflict: when another process fills it just now.

    """
    part = part_of(path)
    handle = _open(part, path)
    try:
        _seize(handle, part, path)
        try:
            os.ftruncate(handle, 0)
            os.fchmod(handle, 0o600)
            yield part
        finally:
            # While the lock is held: afterwards the name may be another's.
            for suffix in ("", *COMPANIONS):
                part.with_name(part.name + suffix).unlink(missing_ok=True)
    finally:
        os.close(handle)


def place(part: Path, path: Path) -> None:
    """Make what is finished `path`, in one step, so that not even a power loss undoes it."""
    try:
        sync(part)
        part.replace(path)
        sync(path.parent)
    except OSError as refused:
        raise cannot_write(path, refused) from refused


def sync(path: Path) -> None:
    """Wait until a file or a folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def keep_beside(path: Path, other: Path) -> None:
    """Give a file a second name, or a copy where the disk knows no second names."""
    try:
        other.hardlink_to(path)
    except FileExistsError:
        raise
    except OSError:
        _copy(path, other)
    sync(other.parent)


def hand_over(path: Path, *, like: Path) -> None:
    """Let root's file belong to whom another belongs to: the daemon could not open it otherwise."""
    if os.geteuid() == 0:
        owner = like.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def is_abandoned(part: Path) -> bool:
    """Tell whether nobody fills an unfinished file any more."""
    try:
        handle = os.open(part, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def cannot_write(path: Path, refused: OSError) -> Misconfigured:
    """Say why a file could not be written, and what to do."""
    if refused.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return Misconfigured(
            f"There is no room for {path} ({refused.strerror}); nothing is left of it."
            " Make room, or name another place."
        )
    return Misconfigured(f"Cannot write {path}: {refused.strerror}. Name another place.")


def _open(part: Path, path: Path) -> int:
    if path.parent.exists() and not path.parent.is_dir():
        raise Misconfigured(f"{path.parent} is a file, and no folder. Name another place.")
    if not path.parent.is_dir():
        raise Misconfigured(f"There is no folder {path.parent}. Make it, or name another place.")
    try:
        return os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as refused:
        raise cannot_write(path, refused) from refused


def _seize(handle: int, part: Path, path: Path) -> None:
    with suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Between our opening it and locking it, another may have finished and renamed it.
        if os.path.samestat(os.fstat(handle), part.stat()):
            return
    raise Conflict(f"Another process writes {path} just now. Wait for it, or name another file.")


def _copy(path: Path, other: Path) -> None:
    with path.open("rb") as source, other.open("xb") as copy:
        os.fchmod(copy.fileno(), 0o600)
        while block := source.read(1 << 20):
            copy.write(block)
        copy.flush()
        os.fsync(copy.fileno())
