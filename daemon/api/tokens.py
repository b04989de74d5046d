"""The admin API's tokens: the same use cases as `released token`, by HTTP."""

import shlex
from functools import partial
from http import HTTPStatus

from aiohttp import web

from daemon.api.auth import actor_of
from daemon.api.bodies import read_body, read_body_if_any
from daemon.api.idempotency import Made, create_once
from daemon.api.shared import RUNTIME
from daemon.api.token_models import NewToken, RotateToken
from daemon.core import tokens
from daemon.core.store.engine import Connection
from daemon.core.tokens import made_document


async def create(request: web.Request) -> web.Response:
    """Make a token and show it, this once."""
    body = await read_body(request, NewToken)
    now, actor = request.app[RUNTIME].clock(), actor_of(request)

    def make(conn: Connection) -> Made:
        made = tokens.create_token(
            conn,
            body.name,
            lifetime_days=body.expires_days,
            now=now,
            actor=actor,
            scope=body.scope,
            client=body.client,
        )
        return Made(made_document(made))

    return await create_once(request, make, secret=_shown_once(body.name.strip()))


async def rotate(request: web.Request) -> web.Response:
    """Replace a token by a new one of the same name, scope and client."""
    name = request.match_info["name"]
    body = await read_body_if_any(request, RotateToken)
    now, actor = request.app[RUNTIME].clock(), actor_of(request)

    def make(conn: Connection) -> Made:
        made = tokens.rotate_token(
            conn, name, lifetime_days=body.expires_days, now=now, actor=actor
        )
        return Made(made_document(made))

    return await create_once(request, make, secret=_shown_once(name))


async def show_all(request: web.Request) -> web.Response:
    """List tokens, without the tokens themselves."""
    runtime = request.app[RUNTIME]
    job = partial(tokens.list_documents, now=runtime.clock())
    return web.json_response(await runtime.store.read(job))


async def revoke(request: web.Request) -> web.Response:
    """Make a token useless at once."""
    name = request.match_info["name"]
    runtime = request.app[RUNTIME]
    now, actor = runtime.clock(), actor_of(request)
    await runtime.store.write(lambda conn: tokens.revoke_token(conn, name, now=now, actor=actor))
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _shown_once(name: str) -> str:
    return (
        f"This call has made token {name!r} before, and a token is shown once. If its answer was"
        f" lost: released token rotate {shlex.quote(name)} (with a new Idempotency-Key)."
    )
