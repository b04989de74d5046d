"""The whole HTTP surface in one list, and what starts and stops in which order."""

import importlib.metadata
from collections.abc import AsyncIterator, Callable
from functools import partial

from aiohttp import web

from daemon.api import webhook
from daemon.api.large_bodies import LARGE_BODIES, LargeBodies
from daemon.api.origins import admit_origins
from daemon.api.problems import problems_middleware
from daemon.api.refraining import refrain_during
from daemon.api.routes import add_routes
from daemon.api.shared import METRICS, RUNTIME, VERSION, WORKERS
from daemon.api.survey import SURVEYOR, Surveyor
from daemon.api.tracing import trace_requests
from daemon.core.runtime import Runtime
from daemon.core.trial import Trial
from daemon.metrics import Metrics
from daemon.work.crew import Crew


def build_app(
    runtime: Runtime, *, on_death: Callable[[], None], trial: Trial | None = None
) -> web.Application:
    """Build the daemon over an open runtime; `on_death` hears when its workers die.

    With a `trial` it takes nothing in and does no work until that is over.
    """
    middlewares = [trace_requests()]
    if origins := runtime.settings.origins:
        middlewares.append(admit_origins(origins))
    middlewares.append(problems_middleware)
    if trial is not None:
        middlewares.append(refrain_during(trial))
    app = web.Application(middlewares=middlewares, client_max_size=webhook.BODY_LIMIT)
    metrics = Metrics()
    version = importlib.metadata.version("released")
    metrics.note_build(version)
    app[RUNTIME] = runtime
    app[METRICS] = metrics
    app[LARGE_BODIES] = LargeBodies()
    app[SURVEYOR] = Surveyor(runtime, metrics)
    metrics.started.set(runtime.clock())
    crew = Crew(runtime, metrics, on_death=on_death, trial=trial)
    app[WORKERS] = crew
    app[VERSION] = version
    add_routes(app, metrics_open=runtime.settings.metrics_open)
    app.cleanup_ctx.append(partial(_work, crew=crew))
    return app


async def _work(_app: web.Application, *, crew: Crew) -> AsyncIterator[None]:
    crew.start()
    yield
    await crew.stop()
