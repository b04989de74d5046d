"""The admin API's doctor: the same checks as `released doctor`, made by the daemon itself.

One examination at a time: who asks while one is made gets what that one finds.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from daemon.api.shared import RUNTIME, VERSION
from daemon.core.doctor.parts import Parts
from daemon.core.doctor.running import build_url, run_doctor
from daemon.core.runtime import Runtime
from daemon.core.store.engine import sqlite_path

Findings = list[dict[str, Any]]


class Practice:
    """Keeps several callers at once from asking Meta about 500 clients several times over."""

    def __init__(self) -> None:
        """Begin with nothing found."""
        self._door = asyncio.Lock()
        self._ended = 0
        self._found: Findings = []

    async def share(self, look: Callable[[], Awaitable[Findings]]) -> Findings:
        """Give what `look` finds, or what another's found that ended since this was called."""
        seen = self._ended
        async with self._door:
            if self._ended == seen:
                self._found = await look()
                self._ended += 1
            return self._found


PRACTICE = web.AppKey("practice", Practice)


async def examine(request: web.Request) -> web.Response:
    """Check everything that must be right for messages to be answered; takes half a minute."""
    parts = _gather(request)
    return web.json_response(await request.app[PRACTICE].share(lambda: run_doctor(parts)))


def _gather(request: web.Request) -> Parts:
    runtime = request.app[RUNTIME]
    return Parts(
        settings=runtime.settings,
        store=runtime.store,
        database=sqlite_path(runtime.settings.database_url),
        daemon_url=_find_own_url(request, runtime),
        version=request.app[VERSION],
        clock=runtime.clock,
        challenge=secrets.token_hex(16),
    )


def _find_own_url(request: web.Request, runtime: Runtime) -> str:
    """Tell where we listen: the socket says so, and HOST and PORT may have been overruled."""
    socket = request.transport.get_extra_info("sockname") if request.transport else None
    host, port = socket[:2] if socket else (runtime.settings.host, runtime.settings.port)
    return build_url(str(host), int(port), tls=runtime.settings.serves_tls)
