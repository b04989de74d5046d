"""What can be read of the running service by HTTP: `released status`, `log`, `listen`, `audit`."""

from functools import partial
from typing import Any

from aiohttp import web

from daemon.api.auth import client_limit_of
from daemon.api.bodies import read_query
from daemon.api.report_models import AuditPage, EventsPage, LogPage
from daemon.api.shared import RUNTIME, VERSION
from daemon.core import events, status, taking_over, trail, turnlog
from daemon.core.status import DaemonState, Setting
from daemon.core.store.engine import Connection, Job
from daemon.core.tenancy import get_visible_client


async def show_status(request: web.Request) -> web.Response:
    """Show the daemon, the inbox, each client's figures, and what needs somebody."""
    read = partial(
        status.read_status,
        setting=Setting.from_settings(request.app[RUNTIME].settings),
        version=request.app[VERSION],
        now=request.app[RUNTIME].clock(),
        client_id=client_limit_of(request),
    )

    def job(conn: Connection) -> dict[str, Any]:
        # Whoever answers here is running.
        return read(conn, daemon=DaemonState(is_running=True, since=taking_over.started_at(conn)))

    return await _answer(request, job)


async def list_turns(request: web.Request) -> web.Response:
    """List the newest turns, oldest first, with what was asked and answered."""
    page = read_query(request, LogPage)
    only = client_limit_of(request)

    def job(conn: Connection) -> list[dict[str, Any]]:
        owner = _owner(conn, page.client, only)
        return turnlog.list_turns(
            conn, client_id=owner, query=page.q, only=page.only, limit=page.limit
        )

    return await _answer(request, job)


async def list_events(request: web.Request) -> web.Response:
    """List what happened after a cursor, without any text; without one, tell where now is."""
    page = read_query(request, EventsPage)
    job = partial(
        events.read_events,
        after=page.after,
        limit=page.limit,
        now=request.app[RUNTIME].clock(),
        client_id=client_limit_of(request),
    )
    return await _answer(request, job)


async def list_audit(request: web.Request) -> web.Response:
    """List the newest changes, oldest first: who made them, from where, and what they changed."""
    page = read_query(request, AuditPage)
    only = client_limit_of(request)

    def job(conn: Connection) -> list[dict[str, Any]]:
        owner = _owner(conn, page.client, only)
        return trail.list_audit(conn, client_id=owner, limit=page.limit)

    return await _answer(request, job)


def _owner(conn: Connection, ref: str | None, only: int | None) -> int | None:
    return only if ref is None else get_visible_client(conn, ref, only=only).id


async def _answer(request: web.Request, job: Job[Any]) -> web.Response:
    return web.json_response(await request.app[RUNTIME].store.read(job))
