"""What the handlers find in their application: one typed key for each."""

from typing import Protocol

from aiohttp import web

from daemon.core.intake import Ring
from daemon.core.runtime import Runtime
from daemon.metrics import Metrics


class Workers(Protocol):
    """What the HTTP side needs of those who answer: that they hear, and that they live."""

    @property
    def is_alive(self) -> bool:
        """Tell whether everything that works is at work."""
        ...

    def ring(self, ring: Ring) -> None:
        """Hear that a conversation has something to do."""
        ...


RUNTIME = web.AppKey("runtime", Runtime)
METRICS = web.AppKey("metrics", Metrics)
WORKERS: web.AppKey[Workers] = web.AppKey("workers")
VERSION = web.AppKey("version", str)
