"""Who may call: the bearer token of the admin API."""

from functools import partial
from http import HTTPStatus

from aiohttp import web

from daemon.api.problems import Handler, problem
from daemon.api.shared import RUNTIME
from daemon.core import tokens

_CALLER = web.RequestKey("caller", str)


def actor_of(request: web.Request) -> str:
    """Name who calls, for the audit trail."""
    return f"token:{request[_CALLER]}"


def with_token(handler: Handler) -> Handler:
    """Let a handler run only for a caller with a valid token."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        refused = await _refuse(request)
        return refused if refused is not None else await handler(request)

    return guarded


async def _refuse(request: web.Request) -> web.Response | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    runtime = request.app[RUNTIME]
    now = runtime.clock()
    if scheme.lower() == "bearer" and token.strip():
        given = token.strip()
        found = await runtime.store.read(partial(tokens.check_token, token=given, now=now))
        if found is not None:
            request[_CALLER] = found.name
            if tokens.is_use_due(found, now=now):
                await runtime.store.write(partial(tokens.note_use, token=given, now=now))
            return None
    return problem(
        HTTPStatus.UNAUTHORIZED,
        "A valid token is needed: Authorization: Bearer <token>."
        " `released token create NAME` makes one.",
        headers={"WWW-Authenticate": 'Bearer realm="released"'},
    )
