"""A new key in the place of the old one, in steps of which each leaves every token readable.

Owns the order: the key file holds both keys, safe on the disk, before anything is sealed with the
new one, and an old key goes only when nothing in the database needs it. A daemon that runs reads
the file again when it meets a key that it does not know, and before it seals.

Keys that are given as SECRETS_KEY are in nobody's hands here: they are written to the file that
they come from, the daemon has them when it starts again, and it seals with them then.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.core.errors import Conflict, Misconfigured
from daemon.core.orders import find_orders
from daemon.core.ownership import is_owned
from daemon.core.sealing.key_files import read_file, rewrite_file, take_stamp
from daemon.core.sealing.keyring import NAME
from daemon.core.sealing.keys import KEY_BYTES, Key, make_key, unite
from daemon.core.sealing.resealing import Resealed, reseal
from daemon.core.sealing.storing import refuse_old_daemon
from daemon.core.store import audit
from daemon.core.store.audit import Actor
from daemon.core.store.clients import list_own_tokens
from daemon.core.store.engine import Connection, Database
from daemon.core.taking_over import started_at

ROTATE = "secrets.rotate"
DROP = "secrets.drop"
"""What the audit trail calls them."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """A key that was made, and where it lies first. `done` is None while a restart is to come."""

    key_id: str
    file: Path
    done: Resealed | None


@dataclass(frozen=True, slots=True)
class Dropped:
    """Which keys were taken out of a file, by name, and which are still in it."""

    file: Path
    dropped: tuple[str, ...]
    kept: tuple[str, ...]


def rotate(
    database: Database,
    *,
    key_file: Path | None,
    random: Callable[[int], bytes],
    now: float,
    actor: Actor,
) -> Rotated:
    """Make a key, put it first, and seal every token with it; the old keys stay in the file.

    `key_file` is the file that SECRETS_KEY comes from; it is needed where that is set.

    Raises:
        Misconfigured: when the file cannot be read or written, or is not named though it must be.
        Conflict: when another process writes it just now, or an older daemon runs.

    """
    file = _choose_file(database, key_file)
    database.read(refuse_old_daemon)
    new = make_key(random(KEY_BYTES))
    add_key(database, file, new)
    if _is_read_again(database, file):
        done = reseal(database, now=now, actor=actor, action=ROTATE)
        return Rotated(new.id, file, done)
    after = {"key": new.id}
    database.write(
        lambda conn: audit.append(conn, actor=actor, action=ROTATE, now=now, after=after)
    )
    return Rotated(new.id, file, None)


def add_key(database: Database, file: Path, new: Key) -> None:
    """Put a key first in a file, before those that are in it or were given; raises as `rotate`."""
    given = database.keyring.given

    def put_first(keys: tuple[Key, ...]) -> Sequence[Key]:
        return unite([new, *given, *keys])

    rewrite_file(file, put_first, like=database.path)


def drop_old(database: Database, *, key_file: Path | None, now: float, actor: Actor) -> Dropped:
    """Take those keys out of the file that seal nothing any more, and are not the first.

    Raises:
        Conflict: when a daemon may still seal with one of them.
        Misconfigured: as `rotate`.

    """
    file = _choose_file(database, key_file)
    database.read(refuse_old_daemon)
    if _is_read_again(database, file):
        reseal(database, now=now, actor=actor)
    else:
        _refuse_behind_daemon(database, file)
    keys = read_file(file).keys
    if len(keys) < 2:  # noqa: PLR2004 - the first one is never an old one
        return Dropped(file, (), tuple(key.id for key in keys))
    needed = set(database.read(_count_by_key))
    kept: list[Key] = []
    gone: list[Key] = []

    def part(keys: tuple[Key, ...]) -> Sequence[Key]:
        kept[:] = [key for place, key in enumerate(keys) if place == 0 or key.id in needed]
        gone[:] = [key for key in keys if key not in kept]
        return kept

    rewrite_file(file, part, like=database.path)
    dropped = tuple(key.id for key in gone)
    if dropped:
        after = {"keys": list(dropped)}
        database.write(
            lambda conn: audit.append(conn, actor=actor, action=DROP, now=now, after=after)
        )
    return Dropped(file, dropped, tuple(key.id for key in kept))


def find_old(database: Database, *, key_file: Path | None) -> tuple[str, ...]:
    """Name the keys that `drop_old` would look at: all of the file's but the first."""
    return tuple(key.id for key in read_file(_choose_file(database, key_file)).keys[1:])


def _count_by_key(conn: Connection) -> Counter[str | None]:
    return Counter(token.key_id for token in list_own_tokens(conn))


def _choose_file(database: Database, named: Path | None) -> Path:
    if named is not None:
        return named
    if database.keyring.given:
        raise Misconfigured(
            f"{NAME} is set, and where it comes from only you know: name that file, for example"
            f" --key-file /etc/released/credentials/{NAME}, or a new one that it is to come from."
        )
    return database.keyring.file


def _is_read_again(database: Database, file: Path) -> bool:
    """Tell whether a daemon that runs follows a file, which it does where no key was given."""
    is_its_own = file.resolve() == database.keyring.file.resolve()
    return is_its_own and not database.keyring.given


def _refuse_behind_daemon(database: Database, file: Path) -> None:
    """Refuse while a daemon runs that has read its keys before the file was written."""
    stamp = take_stamp(file)
    if stamp is None or not is_owned(database.path):
        return
    since = database.read(started_at)
    if since is None or since * 1e9 < stamp[1]:
        raise Conflict(
            f"The daemon has started before {file} was written, and may still seal with an old key."
            f" Restart it, and try again: {find_orders(database.path).restart}"
        )
