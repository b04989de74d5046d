"""Checks and exchanges from a program that is not the daemon, on the daemon's own database. Blocks.

Owns the session, the loop and the order around the shared token's file, which only a program on
the same machine can change.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from daemon.core.clients import get_client
from daemon.core.credentials.checking import check_tokens
from daemon.core.credentials.keeping import NAME, Home, Slot, open_slot
from daemon.core.credentials.means import Means, make_means
from daemon.core.credentials.rotating import (
    IN_FORCE,
    describe_rotation,
    exchange_and_try,
    rotate_client_token,
)
from daemon.core.errors import Conflict, Misconfigured
from daemon.core.settings import Settings
from daemon.core.store.audit import Actor
from daemon.core.store.clients import list_clients
from daemon.core.store.engine import Database
from daemon.core.store.group_commit import GroupCommit

T = TypeVar("T")

Clock = Callable[[], float]


def check_here(
    settings: Settings, database: Database, *, ref: str | None, clock: Clock
) -> list[dict[str, Any]]:
    """Check every token, or the one that a REF sends with; raises as `check_tokens`."""
    return _run(settings, database, clock, partial(check_tokens, ref=ref))


def rotate_here(
    settings: Settings, database: Database, *, ref: str, actor: Actor, clock: Clock
) -> dict[str, Any]:
    """Exchange a client's own token; raises as `rotate_client_token` and `get_client`."""

    async def rotate(means: Means) -> dict[str, Any]:
        client = await means.store.read(lambda conn: get_client(conn, ref))
        return await rotate_client_token(means, client, actor=actor)

    return _run(settings, database, clock, rotate)


def rotate_shared_here(
    settings: Settings, database: Database, home: Home, *, output: Path | None, clock: Clock
) -> dict[str, Any]:
    """Exchange the shared token and write the new one where the old one stands, or to `output`.

    Raises:
        Conflict, Retryable, Misconfigured: as `exchange_and_try` and `open_slot`; the old token is
            then in force, and where it was.

    """
    old = settings.token_for(None)
    if old is None:
        raise Misconfigured(f"{NAME} is not set on this machine, so there is nothing to exchange.")

    async def rotate(means: Means) -> dict[str, Any]:
        number_id = await _find_number(means)
        with open_slot(home, old, output=output) as slot:
            fresh = await exchange_and_try(means, old, number_id=number_id)
            _put(slot, old, fresh.access_token)
        kept = str(output if output is not None else home.path)
        return describe_rotation(fresh, client=None, stored_in=kept, now=clock())

    return _run(settings, database, clock, rotate)


def _put(slot: Slot, old: str, new: str) -> None:
    try:
        slot.put(old, new)
    except (Conflict, Misconfigured) as failed:
        raise type(failed)(f"{failed} {IN_FORCE}, and can be exchanged again.") from failed


async def _find_number(means: Means) -> str | None:
    """Choose a number to try the shared token on: one that is sent for with it."""
    active = await means.store.read(lambda conn: list_clients(conn, active_only=True))
    sharing = (client.phone_number_id for client in active if client.access_token is None)
    return next(sharing, means.settings.phone_number_id)


def _run(
    settings: Settings, database: Database, clock: Clock, work: Callable[[Means], Awaitable[T]]
) -> T:
    return asyncio.run(_run_async(settings, database, clock, work))


async def _run_async(
    settings: Settings, database: Database, clock: Clock, work: Callable[[Means], Awaitable[T]]
) -> T:
    store = GroupCommit(database)
    try:
        async with aiohttp.ClientSession() as http:
            return await work(make_means(http, settings=settings, store=store, clock=clock))
    finally:
        await store.close()
