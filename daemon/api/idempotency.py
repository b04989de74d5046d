"""Does a create once, however often it is asked for under one Idempotency-Key.

The answer is kept in the transaction that makes the thing, so that a crash keeps both or neither.
Keys are a token's own: two callers may use the same one.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aiohttp import web

from daemon.api.auth import caller_of
from daemon.api.bodies import RAW_BODY
from daemon.api.shared import RUNTIME
from daemon.core.errors import Conflict, FieldProblem, Invalid
from daemon.core.store.engine import Connection
from daemon.core.store.idempotency import KeptAnswer, find_answer, forget_answers, keep_answer

KEY_HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotent-Replayed"

KEY_LIMIT = 200
"""Characters of a key at most."""

KEPT_S = 86_400
"""Seconds for which an answer is kept: who has not asked again within a day never will."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a create answers with 201."""

    document: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


async def create_once(
    request: web.Request, make: Callable[[Connection], Made], *, secret: str | None = None
) -> web.Response:
    """Make something and answer 201, or answer again what this key was answered before.

    With `secret` the answer is not kept, because it may be shown once only: the same call again is
    refused in these words, and nothing is made.

    Raises:
        Invalid: for an impossible key, or one that was used for another request.
        Conflict: for the second call to make what is `secret`.

    """
    key = _read_key(request)
    store = request.app[RUNTIME].store
    if key is None:
        return _answer(await store.write(make))
    caller = str(caller_of(request).id)
    asked = _digest(request)
    now = request.app[RUNTIME].clock()

    def job(conn: Connection) -> tuple[Made, bool]:
        kept = find_answer(conn, caller=caller, key=key, since=now - KEPT_S)
        if kept is not None:
            return _recall(kept, asked, secret), True
        made = make(conn)
        shown = {} if secret is not None else {"document": made.document, "headers": made.headers}
        forget_answers(conn, before=now - KEPT_S)
        answer = KeptAnswer(asked, HTTPStatus.CREATED, shown)
        keep_answer(conn, answer, caller=caller, key=key, now=now)
        return made, False

    made, is_replayed = await store.write(job)
    return _answer(made, is_replayed=is_replayed)


def _read_key(request: web.Request) -> str | None:
    given = request.headers.getall(KEY_HEADER, [])
    if not given:
        return None
    key = given[0]
    if (
        len(given) > 1
        or not key.isascii()
        or not key.isprintable()
        or not 0 < len(key) <= KEY_LIMIT
    ):
        raise _refuse(f"must be one key of 1 to {KEY_LIMIT} printable ASCII characters")
    return key


def _digest(request: web.Request) -> str:
    asked = hashlib.sha256(f"{request.method} {request.raw_path}\n".encode())
    asked.update(request.get(RAW_BODY, b""))
    return asked.hexdigest()


def _recall(kept: KeptAnswer, asked: str, secret: str | None) -> Made:
    if kept.request_digest != asked:
        raise _refuse("was used for another request; take a new key for a new one")
    if secret is not None:
        raise Conflict(secret)
    return Made(kept.answer["document"], kept.answer["headers"])


def _refuse(reason: str) -> Invalid:
    return Invalid(f"{KEY_HEADER} {reason}.", problems=(FieldProblem(KEY_HEADER, reason),))


def _answer(made: Made, *, is_replayed: bool = False) -> web.Response:
    headers = dict(made.headers) | ({REPLAYED_HEADER: "true"} if is_replayed else {})
    return web.json_response(made.document, status=HTTPStatus.CREATED, headers=headers)
