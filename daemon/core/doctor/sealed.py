"""Checks of the access tokens at rest: all sealed, none unreadable, the keys closed to others."""

import asyncio

from daemon.core.closed_files import find_open_mode
from daemon.core.doctor.finding import Finding, fail, ok, skip, warn
from daemon.core.doctor.parts import Parts
from daemon.core.sealing.keyring import Keyring
from daemon.core.sealing.own_token import OwnToken
from daemon.core.store.clients import Client, list_clients
from daemon.core.store.engine import Connection, get_keyring


async def check_secrets(parts: Parts) -> list[Finding]:
    """See whether every client's own access token is sealed, and opens with the keys here."""

    def find(conn: Connection) -> tuple[Keyring, tuple[Client, ...]]:
        return get_keyring(conn), list_clients(conn)

    keyring, clients = await parts.store.read(find)
    return await asyncio.to_thread(_judge, parts, keyring, clients)


def _judge(parts: Parts, keyring: Keyring, clients: tuple[Client, ...]) -> list[Finding]:
    found = [
        warn(
            "secrets", f"{path} can be read by others on this machine", f"chmod {mode[1]:o} {path}"
        )
        for path in (parts.database, keyring.file)
        if (mode := find_open_mode(path)) is not None
    ]
    fault = keyring.explain_fault()
    if fault is not None:
        found.append(fail("secrets", fault.rstrip("."), "released secrets status"))
    own = [(client, token) for client in clients if (token := client.access_token) is not None]
    return [*found, *_judge_tokens(own)] or [_praise(len(own))]


def _judge_tokens(own: list[tuple[Client, OwnToken]]) -> list[Finding]:
    found = []
    for client, token in own:
        if token.reveal() is None:
            step = (
                f"put key {token.key_id} back (`released secrets status` says where), or store the"
                f" token again: released client update {client.id} --access-token-file PATH"
            )
            detail = "its access token cannot be read with this server's key"
            found.append(fail("secrets", detail, step, subject=client.name))
    plain = sum(token.key_id is None for _, token in own)
    if plain:
        step = "restart released-daemon, which seals them"
        found.append(warn("secrets", f"{_tokens(plain, 'lies', 'lie')} open in the database", step))
    return found


def _praise(count: int) -> Finding:
    if count == 0:
        return skip("secrets", "no client has an access token of its own")
    return ok(
        "secrets", f"{_tokens(count, 'is', 'are')} sealed, and open with the key that is here"
    )


def _tokens(count: int, one: str, many: str) -> str:
    return f"1 access token {one}" if count == 1 else f"{count} access tokens {many}"
