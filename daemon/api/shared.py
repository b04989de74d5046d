"""What the handlers find in their application: one typed key for each."""

from typing import Protocol

from aiohttp import web

from daemon.core.deliveries import Ring
from daemon.core.runtime import Runtime
from daemon.core.store.outage import Damage
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
DAMAGE = web.AppKey("damage", Damage)
VERSION = web.AppKey("version", str)
