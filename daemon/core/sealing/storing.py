"""How an access token gets into the database: sealed, unless a daemon runs that could not open it.

A daemon older than sealing may still work on a database that a newer program has upgraded. It is
the one that holds the database and never left this code's mark; no other such daemon can start.
"""

from pathlib import Path

from daemon.core.errors import Conflict
from daemon.core.store import heartbeats
from daemon.core.store.engine import Connection, get_keyring

MARK = "sealing"
"""The heartbeat that a daemon leaves which opens sealed tokens."""


def seal_token(conn: Connection, client_id: int, access_token: str) -> str:
    """Give what is to be stored of a client's access token.

    Raises:
        Misconfigured: when there is no key and none can be made.

    """
    if _is_with_old_daemon(conn):
        # The next daemon seals it when it starts.
        return access_token
    return get_keyring(conn).seal(access_token, client_id=client_id)


def leave_mark(conn: Connection, *, now: float) -> None:
    """Let everybody know that the daemon of this database opens sealed tokens."""
    heartbeats.beat(conn, MARK, now=now)


def refuse_old_daemon(conn: Connection) -> None:
    """Refuse to seal what a daemon reads that could not open it.

    Raises:
        Conflict: when such a one works on the database.

    """
    if not _is_with_old_daemon(conn):
        return
    from daemon.core.orders import find_orders  # noqa: PLC0415 - as in `_is_with_old_daemon`

    restart = find_orders(Path(str(conn.engine.url.database))).restart
    raise Conflict(
        "The daemon that runs is older than this program and could not open sealed tokens."
        f" Restart it first: {restart}"
    )


def _is_with_old_daemon(conn: Connection) -> bool:
    # Whoever lists clients comes by here and needs none of it.
    from daemon.core.ownership import is_owned  # noqa: PLC0415

    database = conn.engine.url.database
    never = heartbeats.last_beat(conn, MARK) is None
    return never and database is not None and is_owned(Path(database))
