"""The sandbox as one web application: its routes, its errors, how it starts and stops.

Owns what holds for all endpoints; each endpoint lives with its subject.
"""

import errno
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from aiohttp import web

from daemon.core.errors import Misconfigured, Rejected, ReleasedError
from daemon.sandbox import accounts, control, exchange, graph, pages
from daemon.sandbox.config import SandboxConfig
from daemon.sandbox.refusals import GraphRefusal, refuse_parameter
from daemon.sandbox.stage import STAGE, build_stage

SHUTDOWN_S = 1
"""How long open requests may go on once the sandbox is told to stop."""

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_VERSION = r"/{version:v\d+\.\d+}"
_NUMBER = _VERSION + "/{phone_number_id}"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_sandbox(config: SandboxConfig) -> web.Application:
    """Build the application; it opens connections when it starts and closes them when it stops.

    Raises:
        Misconfigured: the webhook URL is none.

    """
    url = urlsplit(config.webhook_url)
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise Misconfigured(
            "The webhook URL must be an address such as http://127.0.0.1:8080/webhook."
        )
    app = web.Application(middlewares=[_refuse_other_sites, _answer_errors])
    app[STAGE] = build_stage(config)
    app.add_routes(_list_routes())
    app.on_response_prepare.append(_add_headers)
    app.on_shutdown.append(_send_home)
    app.cleanup_ctx.append(_run_stage)
    return app


@asynccontextmanager
async def serve_sandbox(
    config: SandboxConfig, *, host: str = "127.0.0.1", port: int
) -> AsyncIterator[str]:
    """Serve until the context ends, giving the base URL without a slash; port 0 takes a free one.

    Raises:
        Misconfigured: the port cannot be had, or the webhook URL is none.

    """
    runner = web.AppRunner(build_sandbox(config), access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        await _listen(runner, host, port)
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except (OSError, OverflowError) as error:
        raise Misconfigured(
            f"The sandbox cannot listen on {host} port {port}: {_explain(error)}."
            " Choose another with --port."
        ) from error


def _explain(error: OSError | OverflowError) -> str:
    if isinstance(error, OverflowError):
        return "a port is a number from 0 to 65535"
    if error.errno is None:
        # asyncio's word for this differs from one Python to the next; 3.13 gives no number.
        return os.strerror(errno.EADDRNOTAVAIL)
    if error.errno == errno.EADDRINUSE:
        return "another program uses it"
    return os.strerror(error.errno)


def _list_routes() -> list[web.AbstractRouteDef]:
    return [
        web.get("/", pages.show_page),
        web.static("/static", pages.STATIC),
        web.get("/chat/clients", pages.list_clients),
        web.get("/chat/examples", pages.list_examples),
        web.get("/chat/messages", pages.show_transcript),
        web.post("/chat/messages", pages.post_message),
        web.get("/chat/events", pages.stream),
        web.get("/sandbox/faults", control.show_faults),
        web.put("/sandbox/faults", control.put_faults),
        web.get("/sandbox/accepted", control.show_accepted),
        web.delete("/sandbox/accepted", control.reset_accepted),
        web.get(_VERSION + "/debug_token", accounts.show_token),
        web.get(_VERSION + "/oauth/access_token", exchange.exchange_token),
        web.post(_VERSION + "/oauth/access_token", exchange.exchange_token),
        web.get(_VERSION + "/{account_id}/subscribed_apps", accounts.list_subscribed_apps),
        web.get(_VERSION + "/{app_id}/subscriptions", accounts.list_subscriptions),
        web.get(_NUMBER, accounts.show_number),
        web.post(_NUMBER + "/messages", graph.post_message),
        web.route("*", _VERSION + "/{path:.*}", graph.refuse_path),
    ]


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ReleasedError as error:
        if "version" in request.match_info:
            request.app[STAGE].ledger.count("refused")
            return _answer_as_graph(error)
        status = 400 if isinstance(error, Rejected) else 503
        return web.json_response({"error": str(error)}, status=status)
    except ConnectionResetError:
        # The caller is gone, as a daemon that was killed in mid-send is: nobody reads this.
        return web.Response(status=400)


def _answer_as_graph(error: ReleasedError) -> web.Response:
    if isinstance(error, GraphRefusal):
        refusal = error
    elif isinstance(error, Rejected):
        refusal = refuse_parameter(str(error))
    else:
        refusal = GraphRefusal(2, details=str(error), http_status=503)
    return web.json_response(refusal.as_json(), status=refusal.http_status)


@web.middleware
async def _refuse_other_sites(request: web.Request, handler: Handler) -> web.StreamResponse:
    # A page of some other site, open in the same browser, must not write here.
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        return web.json_response({"error": "Another site may not call the sandbox."}, status=403)
    return await handler(request)


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-cache")


async def _send_home(app: web.Application) -> None:
    app[STAGE].send_home()


async def _run_stage(app: web.Application) -> AsyncIterator[None]:
    app[STAGE].poster.open()
    yield
    await app[STAGE].close()
