"""The admin API's doctor: the same checks as `released doctor`, made by the daemon itself."""

import secrets

from aiohttp import web

from daemon.api.shared import RUNTIME, VERSION
from daemon.core.doctor.parts import Parts
from daemon.core.doctor.running import build_url, run_doctor
from daemon.core.runtime import Runtime
from daemon.core.store.engine import sqlite_path


async def examine(request: web.Request) -> web.Response:
    """Check everything that must be right for messages to be answered; takes half a minute."""
    runtime = request.app[RUNTIME]
    findings = await run_doctor(
        Parts(
            settings=runtime.settings,
            store=runtime.store,
            database=sqlite_path(runtime.settings.database_url),
            daemon_url=_find_own_url(request, runtime),
            version=request.app[VERSION],
            clock=runtime.clock,
            challenge=secrets.token_hex(16),
        )
    )
    return web.json_response(findings)


def _find_own_url(request: web.Request, runtime: Runtime) -> str:
    """Tell where we listen: the socket says so, and HOST and PORT may have been overruled."""
    socket = request.transport.get_extra_info("sockname") if request.transport else None
    host, port = socket[:2] if socket else (runtime.settings.host, runtime.settings.port)
    return build_url(str(host), int(port))
