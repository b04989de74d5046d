"""What machines ask of the daemon: is it well, and what has it counted."""

import asyncio
from functools import partial
from http import HTTPStatus

from aiohttp import web

from daemon.api.problems import problem
from daemon.api.shared import METRICS, RUNTIME, VERSION, WORKERS
from daemon.core.store import heartbeats, inbox
from daemon.core.store.engine import StoreUnavailable
from daemon.metrics import CONTENT_TYPE

HEALTH_BUDGET_S = 5.0
"""Seconds the database has to take one write before the daemon calls itself unwell."""


async def health(request: web.Request) -> web.Response:
    """Say whether messages can be kept and answered; proven by a write, not by a flag."""
    runtime = request.app[RUNTIME]
    now = runtime.clock()

    try:
        async with asyncio.timeout(HEALTH_BUDGET_S):
            await runtime.store.write(partial(heartbeats.beat, name="health", now=now))
            depth = await runtime.store.read(partial(inbox.measure_depth, now=now))
    except (StoreUnavailable, TimeoutError):
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "The database cannot be written.")
    if not request.app[WORKERS].is_alive:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "The workers are down.")
    waiting = {
        "pending": depth.pending,
        "oldest_seconds": round(depth.oldest_s),
        "parked": depth.parked,
    }
    return web.json_response({"status": "ok", "version": request.app[VERSION], "inbox": waiting})


async def metrics(request: web.Request) -> web.Response:
    """Hand out the counters in Prometheus's text form."""
    body = request.app[METRICS].render()
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})
