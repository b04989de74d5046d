"""Looks every access token up at Meta, each once, and describes them. Changes nothing.

Owns which tokens are asked about; what their facts mean is `judging`'s.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from daemon.core.credentials.judging import (
    describe_hidden,
    describe_lack,
    describe_token,
    describe_unreadable,
)
from daemon.core.credentials.means import Means
from daemon.core.doctor.meta import TOTAL_BUDGET_S, Lookups
from daemon.core.store.clients import Client, list_clients
from daemon.core.store.engine import Connection
from daemon.core.tenancy import get_visible_client


async def check_tokens(
    means: Means, *, ref: str | None = None, only: int | None = None
) -> list[dict[str, Any]]:
    """Check the shared token and every active client's own one, or the one that a REF sends with.

    `only` is the id of the one client that the caller may see, None when it may see them all.

    Raises:
        NotFound, Conflict: as `get_visible_client`.

    """
    named = str(only) if ref is None and only is not None else ref
    if named is None:
        active = await means.store.read(lambda conn: list_clients(conn, active_only=True))
        return await _check_all(means, active)

    def find(conn: Connection) -> Client:
        return get_visible_client(conn, named, only=only)

    return [await _check_one(means, await means.store.read(find), is_limited=only is not None)]


async def _check_all(means: Means, active: Sequence[Client]) -> list[dict[str, Any]]:
    shared = means.settings.token_for(None)
    owners = [client for client in active if client.access_token is not None]
    own = {client.id: means.settings.token_for(client.access_token) for client in owners}
    asked = {token for token in (shared, *own.values()) if token is not None}
    lookups = Lookups(means.inspector, until=asyncio.get_running_loop().time() + TOTAL_BUDGET_S)
    known = await lookups.run(
        {token: partial(means.inspector.fetch_token, token) for token in asked}
    )
    now = means.clock()
    found = [
        describe_unreadable(client)
        if (token := own[client.id]) is None
        else describe_token(known[token], client=client, is_shared=False, now=now)
        for client in owners
    ]
    if shared is not None:
        return [describe_token(known[shared], client=None, is_shared=True, now=now), *found]
    lacking = len(active) - len(owners)
    verb = "active client has none of its" if lacking == 1 else "active clients have none of their"
    who = f"{lacking} {verb} own"
    return [describe_lack(who), *found] if lacking else found


async def _check_one(means: Means, client: Client, *, is_limited: bool) -> dict[str, Any]:
    is_shared = client.access_token is None
    if is_shared and is_limited:
        return describe_hidden(client)
    token = means.settings.token_for(client.access_token)
    if token is None and not is_shared:
        return describe_unreadable(client)
    if token is None:
        return describe_lack("it has none of its own", client=client)
    lookups = Lookups(means.inspector, until=asyncio.get_running_loop().time() + TOTAL_BUDGET_S)
    known = await lookups.run({None: partial(means.inspector.fetch_token, token)})
    return describe_token(known[None], client=client, is_shared=is_shared, now=means.clock())
