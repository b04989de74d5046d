"""Who may call what: the bearer token of the admin API, its scope, and the client it sees.

Decided here for every route, before its handler runs. Only lists are narrowed by their handlers.
"""

from functools import partial
from http import HTTPStatus

from aiohttp import hdrs, web

from daemon.api.arriving import FORWARDED_PROTO, Arrival, arrival_of
from daemon.api.bodies import read_id, refuse_query
from daemon.api.limiting import LIMITER
from daemon.api.problems import Handler, Problem
from daemon.api.route import Route
from daemon.api.shared import RUNTIME
from daemon.core import inboxes, tokens
from daemon.core.errors import NotFound
from daemon.core.store.audit import Actor
from daemon.core.store.tokens import Token

READING = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})
"""The methods that change nothing: all that a token of scope `read` may use."""

_CALLER = web.RequestKey("caller", Token)


def caller_of(request: web.Request) -> Token:
    """Tell which token calls."""
    return request[_CALLER]


def find_caller(request: web.Request) -> Token | None:
    """Tell which token calls; None for a stranger, and where none is asked for."""
    return request.get(_CALLER)


def actor_of(request: web.Request) -> Actor:
    """Name who calls and from where, for the audit trail."""
    return Actor(f"token:{request[_CALLER].name}", origin=arrival_of(request).address)


def client_limit_of(request: web.Request) -> int | None:
    """Tell the id of the one client that the calling token sees, or None when it sees them all."""
    return request[_CALLER].client_id


def guarded(route: Route) -> Handler:
    """Let a route's handler run only for a caller who may call it, and no more often than that."""

    async def guard(request: web.Request) -> web.StreamResponse:
        arrival = arrival_of(request)
        _refuse_overheard(request, arrival)
        token = request[_CALLER] = await _identify(request, arrival.address)
        _refuse_scope(request, token)
        await _refuse_reach(request, route, token)
        if route.query is None:
            refuse_query(request)
        return await route.handler(request)

    return guard


def _refuse_overheard(request: web.Request, arrival: Arrival) -> None:
    """Refuse, in prod, a call whose token could be read on the way.

    Before the token is looked at: the answer tells nobody on the way whether it is valid.
    """
    settings = request.app[RUNTIME].settings
    if settings.app_env != "prod" or arrival.is_private:
        return
    request.app[LIMITER].count_stranger(arrival.address)
    raise Problem(
        HTTPStatus.FORBIDDEN,
        f"An admin call must come by HTTPS: {settings.public_url}. If this one did, the proxy in"
        f" front must send {FORWARDED_PROTO}: https, and its address stand in TRUSTED_PROXIES.",
    )


async def _identify(request: web.Request, address: str) -> Token:
    limiter = request.app[LIMITER]
    given = _read_bearer(request)
    if given is None:
        limiter.count_stranger(address)
        raise _unauthorized()
    digest = tokens.digest(given)
    if not limiter.knows(digest):
        await _introduce(request, given, digest, address)
    limiter.count_token(digest)
    found = await _look_up(request, given)
    if found is None:
        limiter.forget(digest)
        limiter.count_stranger(address)
        raise _unauthorized()
    runtime = request.app[RUNTIME]
    now = runtime.clock()
    if tokens.is_use_due(found, now=now):
        await runtime.store.write(partial(tokens.note_use, token=given, now=now))
    return found


async def _introduce(request: web.Request, given: str, digest: str, address: str) -> None:
    """Make a valid token known; a wrong one costs its address one of its few calls."""
    limiter = request.app[LIMITER]
    async with limiter.door(address):
        if limiter.knows(digest):
            return
        limiter.check_stranger(address)
        if await _look_up(request, given) is None:
            limiter.count_stranger(address)
            raise _unauthorized()
        limiter.learn(digest)


async def _look_up(request: web.Request, given: str) -> Token | None:
    runtime = request.app[RUNTIME]
    return await runtime.store.read(partial(tokens.check_token, token=given, now=runtime.clock()))


def _read_bearer(request: web.Request) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return (token.strip() or None) if scheme.lower() == "bearer" else None


def _refuse_scope(request: web.Request, token: Token) -> None:
    if token.scope == "write" or request.method in READING:
        return
    raise Problem(
        HTTPStatus.FORBIDDEN,
        f"This call needs a token of scope write, and {token.name!r} has the scope {token.scope}."
        " `released token create NAME --scope write` makes one.",
    )


async def _refuse_reach(request: web.Request, route: Route, token: Token) -> None:
    only = token.client_id
    if only is None or route.reach == "filtered":
        return
    if route.reach == "all":
        raise Problem(
            HTTPStatus.FORBIDDEN,
            f"This call concerns all clients, and {token.name!r} is limited to client {only}."
            " `released token create NAME` without --client makes one that is not.",
        )
    if route.reach == "message":
        inbox_id = read_id(request, "message")
        look = partial(inboxes.check_owner, inbox_id=inbox_id, client_id=only)
        await request.app[RUNTIME].store.read(look)
    elif (client_id := read_id(request, "client")) != only:
        raise NotFound(f"There is no client {client_id}.")


def _unauthorized() -> Problem:
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "A valid token is needed: Authorization: Bearer <token>."
        " `released token create NAME` makes one.",
        headers={hdrs.WWW_AUTHENTICATE: 'Bearer realm="released"'},
    )
