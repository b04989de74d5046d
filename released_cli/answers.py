"""What a daemon's answer means: a document, or the error that the core would have raised here.

Judges statuses and shapes; sends nothing, except through whoever asks it to look closer.
"""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from daemon.core.errors import (
    Conflict,
    FieldProblem,
    Invalid,
    Misconfigured,
    NotFound,
    Rejected,
    ReleasedError,
    Retryable,
    Stale,
)
from released_cli.calling import Reply
from released_cli.places import Place
from released_cli.spelling import FarDocument, mark_far

PROBLEM = "application/problem+json"
NO_ADDRESS = "There is no such address here."
"""What the daemon says of an address that it does not serve, as `daemon.api.problems` has it."""

_ERRORS: dict[int, type[Rejected]] = {
    HTTPStatus.BAD_REQUEST: Invalid,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.PRECONDITION_FAILED: Stale,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Invalid,
    HTTPStatus.UNPROCESSABLE_ENTITY: Invalid,
}


class Strange(Exception):
    """An answer that no daemon of this version gives."""


def read_document(reply: Reply, place: Place, *, needs: Sequence[str]) -> dict[str, Any]:
    """Take an object that has at least these keys; raises as `read_answer`."""
    return _check(read_answer(reply, place), needs)


def read_list(reply: Reply, place: Place, *, needs: Sequence[str]) -> list[dict[str, Any]]:
    """Take a list of objects that have at least these keys; raises as `read_answer`."""
    decoded = read_answer(reply, place)
    if not isinstance(decoded, list):
        raise Strange
    return [_check(item, needs) for item in decoded]


def read_answer(reply: Reply, place: Place) -> Any:
    """Decode what was answered; None where there is nothing to say.

    Raises:
        Strange: when it is no answer of ours.
        ReleasedError: what was refused, as the core says it, or why the token will not do.

    """
    if HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
        return None if reply.status == HTTPStatus.NO_CONTENT else _decode(reply.body)
    raise _refuse(reply, place)


def describe_stranger(health: Reply | None, place: Place, *, ours: str) -> ReleasedError:
    """Say who answers at a place that gave a strange answer, from its /health."""
    try:
        told = _check(_decode(b"" if health is None else health.body), ["status"])
    except Strange:
        told = {}
    if "version" not in told and "inbox" not in told and told.get("title") is None:
        return Misconfigured(
            f"What answers at {place} is no daemon of Released. Is the address right?"
        )
    version = told.get("version")
    named = f"version {version}" if isinstance(version, str) else "another version"
    return Misconfigured(
        f"The daemon at {place} is {named}, which cannot do this; this command is {ours}."
        f" Upgrade the older of the two.{_tell_path(place)}"
    )


def _tell_path(place: Place) -> str:
    """Doubt a path: a daemon that serves nothing there looks like one that is too old."""
    path = urlsplit(place.url).path
    return f" Or is the path {path} wrong?" if path else ""


def _refuse(reply: Reply, place: Place) -> ReleasedError:
    if HTTPStatus.MULTIPLE_CHOICES <= reply.status < HTTPStatus.BAD_REQUEST:
        target = reply.headers.get("Location") or "elsewhere"
        return Misconfigured(
            f"{place} sends callers on to {target}, and a token goes to no address but its own."
            " Give the address where the daemon is: --url or released login"
        )
    problem = _read_problem(reply)
    if reply.status in (HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT) or (
        problem is None and reply.status == HTTPStatus.SERVICE_UNAVAILABLE
    ):
        return Retryable(
            f"{place} answers {reply.status}: what stands before released-daemon does not reach it."
            " Is it running there?"
        )
    if problem is None:
        raise Strange
    return _judge(reply, problem, place)


def _judge(reply: Reply, problem: dict[str, Any], place: Place) -> ReleasedError:
    detail = str(problem.get("detail") or problem.get("title") or f"HTTP {reply.status}")
    if reply.status == HTTPStatus.UNAUTHORIZED:
        return Misconfigured(
            f"{place} does not take this token: it is wrong, expired or revoked."
            " Make one on the server (released token create NAME), then here:"
            f" released login {place}"
        )
    if reply.status == HTTPStatus.FORBIDDEN:
        return mark_far(Misconfigured(f"{place} refuses this token: {detail}"))
    if reply.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        wait_s = reply.retry_after_s
        again = "later" if wait_s is None else f"in {wait_s:.0f} s"
        busy = f"{place} is busy: {detail} Try again {again}."
        return mark_far(Retryable(busy, retry_after_s=wait_s))
    kind = _ERRORS.get(reply.status)
    if kind is None and reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return mark_far(Retryable(f"{place} failed: {detail}"))
    if kind is None or detail == NO_ADDRESS:
        raise Strange
    return mark_far(kind(detail, problems=_read_problems(problem)))


def _read_problem(reply: Reply) -> dict[str, Any] | None:
    if reply.headers.get_content_type() != PROBLEM:
        return None
    decoded = _decode(reply.body)
    return decoded if isinstance(decoded, dict) else None


def _read_problems(problem: dict[str, Any]) -> tuple[FieldProblem, ...]:
    listed = problem.get("errors")
    return tuple(
        FieldProblem(str(item.get("field")), str(item.get("reason")))
        for item in (listed if isinstance(listed, list) else [])
        if isinstance(item, dict)
    )


def _decode(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Strange from None


def _check(decoded: Any, needs: Sequence[str]) -> dict[str, Any]:
    if not isinstance(decoded, dict) or not decoded.keys() >= set(needs):
        raise Strange
    return FarDocument(decoded)
