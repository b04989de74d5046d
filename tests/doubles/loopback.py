"""A server on loopback that is one handler, and replies for it to give."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


def replying(status: int, body: object, **headers: str) -> Reply:
    """Make a reply of a text as it stands, or of anything else as JSON."""

    async def reply(_request: web.Request) -> web.StreamResponse:
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=status, text=text, headers=headers)

    return reply


@asynccontextmanager
async def serve_handler(handle: Reply, *, method: str = "*") -> AsyncIterator[str]:
    """Let a handler answer every path, to calls of one method or all; give the address."""
    app = web.Application()
    app.router.add_route(method, "/{path:.*}", handle)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("/"))
