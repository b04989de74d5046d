"""Names the files that lie beside a database, the same ones whatever link it was opened by.

Owns the names only. What is in those files, and who may have them, is others'.
"""

import os
from pathlib import Path


def follow(database: Path) -> Path:
    """Give the file behind a link, as SQLite does; any other path stays as it was written."""
    # Not `resolve`, which raises for a link that leads to itself.
    return Path(os.path.realpath(database)) if database.is_symlink() else database


def beside(database: Path, end: str) -> Path:
    """Name a file by the whole name of the database: released.db-wal for "-wal"."""
    # Not `with_name`, which raises for a folder named as the database, such as ".".
    return Path(f"{follow(database)}{end}")


def folder_of(database: Path) -> Path:
    """Name the folder in which the database lies and grows, by its whole path."""
    return follow(database).absolute().parent


def log_of(database: Path) -> Path:
    """Name the file in which SQLite keeps what is not yet in the database itself."""
    return beside(database, "-wal")


def lock_of(database: Path) -> Path:
    """Name the file whose lock says that a daemon works on the database."""
    return beside(database, ".lock")


def key_of(database: Path) -> Path:
    """Name the key file: released.key for released.db, and never the database itself."""
    file = follow(database)
    named = file.parent / f"{file.stem}.key"
    return named if named != file else beside(file, ".key")
