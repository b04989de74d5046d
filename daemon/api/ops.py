"""What machines ask of the daemon: is it well, and what has it counted."""

import asyncio
from functools import partial
from http import HTTPStatus

from aiohttp import web

from daemon.api.problems import DAMAGED, problem
from daemon.api.shared import DAMAGE, METRICS, RUNTIME, VERSION, WORKERS
from daemon.api.survey import SURVEYOR
from daemon.core.errors import ReleasedError
from daemon.core.store import heartbeats, inbox
from daemon.core.store.faults import StoreDamaged, StoreUnavailable
from daemon.core.store.in_place import StoreReplaced
from daemon.metrics import CONTENT_TYPE

HEALTH_BUDGET_S = 5.0
"""Seconds the database has to take one write before the daemon calls itself unwell."""


class _Unwell(ReleasedError):
    """Messages cannot be kept or answered."""


async def health(request: web.Request) -> web.Response:
    """Say whether messages can be kept and answered; proven by a write, not by a flag."""
    try:
        depth = await _examine(request.app)
    except _Unwell as unwell:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(unwell))
    waiting = {
        "pending": depth.pending,
        "oldest_seconds": round(depth.oldest_s),
        "parked": depth.parked,
    }
    return web.json_response({"status": "ok", "version": request.app[VERSION], "inbox": waiting})


async def find_fault(app: web.Application) -> str | None:
    """Tell what /health would complain of; None when all is well."""
    try:
        await _examine(app)
    except _Unwell as unwell:
        return str(unwell)
    return None


async def metrics(request: web.Request) -> web.Response:
    """Hand out the counters in Prometheus's text form."""
    await request.app[SURVEYOR].look(partial(find_fault, request.app))
    parts = []
    for part in request.app[METRICS].render_parts():
        parts.append(part)
        # A webhook need not wait for the figures of hundreds of clients.
        await asyncio.sleep(0)
    return web.Response(body=b"".join(parts), headers={"Content-Type": CONTENT_TYPE})


async def _examine(app: web.Application) -> inbox.Depth:
    healthy = app[METRICS].healthy
    try:
        depth = await _prove(app)
    except _Unwell:
        healthy.set(0)
        raise
    healthy.set(1)
    return depth


async def _prove(app: web.Application) -> inbox.Depth:
    runtime = app[RUNTIME]
    now = runtime.clock()

    try:
        async with asyncio.timeout(HEALTH_BUDGET_S):
            with app[METRICS].write_seconds.time():
                await runtime.store.write_light(partial(heartbeats.beat, name="health", now=now))
            depth = await runtime.store.read(partial(inbox.measure_depth, now=now))
    except StoreDamaged as damaged:
        app[DAMAGE].note(damaged)
        raise _Unwell(DAMAGED) from damaged
    except (StoreUnavailable, StoreReplaced, TimeoutError) as unusable:
        raise _Unwell("The database cannot be written.") from unusable
    if not app[WORKERS].is_alive:
        raise _Unwell("The workers are down.")
    return depth
