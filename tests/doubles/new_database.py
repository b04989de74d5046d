"""Databases that many tests begin with, made once for all tests of a process."""

import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from daemon.core.store.engine import Database
from daemon.core.store.upgrade import prepare


def copy_new_database(path: Path) -> None:
    """Put an empty database at the schema of this code at `path`."""
    copy_database(path, _prepare)


def copy_database(path: Path, make: Callable[[Path], None]) -> None:
    """Put what `make` makes at `path`, for its owner's eyes only as the real one."""
    path.touch(mode=0o600)
    path.write_bytes(_make(make))


@cache
def _make(make: Callable[[Path], None]) -> bytes:
    folder = Path(tempfile.mkdtemp())
    try:
        path = folder / "new.db"
        make(path)
        assert [path] == list(folder.iterdir()), "what is not in the file yet would be lost"
        return path.read_bytes()
    finally:
        shutil.rmtree(folder)


def _prepare(path: Path) -> None:
    made = Database(path)
    prepare(made)
    made.close()
