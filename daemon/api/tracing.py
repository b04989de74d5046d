"""Gives every request an id, and logs the requests an operator would ask about.

Owns which of them get a line: each call of the admin API one, a refused stranger one a minute with
how many there were, a webhook that went well none. The line holds the path's template, never the
path, the query or a body: they may name a customer.
"""

import asyncio
import logging
import random
import re
import time
from collections.abc import Callable
from contextvars import Context
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Middleware

from daemon import tracing
from daemon.api.auth import find_caller
from daemon.api.problems import Handler, path_of

log = logging.getLogger(__name__)

HEADER = "X-Request-ID"

SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""An id that a proxy may have given; any other is replaced by one of ours."""

POLLED = frozenset({"/metrics", "/status", "/events"})
"""What machines and `released top` read again and again: DEBUG, when it goes well."""

TELL_EVERY_S = 60.0
"""Seconds between two lines about refusals of the same kind."""


def make_id() -> str:
    """Invent an id: no secret, and different from those of any day of a busy year."""
    return f"{random.getrandbits(48):012x}"


class Refusals:
    """Counts what strangers were refused, and tells of each kind at most once a minute."""

    def __init__(self, *, every_s: float = TELL_EVERY_S) -> None:
        """Begin with none."""
        self._every_s = every_s
        self._counts: dict[tuple[str, int], int] = {}

    @property
    def is_counting(self) -> bool:
        """Tell whether the time of any kind is not over yet."""
        return bool(self._counts)

    def note(self, path: str, status: int) -> None:
        """Tell of the first at once, and of those that follow it when the time is over.

        `path` is a template, so that strangers cannot make more kinds than there are.
        """
        kind = (path, status)
        if kind in self._counts:
            self._counts[kind] += 1
            return
        self._tell(kind, 1)
        self._count(kind)

    def _count(self, kind: tuple[str, int]) -> None:
        self._counts[kind] = 0
        # In a context of its own: the line is not about the request that happened to be first.
        loop = asyncio.get_running_loop()
        loop.call_later(self._every_s, self._tell_rest, kind, context=Context())

    def _tell_rest(self, kind: tuple[str, int]) -> None:
        times = self._counts.pop(kind)
        if times:
            self._tell(kind, times)
            self._count(kind)

    def _tell(self, kind: tuple[str, int], times: int) -> None:
        path, status = kind
        is_ours = path == "/webhook" or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        level = logging.WARNING if is_ours else logging.INFO
        log.log(level, "refused", extra={"path": path, "status": status, "times": times})


def trace_requests(
    *, refusals: Refusals | None = None, new_id: Callable[[], str] = make_id
) -> Middleware:
    """Build the middleware that stands before all others."""
    counted = refusals or Refusals()

    @web.middleware
    async def trace(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get(HEADER)
        request_id = given if given is not None and SANE.fullmatch(given) else new_id()
        # A connection is one task, and carries one request after the other.
        token = tracing.bind(request=request_id)
        started = time.perf_counter()
        try:
            response = await handler(request)
            response.headers[HEADER] = request_id
            _note(request, response.status, started, counted)
        finally:
            tracing.unbind(token)
        return response

    return trace


def _note(request: web.Request, status: int, started: float, refusals: Refusals) -> None:
    caller = find_caller(request)
    is_refused = status >= HTTPStatus.BAD_REQUEST
    if caller is None and is_refused:
        refusals.note(path_of(request), status)
        return
    is_quiet = caller is None or (not is_refused and path_of(request) in POLLED)
    level = logging.DEBUG if is_quiet else logging.INFO
    if not log.isEnabledFor(level):
        return
    log.log(
        level,
        "request",
        extra={
            "method": request.method,
            "path": path_of(request),
            "status": status,
            "latency_ms": round((time.perf_counter() - started) * 1000, 1),
            "token": None if caller is None else caller.name,
        },
    )
