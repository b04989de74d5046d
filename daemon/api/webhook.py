"""Meta's webhook: the subscription, and deliveries, answered 200 only once they are on disk."""

import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web

from daemon.api.large_bodies import LARGE_BODIES
from daemon.api.problems import problem
from daemon.api.shared import METRICS, RUNTIME, WORKERS
from daemon.core.errors import Misconfigured, Retryable
from daemon.core.intake import Accepted
from daemon.core.meta.inbound import KNOWN_TYPES
from daemon.core.meta.wire import (
    BadSubscription,
    Delivery,
    WrongVerifyToken,
    answer_challenge,
    parse_delivery,
    verify_signature,
)
from daemon.metrics import Metrics

BODY_LIMIT = 3 * 1024 * 1024
"""Bytes of a webhook body at most (Meta's Webhooks reference, read 2026-11)."""


async def subscribe(request: web.Request) -> web.Response:
    """Answer Meta's one-time check that this address is ours."""
    verify_token = request.app[RUNTIME].settings.meta_verify_token
    expected = "" if verify_token is None else verify_token.get_secret_value()
    try:
        return web.Response(text=answer_challenge(request.query, expected))
    except WrongVerifyToken as wrong:
        return problem(HTTPStatus.FORBIDDEN, str(wrong))
    except BadSubscription as bad:
        return problem(HTTPStatus.BAD_REQUEST, str(bad))


async def receive(request: web.Request) -> web.Response:
    """Keep a delivery, ring for its conversations, then say 200."""
    started = time.perf_counter()
    status: int = HTTPStatus.INTERNAL_SERVER_ERROR
    app = request.app
    try:
        response = await _receive(request, app)
        status = response.status
    except (Retryable, Misconfigured):
        status = HTTPStatus.SERVICE_UNAVAILABLE
        raise
    finally:
        metrics = app[METRICS]
        metrics.count_webhook(int(status))
        metrics.ack_seconds.observe(time.perf_counter() - started)
    return response


async def _receive(request: web.Request, app: web.Application) -> web.Response:
    try:
        body = await app[LARGE_BODIES].read(request)
    except web.HTTPRequestEntityTooLarge:
        return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "A webhook body has at most 3 MiB.")
    runtime = app[RUNTIME]
    secret = runtime.settings.meta_app_secret
    signature = request.headers.get("X-Hub-Signature-256")
    if secret is None or not verify_signature(secret.get_secret_value(), body, signature):
        return problem(
            HTTPStatus.UNAUTHORIZED,
            "X-Hub-Signature-256 does not fit this body and META_APP_SECRET.",
            headers={"WWW-Authenticate": "X-Hub-Signature-256"},
        )
    decoded = _decode(body)
    if decoded is None:
        return problem(HTTPStatus.BAD_REQUEST, "The body is not a JSON object.")
    delivery = parse_delivery(decoded)
    accepted = await runtime.intake.accept(delivery)
    _count(app[METRICS], delivery, accepted)
    for ring in accepted.rings:
        app[WORKERS].ring(ring)
    return web.Response()


def _decode(body: bytes) -> Mapping[str, Any] | None:
    try:
        decoded = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return decoded if isinstance(decoded, dict) else None


def _count(metrics: Metrics, delivery: Delivery, accepted: Accepted) -> None:
    for message in delivery.messages:
        # A type nobody knew keeps its own word in the inbox; as a label it would grow without end.
        metrics.count_message(message.type if message.type in KNOWN_TYPES else "other")
    for status in delivery.statuses:
        metrics.statuses.labels(status.status).inc()
    for what in delivery.passed_over:
        metrics.passed_over.labels(what).inc()
    if accepted.echoes:
        metrics.echoes.inc(accepted.echoes)
    if accepted.unknown_number:
        metrics.unknown_number.inc(accepted.unknown_number)
