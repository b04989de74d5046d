"""Files that look like backups and are none, and a look into those that are."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from daemon.core.maintaining import Maintained, Rules, maintain
from daemon.core.store.engine import Database
from daemon.core.store.schema import APPLICATION_ID
from tests.doubles.new_database import copy_new_database

MOMENT = 1_780_000_000.0
"""When the tests take place: 2026-05-28, 20:26:40 UTC."""

NO_BACKUPS = Rules(None, timedelta(days=14))


def unwatched(_done: int, _total: int) -> None:
    """Care nothing how far it is."""


def stopped() -> float:
    """Be a clock that stands still."""
    return 0.0


def run_maintenance(database: Database, rules: Rules = NO_BACKUPS) -> Maintained:
    """Maintain a database at that time, in none of it."""
    return maintain(database.path, rules, now=MOMENT, monotonic=stopped)


def query(path: Path, sql: str, *parameters: object) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as conn, conn:
        return conn.execute(sql, parameters).fetchall()


def list_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _halve(path: Path) -> None:
    copy_new_database(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _foreign(path: Path) -> None:
    query(path, "CREATE TABLE theirs (x)")


def _newer(path: Path) -> None:
    copy_new_database(path)
    query(path, "UPDATE alembic_version SET version_num = '9999'")
    query(path, "PRAGMA journal_mode=DELETE")


def _unversioned(path: Path) -> None:
    query(path, f"PRAGMA application_id = {APPLICATION_ID}")
    query(path, "CREATE TABLE alembic_version (version_num)")


def _scribbled(path: Path) -> None:
    copy_new_database(path)
    whole = bytearray(path.read_bytes())
    whole[4096 * 3 : 4096 * 6] = b"\xff" * 4096 * 3
    path.write_bytes(whole)


def _orphaned(path: Path) -> None:
    copy_new_database(path)
    query(path, "INSERT INTO assistants VALUES ('asst_x', 77, 1, 1.0)")
    query(path, "PRAGMA journal_mode=DELETE")


UNFIT: dict[str, tuple[Callable[[Path], object], str]] = {
    "half a file": (_halve, "is damaged"),
    "another SQLite file": (_foreign, "is not a database of Released"),
    "a text": (lambda path: path.write_text("my notes\n" * 999), "is not a database"),
    "an empty file": (Path.touch, "is empty"),
    "a folder": (Path.mkdir, "is not a file"),
    "nothing": (lambda _path: None, "cannot be read: No such file"),
    "a newer schema": (_newer, "newer version of Released (schema 9999"),
    "no schema": (_unversioned, "does not say which schema"),
    "overwritten pages": (_scribbled, "is damaged"),
    "a row of nobody": (_orphaned, "is damaged (a row of assistants"),
}
"""By name: how to make it, and what is said of it."""

DYING_RESTORE = """
import os, signal, sys
from pathlib import Path
from daemon.core import placing, restoring
from daemon.core.store.audit import Actor

def die(*_args):
    os.kill(os.getpid(), signal.SIGKILL)

POINTS = {"place": (placing, "place"), "keep": (placing, "keep_beside"),
          "learn": (restoring, "_learn"), "copy": (restoring, "_bring_up_to_date")}
owner, name = POINTS[sys.argv[3]]
real = getattr(owner, name)
def wrap(*args, **options):
    if sys.argv[4] == "after":
        real(*args, **options)
    die()
setattr(owner, name, wrap)
restoring.restore(Path(sys.argv[1]), Path(sys.argv[2]), now=1780000000.0, actor=Actor("t"),
                  watch=lambda done, total: None)
"""
"""A restore of argv[1] over argv[2] that dies at the step argv[3], before or after it (argv[4])."""
