"""Tells of a database file whether it is ours, whole, and of a schema that we know.

Only reads, and leaves nothing beside the file. What a backup is for, and where it goes, is not its.
"""

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from daemon.core.database_files import log_of
from daemon.core.errors import Rejected
from daemon.core.sealing.sealed import read_sealed
from daemon.core.store.schema import APPLICATION_ID
from daemon.core.store.upgrade import HEAD, MIGRATIONS

MAGIC = b"SQLite format 3\x00"
"""How every SQLite file begins (sqlite.org/fileformat2.html, read 2026-11-22)."""

ID_AT = 68
"""Where its application_id stands, four bytes, highest first."""

ANOTHER = "Name another backup."


class Unfit(Rejected):
    """The file is no sound database of Released. Name another backup."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A sound file: its size, its schema's revision, and how much of what is in it.

    `sealed_with` names a key for each access token that is sealed in it.
    """

    bytes: int
    schema: str
    clients: int
    messages: int
    sealed_with: tuple[str, ...] = ()


def examine(path: Path, *, thoroughly: bool) -> Examined:
    """Check a file and count what is in it; `thoroughly` holds the indexes against the rows too.

    Raises:
        Unfit: naming the first fault that was found.

    """
    _check_kind(path)
    with _translated(path), closing(open_to_read(path)) as conn:
        schema = _check_owner(conn, path)
        _check_soundness(conn, path, "integrity_check" if thoroughly else "quick_check")
        ((clients,),) = conn.execute("SELECT count(*) FROM clients")
        ((messages,),) = conn.execute("SELECT count(*) FROM inbox")
        keys = tuple(_find_keys(conn))
    return Examined(path.stat().st_size, schema, clients, messages, keys)


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open a file without writing beside it; the caller closes it.

    Without a log of changes beside it the file is all there is, and may lie where nobody can write.
    """
    has_log = log_of(path).exists()
    options = "mode=ro" if has_log else "mode=ro&immutable=1"
    conn = sqlite3.connect(f"{path.absolute().as_uri()}?{options}", uri=True, timeout=10)
    conn.isolation_level = None
    return conn


def is_signed(path: Path) -> bool:
    """Tell by a file's first bytes whether we have written it."""
    with path.open("rb") as file:
        head = file.read(ID_AT + 4)
    return head.startswith(MAGIC) and int.from_bytes(head[ID_AT:], "big") == APPLICATION_ID


def _check_kind(path: Path) -> None:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise Unfit(f"{path} is not a file. {ANOTHER}")
        with path.open("rb") as file:
            head = file.read(len(MAGIC))
    except OSError as refused:
        raise Unfit(f"{path} cannot be read: {refused.strerror}. {ANOTHER}") from refused
    if not head:
        raise Unfit(f"{path} is empty. {ANOTHER}")
    if head != MAGIC:
        raise Unfit(f"{path} is not a database. {ANOTHER}")


def _check_owner(conn: sqlite3.Connection, path: Path) -> str:
    ((owner,),) = conn.execute("PRAGMA application_id")
    names = {name for (name,) in conn.execute("SELECT name FROM sqlite_master")}
    if owner != APPLICATION_ID or "alembic_version" not in names:
        raise Unfit(f"{path} is not a database of Released. {ANOTHER}")
    revisions = [str(revision) for (revision,) in conn.execute("SELECT * FROM alembic_version")]
    if len(revisions) != 1:
        raise Unfit(f"{path} does not say which schema it has. {ANOTHER}")
    if revisions[0] not in _known_revisions():
        raise Unfit(
            f"{path} was written by a newer version of Released (schema {revisions[0]}, this one"
            f" knows {HEAD}). Install that version first."
        )
    return revisions[0]


def _check_soundness(conn: sqlite3.Connection, path: Path, check: str) -> None:
    ((found,),) = conn.execute(f"PRAGMA {check}(1)")
    if found != "ok":
        raise Unfit(f"{path} is damaged ({' '.join(str(found).split())}). {ANOTHER}")
    orphan = conn.execute("PRAGMA foreign_key_check").fetchone()
    if orphan is not None:
        raise Unfit(
            f"{path} is damaged (a row of {orphan[0]} names one of {orphan[2]} that is not there)."
            f" {ANOTHER}"
        )


def _find_keys(conn: sqlite3.Connection) -> Iterator[str]:
    stored = conn.execute("SELECT access_token FROM clients WHERE access_token IS NOT NULL")
    for (token,) in stored:
        sealed = read_sealed(token)
        if sealed is not None:
            yield sealed.key_id


def _known_revisions() -> frozenset[str]:
    # By the files' names, for Alembic would take 0.3 s to say the same.
    scripts = (MIGRATIONS / "versions").glob("[0-9]*.py")
    return frozenset(script.name.partition("_")[0] for script in scripts)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise Unfit(f"{path} cannot be read: {error}. {ANOTHER}") from error
    except sqlite3.DatabaseError as error:
        raise Unfit(f"{path} is damaged ({error}). {ANOTHER}") from error
