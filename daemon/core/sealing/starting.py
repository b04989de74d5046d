"""What a daemon does about access tokens when it starts: all sealed, none unreadable unseen."""

import logging

from daemon.core import clients
from daemon.core.meta.codes import NO_TOKEN
from daemon.core.sealing.resealing import reseal
from daemon.core.sealing.storing import leave_mark
from daemon.core.store.audit import DAEMON
from daemon.core.store.clients import list_clients
from daemon.core.store.engine import Connection, Database

log = logging.getLogger(__name__)


def take_charge(database: Database, *, now: float) -> None:
    """Seal what lies open or is sealed with an old key, as the one daemon of the database.

    Raises:
        Misconfigured: when there is a token to seal, and no key, and none can be made.

    """
    fault = database.keyring.explain_fault()
    if fault is not None:
        log.error("keys cannot be read", extra={"reason": fault})
    done = reseal(database, now=now, actor=DAEMON)
    if done.sealed:
        log.info("access tokens sealed", extra={"tokens": done.sealed, "key": done.key_id})
    database.write(lambda conn: leave_mark(conn, now=now))


def stop_unreadable(conn: Connection, *, now: float) -> None:
    """Stop those clients whose own token no key opens, so that status and `show` say so at once."""
    for client in list_clients(conn, active_only=True):
        own = client.access_token
        if own is None or client.stopped_code is not None or own.reveal() is not None:
            continue
        clients.stop_client(conn, client.id, code=NO_TOKEN, access_token="", now=now)
        log.error("access token cannot be read", extra={"client": client.id, "key": own.key_id})
