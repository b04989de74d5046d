"""Turns every error into an RFC 9457 problem; nothing leaves this server in another shape."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from aiohttp import web

from daemon.api.shared import DAMAGE
from daemon.core.errors import (
    Conflict,
    FieldProblem,
    NotFound,
    Rejected,
    ReleasedError,
    Retryable,
    Stale,
)
from daemon.core.store.faults import StoreDamaged
from daemon.tracing import bound

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

RETRY_AFTER_S = 2
"""What a caller is asked to wait when the error itself does not say."""


DAMAGED = (
    "The database is damaged. Put a backup in its place: `released db verify FILE` finds a sound"
    " one, and the runbook (docs/runbook.md, A damaged database) has every step."
)
"""What everybody is told of it, strangers too: the path of the file stands in the log."""


class Problem(ReleasedError):
    """A request refused for a reason that only HTTP knows."""

    def __init__(
        self, status: HTTPStatus, detail: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        """Take the status to answer with, and what stands in its headers."""
        super().__init__(detail)
        self.status = status
        self.headers = headers


def problem(
    status: HTTPStatus,
    detail: str | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[FieldProblem] = (),
) -> web.Response:
    """Write one problem; `errors` lists the fields at fault."""
    body: dict[str, Any] = {"type": "about:blank", "title": status.phrase, "status": status.value}
    if detail:
        body["detail"] = detail
    if errors:
        body["errors"] = [{"field": error.field, "reason": error.reason} for error in errors]
    return web.Response(
        status=status,
        text=json.dumps(body, ensure_ascii=False),
        content_type="application/problem+json",
        headers=headers,
    )


@web.middleware
async def problems_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Catch what a handler raises: ours, aiohttp's own, and what nobody foresaw."""
    try:
        return await handler(request)
    except ReleasedError as refused:
        return _answer_ours(request, refused)
    except web.HTTPException as raised:
        kept = {name: raised.headers[name] for name in ("Allow",) if name in raised.headers}
        hint = "There is no such address here." if raised.status == HTTPStatus.NOT_FOUND else None
        return problem(HTTPStatus(raised.status), hint, headers=kept)
    except (web.RequestPayloadError, ConnectionError):
        # Its compression or its chunks are broken, or the caller has gone; what follows on this
        # connection cannot be told from the rest of it.
        unread = problem(HTTPStatus.BAD_REQUEST, "The body cannot be read to its end.")
        unread.force_close()
        # Else aiohttp tries to read the rest of it, and logs at length why that cannot be done.
        request.content.feed_eof()
        return unread
    except Exception:
        log.exception("request failed", extra={"method": request.method, "path": path_of(request)})
        where = f"The daemon's log says what went wrong: look for {bound().get('request')}."
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, where)


def path_of(request: web.Request) -> str:
    """Give the template of a request's path, for a log: the path itself may name a customer."""
    resource = request.match_info.route.resource
    return "unknown" if resource is None else resource.canonical


def _answer_ours(request: web.Request, refused: ReleasedError) -> web.Response:
    if isinstance(refused, Problem):
        return problem(refused.status, str(refused), headers=refused.headers)
    if isinstance(refused, Rejected):
        return problem(_status_of(refused), str(refused), errors=refused.problems)
    if isinstance(refused, Retryable):
        wait_s = max(1, round(refused.retry_after_s or RETRY_AFTER_S))
        headers = {"Retry-After": str(wait_s)}
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(refused), headers=headers)
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    if isinstance(refused, StoreDamaged):
        request.app[DAMAGE].note(refused)
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, DAMAGED, headers=headers)
    log.error("request failed", extra={"error": str(refused)})
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(refused), headers=headers)


def _status_of(rejected: Rejected) -> HTTPStatus:
    if isinstance(rejected, NotFound):
        return HTTPStatus.NOT_FOUND
    if isinstance(rejected, Conflict):
        return HTTPStatus.CONFLICT
    if isinstance(rejected, Stale):
        return HTTPStatus.PRECONDITION_FAILED
    return HTTPStatus.UNPROCESSABLE_ENTITY
