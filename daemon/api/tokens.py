"""The admin API's tokens: the same use cases as `released token`, by HTTP."""

from dataclasses import asdict
from http import HTTPStatus

from aiohttp import web

from daemon.api.auth import actor_of
from daemon.api.bodies import read_body
from daemon.api.models import NewToken
from daemon.api.shared import RUNTIME
from daemon.core import tokens
from daemon.core.documents import timestamp
from daemon.core.store.tokens import list_tokens


async def create(request: web.Request) -> web.Response:
    """Make a token and show it, this once."""
    body = await read_body(request, NewToken)
    runtime = request.app[RUNTIME]
    now, actor = runtime.clock(), actor_of(request)
    made = await runtime.store.write(
        lambda conn: tokens.create_token(
            conn, body.name, lifetime_days=body.expires_days, now=now, actor=actor
        )
    )
    document = asdict(made) | {"expires_at": timestamp(made.expires_at)}
    return web.json_response(document, status=HTTPStatus.CREATED)


async def show_all(request: web.Request) -> web.Response:
    """List tokens, without the tokens themselves."""
    runtime = request.app[RUNTIME]
    found = await runtime.store.read(list_tokens)
    now = runtime.clock()
    return web.json_response([tokens.token_document(token, now=now) for token in found])


async def revoke(request: web.Request) -> web.Response:
    """Make a token useless at once."""
    name = request.match_info["name"]
    runtime = request.app[RUNTIME]
    now, actor = runtime.clock(), actor_of(request)
    await runtime.store.write(lambda conn: tokens.revoke_token(conn, name, now=now, actor=actor))
    return web.Response(status=HTTPStatus.NO_CONTENT)
