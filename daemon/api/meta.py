"""The admin API's view of Meta's access tokens: the same use cases as `released meta token`.

The shared token is exchanged on the server alone: it stands in a file that no caller can see.
Owns its two addresses, which `routes` takes into its list.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import aiohttp
from aiohttp import web

from daemon.api.auth import actor_of, client_limit_of
from daemon.api.bodies import read_body, read_query
from daemon.api.doctor import Practice
from daemon.api.meta_models import TokenCheck, TokenQuery, TokenRotated, TokenRotation
from daemon.api.route import Route
from daemon.api.shared import RUNTIME
from daemon.core.credentials.checking import check_tokens
from daemon.core.credentials.means import Means, make_means
from daemon.core.credentials.rotating import rotate_client_token
from daemon.core.tenancy import get_visible_client

TOKEN_PRACTICE = web.AppKey("token_practice", Practice)


async def check(request: web.Request) -> web.Response:
    """Tell how Meta's access tokens are: valid, until when, and what they may."""
    ref, only = read_query(request, TokenQuery).client, client_limit_of(request)

    async def look() -> list[dict[str, Any]]:
        async with _open_means(request) as means:
            return await check_tokens(means, ref=ref, only=only)

    if ref is None and only is None:
        # One at a time: it asks Meta about every token.
        return web.json_response(await request.app[TOKEN_PRACTICE].share(look))
    return web.json_response(await look())


async def rotate(request: web.Request) -> web.Response:
    """Exchange a client's own access token for a new one; the old one stays until that works."""
    body = await read_body(request, TokenRotation)
    runtime, only = request.app[RUNTIME], client_limit_of(request)
    client = await runtime.store.read(partial(get_visible_client, ref=body.client, only=only))
    async with _open_means(request) as means:
        rotated = await rotate_client_token(means, client, actor=actor_of(request))
    await runtime.directory.refresh()
    return web.json_response(rotated)


@asynccontextmanager
async def _open_means(request: web.Request) -> AsyncIterator[Means]:
    runtime = request.app[RUNTIME]
    async with aiohttp.ClientSession() as http:
        yield make_means(http, settings=runtime.settings, store=runtime.store, clock=runtime.clock)


META_ROUTES = (
    Route(
        "GET",
        "/meta/token",
        check,
        answer=list[TokenCheck],
        query=TokenQuery,
        errors=(404, 409, 422),
        reach="filtered",
    ),
    Route(
        "POST",
        "/meta/token/rotate",
        rotate,
        answer=TokenRotated,
        body=TokenRotation,
        errors=(400, 404, 409, 412, 413, 415, 422),
        reach="filtered",
    ),
)
