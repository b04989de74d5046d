"""Says of a file that holds secrets whether anybody else can read it, and what mends it."""

import os
import stat
from pathlib import Path

from daemon.core.errors import Misconfigured

_OTHERS = 0o077
_GROUP_READS = 0o040
"""Of root's own file: it is how root hands a secret to a service and to nobody else."""


def find_open_mode(path: Path) -> tuple[int, int] | None:
    """Give the mode of a file that others can read or change, and the one to set; else None."""
    try:
        found = path.stat()
    except OSError:
        # What is not there, or not to be looked at, is for its reader to tell.
        return None
    mode = stat.S_IMODE(found.st_mode)
    forbidden = _OTHERS & ~_GROUP_READS if found.st_uid == 0 else _OTHERS
    return (mode, mode & ~forbidden) if mode & forbidden else None


def refuse_open_file(path: Path) -> None:
    """Refuse a file with secrets that others can read or change.

    Raises:
        Misconfigured: with its mode and the command that mends it.

    """
    found = find_open_mode(path)
    if found is not None:
        mode, wanted = found
        where = path.absolute()
        raise Misconfigured(
            f"{where} has mode {mode:04o}, so others on this machine can get at the secrets in it."
            f" Mend it: chmod {wanted:o} {where}"
        )


def is_mounted_for_us(path: Path) -> bool:
    """Tell whether a file was put before us read-only, as systemd and container engines do.

    What lies on the system's own disk was not: ProtectSystem=strict makes all of that read-only.
    """
    try:
        is_put_there = path.stat().st_dev != Path("/").stat().st_dev
        return is_put_there and bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False
