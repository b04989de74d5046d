"""What a daemon on trial answers: 503 to everybody but those who ask how it is.

Owns which calls are heard. Meta sends a refused webhook again; the metrics do not count it, as
they did not count what found the door closed a moment before.
"""

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from daemon.api.problems import Handler
from daemon.core.trial import OnTrial, Trial

HEARD = frozenset({"/health", "/metrics"})
"""What the installer and Prometheus ask, and nothing of a customer comes in by."""

READING = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})


def refrain_during(trial: Trial) -> Middleware:
    """Build the middleware that stands behind the one that writes problems."""

    @web.middleware
    async def refrain(request: web.Request, handler: Handler) -> web.StreamResponse:
        if trial.is_on and not (request.path in HEARD and request.method in READING):
            raise OnTrial
        return await handler(request)

    return refrain
