"""Why a disk takes nothing more, in words for an operator: full, or mounted read-only.

Looks at the disk and nothing else; what failed on it is the caller's to say.
"""

import os
from pathlib import Path

from daemon.core.database_files import folder_of

LEAST_FREE_BYTES = 1 << 20
"""With less free than this SQLite cannot be relied on to make the files it works with."""

PERHAPS = "Is its disk full or read-only?"
"""What is asked of a disk that looks as it should."""


def explain_disk(path: Path) -> str | None:
    """Say in a sentence why the disk of `path` takes nothing, and what to do; None if it should."""
    folder = folder_of(path)
    try:
        seen = os.statvfs(folder)
    except OSError:
        return None
    if seen.f_flag & os.ST_RDONLY:
        return f"Its disk is mounted read-only: have {folder} mounted for writing."
    free_bytes = seen.f_bavail * seen.f_frsize
    if free_bytes < LEAST_FREE_BYTES:
        return f"Its disk is full: {free_bytes} bytes free on {folder}; make room."
    # Some file systems count no files, and say 0 of 0.
    if seen.f_files and not seen.f_favail:
        return f"Its disk is full: it takes no more files in {folder}; delete some."
    return None
