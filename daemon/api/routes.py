"""Every address of the daemon in one list: what serves it, who may call, and what describes it."""

import json
import time

from aiohttp import web

from daemon.api import (
    clients,
    contacts,
    describing,
    doctor,
    inbox,
    inbox_models,
    meta,
    models,
    ops,
    report_models,
    reports,
    token_models,
    tokens,
    webhook,
)
from daemon.api.auth import guarded
from daemon.api.certified import certified
from daemon.api.idempotency import KEY_HEADER, REPLAYED_HEADER
from daemon.api.limiting import LIMITER, RATES, Limiter
from daemon.api.route import Route
from daemon.api.shared import DAMAGE, RUNTIME, VERSION
from daemon.core.store.outage import Damage

UPDATE_ERRORS = (400, 404, 409, 412, 413, 415, 422)
STATE = {"ETag": "Names the client as it is now, for If-Match."}
IF_MATCH = {"If-Match": "The ETag that the client must still have; * for any."}
IDEMPOTENCY = {KEY_HEADER: "For 24 hours the same call with it is done once, and answered alike."}
SHOWN_ONCE = {KEY_HEADER: "For 24 hours the same call with it is done once; then it is refused."}
REPLAYED = {REPLAYED_HEADER: "true when this answer was given before."}
SIGNATURE = {"X-Hub-Signature-256": "sha256= and the body's HMAC under META_APP_SECRET, in hex."}


OPEN_ROUTES = (
    Route(
        "GET",
        "/webhook",
        webhook.subscribe,
        query=models.Subscription,
        errors=(400, 403),
        is_open=True,
        kind="text/plain",
    ),
    Route(
        "POST",
        "/webhook",
        webhook.receive,
        body=models.WebhookBody,
        errors=(400, 401, 403, 413, 503),
        is_open=True,
        takes=SIGNATURE,
    ),
    Route("GET", "/health", ops.health, answer=models.Health, errors=(503,), is_open=True),
    Route("GET", "/openapi.json", describing.describe, is_open=True, kind="application/json"),
    Route("GET", "/docs", describing.show_docs, is_open=True, kind="text/html"),
)

ADMIN_ROUTES = (
    Route("GET", "/metrics", ops.metrics, kind="text/plain"),
    Route(
        "POST",
        "/clients",
        clients.create,
        answer=models.ClientDocument,
        body=models.NewClient,
        status=201,
        errors=(400, 409, 413, 415, 422),
        takes=IDEMPOTENCY,
        tells=STATE | {"Location": "The client's address."},
        may_tell=REPLAYED,
    ),
    Route(
        "GET",
        "/clients",
        clients.show_all,
        answer=list[models.ClientDocument],
        query=models.ClientPage,
        errors=(404, 409, 422),
        reach="filtered",
    ),
    Route(
        "GET",
        "/clients/{id}",
        clients.show,
        answer=models.ClientDocument,
        errors=(404,),
        tells=STATE,
        reach="client",
    ),
    Route(
        "PATCH",
        "/clients/{id}",
        clients.change,
        answer=models.ClientDocument,
        body=models.ClientPatch,
        errors=UPDATE_ERRORS,
        takes=IF_MATCH,
        tells=STATE,
        reach="client",
    ),
    Route(
        "DELETE",
        "/clients/{id}",
        clients.deactivate,
        answer=models.ClientDocument,
        errors=(404, 412),
        takes=IF_MATCH,
        tells=STATE,
        reach="client",
    ),
    Route(
        "GET",
        "/clients/{id}/faqs",
        clients.show_faqs,
        answer=models.FaqList,
        errors=(404,),
        reach="client",
    ),
    Route(
        "PUT",
        "/clients/{id}/faqs",
        clients.replace_faqs,
        answer=models.ClientDocument,
        body=models.FaqList,
        errors=UPDATE_ERRORS,
        takes=IF_MATCH,
        tells=STATE,
        reach="client",
    ),
    Route(
        "POST",
        "/clients/{id}/resume",
        clients.resume,
        answer=models.ClientDocument,
        errors=(404,),
        tells=STATE,
        reach="client",
    ),
    *contacts.CONTACT_ROUTES,
    Route(
        "POST",
        "/agent",
        clients.create_agent,
        answer=models.Agent,
        body=models.NewAgent,
        status=201,
        errors=(400, 409, 413, 415, 422),
        takes=IDEMPOTENCY,
        may_tell=REPLAYED,
    ),
    Route(
        "GET",
        "/inbox",
        inbox.show_all,
        answer=list[inbox_models.InboxDocument],
        query=inbox_models.InboxPage,
        errors=(404, 409, 422),
        reach="filtered",
    ),
    Route(
        "GET",
        "/inbox/{id}",
        inbox.show,
        answer=inbox_models.InboxDetail,
        errors=(404,),
        reach="message",
    ),
    Route(
        "POST",
        "/inbox/{id}/retry",
        inbox.retry,
        answer=inbox_models.InboxDetail,
        errors=(404, 409),
        reach="message",
    ),
    Route(
        "POST",
        "/inbox/retry",
        inbox.retry_all,
        answer=inbox_models.Retried,
        body=inbox_models.RetryAll,
        errors=(400, 413, 415, 422),
        needs_body=False,
    ),
    Route(
        "DELETE",
        "/inbox/{id}",
        inbox.drop,
        answer=inbox_models.InboxDetail,
        errors=(404, 409),
        reach="message",
    ),
    Route(
        "POST",
        "/tokens",
        tokens.create,
        answer=token_models.TokenMade,
        body=token_models.NewToken,
        status=201,
        errors=(400, 404, 409, 413, 415, 422),
        takes=SHOWN_ONCE,
    ),
    Route(
        "POST",
        "/tokens/{name}/rotate",
        tokens.rotate,
        answer=token_models.TokenMade,
        body=token_models.RotateToken,
        status=201,
        errors=(400, 404, 409, 413, 415, 422),
        takes=SHOWN_ONCE,
        needs_body=False,
    ),
    Route("GET", "/tokens", tokens.show_all, answer=list[token_models.TokenDocument]),
    Route("DELETE", "/tokens/{name}", tokens.revoke, status=204, errors=(404,)),
    Route(
        "GET",
        "/status",
        reports.show_status,
        answer=report_models.Status,
        reach="filtered",
    ),
    Route(
        "GET",
        "/log",
        reports.list_turns,
        answer=list[report_models.TurnDocument],
        query=report_models.LogPage,
        errors=(404, 409, 422),
        reach="filtered",
    ),
    Route(
        "GET",
        "/events",
        reports.list_events,
        answer=report_models.Events,
        query=report_models.EventsPage,
        errors=(422,),
        reach="filtered",
    ),
    Route(
        "GET",
        "/audit",
        reports.list_audit,
        answer=list[report_models.AuditDocument],
        query=report_models.AuditPage,
        errors=(404, 409, 422),
        reach="filtered",
    ),
    *meta.META_ROUTES,
    Route("GET", "/doctor", doctor.examine, answer=list[models.Finding], reach="all"),
)

ROUTES = OPEN_ROUTES + ADMIN_ROUTES


def add_routes(app: web.Application, *, metrics_open: bool) -> None:
    """Serve every route; what is not open asks for a token first. HEAD works where GET does."""
    app[LIMITER] = Limiter(RATES)
    app[DAMAGE] = Damage(time.monotonic)
    app[doctor.PRACTICE] = doctor.Practice()
    app[meta.TOKEN_PRACTICE] = doctor.Practice()
    description = describing.build_description(ROUTES, version=app[VERSION])
    app[describing.DESCRIPTION] = json.dumps(description).encode()
    for route in ROUTES:
        is_open = route.is_open or (metrics_open and route.path == "/metrics")
        handler = route.handler if is_open else guarded(route)
        if route.handler is webhook.receive:
            handler = certified(handler, app[RUNTIME].settings)
        # An address of its own must not be taken for an id, or a wrong method there is a 404.
        path = route.path.replace("/inbox/{id}", "/inbox/{id:(?!retry$)[^{}/]+}")
        app.router.add_route(route.method, path, handler)
        if route.method == "GET" and route.path != "/webhook":
            app.router.add_route("HEAD", path, handler)
    describing.add_static(app)
