"""Seals what lies open in the database, or is sealed with an old key, with the key that seals now.

Owns one transaction over all clients; running it again finds nothing to do. What no key opens stays
as it is: the key may come back.
"""

from dataclasses import dataclass

from daemon.core.sealing.own_token import OwnToken
from daemon.core.store import audit, clients
from daemon.core.store.audit import Actor
from daemon.core.store.engine import Connection, Database, get_keyring
from daemon.core.store.scrubbing import overwriting, write_log_back

SEAL = "secrets.seal"
"""What the audit trail calls it."""


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many tokens were sealed anew, which key seals them, and whose tokens no key opens.

    `plain` of them lay open before. `key_id` is None where there is nothing to seal and no key.
    """

    key_id: str | None
    sealed: int
    plain: int
    unreadable: tuple[int, ...]


def reseal(database: Database, *, now: float, actor: Actor, action: str = SEAL) -> Resealed:
    """Seal every token with the first key, all or none; also the file's remains of an open one.

    Raises:
        Misconfigured: when there is no key and none can be made.

    """
    done = database.write(lambda conn: _reseal(conn, now=now, actor=actor, action=action))
    if done.plain:
        write_log_back(database)
    return done


def _reseal(conn: Connection, *, now: float, actor: Actor, action: str) -> Resealed:
    keyring = get_keyring(conn)
    tokens = clients.list_own_tokens(conn)
    first = next((key.id for key in keyring.read_keys()), None)
    stale = [token for token in tokens if first is None or token.key_id != first]
    with overwriting(conn):
        sealed = [token for token in stale if _seal_anew(conn, token)]
    first = next((key.id for key in keyring.read_keys()), None)
    if sealed or action != SEAL:
        after = {"key": first, "tokens": len(sealed)}
        audit.append(conn, actor=actor, action=action, now=now, after=after)
    done = {token.client_id for token in sealed}
    return Resealed(
        key_id=first,
        sealed=len(sealed),
        plain=sum(token.key_id is None for token in sealed),
        unreadable=tuple(token.client_id for token in stale if token.client_id not in done),
    )


def _seal_anew(conn: Connection, token: OwnToken) -> bool:
    access_token = token.reveal()
    if access_token is None:
        return False
    stored = token.keyring.seal(access_token, client_id=token.client_id)
    clients.update_client(conn, token.client_id, {"access_token": stored})
    return True
