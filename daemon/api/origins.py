"""CORS: which web pages may call the admin API. None, unless ALLOWED_ORIGINS names them.

Source: the Fetch standard's CORS protocol, read 2026-11.
"""

from collections.abc import Set as AbstractSet
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from daemon.api.problems import Handler

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
REQUEST_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-Match"
ANSWER_HEADERS = "ETag, Idempotent-Replayed, Location, Retry-After, X-Request-ID"
REMEMBERED_S = 600


def admit_origins(origins: AbstractSet[str]) -> Middleware:
    """Build the middleware for the pages of these origins."""

    @web.middleware
    async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None or origin not in origins:
            return await handler(request)
        return await _serve(request, handler, origin)

    return admit


async def _serve(request: web.Request, handler: Handler, origin: str) -> web.StreamResponse:
    """Answer a browser's question whether it may call, and mark what it may read."""
    asks_first = hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
    if request.method == hdrs.METH_OPTIONS and asks_first:
        response: web.StreamResponse = web.Response(status=HTTPStatus.NO_CONTENT)
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = METHODS
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = REQUEST_HEADERS
        response.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = str(REMEMBERED_S)
    else:
        response = await handler(request)
        response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = ANSWER_HEADERS
    response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
    response.headers.add(hdrs.VARY, hdrs.ORIGIN)
    return response
