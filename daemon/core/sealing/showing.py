"""Which keys there are and what each of them seals, as one document. No key stands in it."""

from collections import Counter
from typing import Any

from daemon.core.sealing.keyring import NAME, Keyring
from daemon.core.sealing.keys import Key
from daemon.core.store.clients import list_own_tokens
from daemon.core.store.engine import Database


def describe_secrets(database: Database) -> dict[str, Any]:
    """Describe keys and tokens; each token is opened to be sure.

    `keys` come with the one that seals first, then those that some token needs and that are not
    here, `from` nowhere. `unreadable` lists the clients whose tokens no key opens.
    """
    keyring = database.keyring
    fault = keyring.explain_fault()
    here = {key.id: _name_source(keyring, key) for key in keyring.find_keys()}
    tokens = database.read(list_own_tokens)
    sealed = Counter(token.key_id for token in tokens)
    lacking = sorted(key_id for key_id in sealed if key_id is not None and key_id not in here)
    return {
        "key_file": str(keyring.file),
        "keys": [
            {"id": key_id, "from": here.get(key_id), "tokens": sealed[key_id]}
            for key_id in (*here, *lacking)
        ],
        "tokens": len(tokens),
        "plain": sealed[None],
        "unreadable": [token.client_id for token in tokens if token.reveal() is None],
        "fault": fault,
    }


def _name_source(keyring: Keyring, key: Key) -> str:
    return NAME if key in keyring.given else str(keyring.file)
