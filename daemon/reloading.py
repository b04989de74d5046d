"""What the daemon takes up while it runs: on SIGHUP settings are read again, and files opened anew.

Owns which settings that concerns, and says which others wait for a restart. What cannot be read
changes nothing.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from daemon.core.errors import ReleasedError
from daemon.core.settings import Settings
from daemon.supervision import Supervisor

log = logging.getLogger(__name__)

LIVE = ("log_level", "log_format", "log_file")
"""The settings that are in force at once; every other is read by the next start."""

Apply = Callable[[Settings], None]
"""Takes up what concerns one part of the daemon, or raises a ReleasedError and changes nothing."""


class Reloader:
    """Compares what is written now with what the daemon runs with."""

    def __init__(
        self, running: Settings, *, load: Callable[[], Settings], parts: Sequence[Apply]
    ) -> None:
        """Take what reads settings, refusing those that no daemon could serve with."""
        self._running = running
        self._load = load
        self._parts = parts
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Have it done by `run`, once however often it is asked for meanwhile."""
        self._asked.set()

    async def run(self, supervisor: Supervisor, *, status: str) -> None:
        """Reload whenever it is asked for, until cancelled; the supervisor hears of it."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            monotonic_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            supervisor.tell_reloading(monotonic_us=monotonic_us)
            refused = await self.reload()
            supervisor.tell_ready(status if refused is None else f"{status}. {refused}")

    async def reload(self) -> str | None:
        """Read the settings and take up what may change; tell what was refused, if anything."""
        try:
            wanted = await asyncio.to_thread(self._load)
            for take_up in self._parts:
                take_up(wanted)
        except ReleasedError as refused:
            log.error("reload refused", extra={"error": str(refused)})  # noqa: TRY400 - it says it all
            return f"Reload refused: {refused}"
        except Exception:
            # Whatever it is: the bots must not stop for it.
            log.exception("reload failed")
            return "Reload failed: the log says why"
        self._note(wanted)
        return None

    def _note(self, wanted: Settings) -> None:
        changed = _differences(self._running, wanted)
        taken_up = {name: getattr(wanted, name) for name in LIVE}
        self._running = self._running.model_copy(update=taken_up)
        live = [name.upper() for name in changed if name in LIVE]
        waiting = [name.upper() for name in changed if name not in LIVE]
        level = logging.WARNING if waiting else logging.INFO
        log.log(level, "reloaded", extra={"changed": live, "need_restart": waiting})


def _differences(running: Settings, wanted: Settings) -> list[str]:
    """Name the settings whose values differ; never the values, which may be secrets."""
    names = type(running).model_fields
    return [name for name in names if getattr(running, name) != getattr(wanted, name)]
