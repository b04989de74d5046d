"""All that works on conversations, started and stopped as one.

Owns the tasks of pool, sweeper and purger. When one of them dies the crew is dead, and says so at
once: a daemon that takes messages in and answers none must not go on.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial

from daemon.core.deliveries import Ring
from daemon.core.runtime import Runtime
from daemon.core.trial import Trial
from daemon.metrics import Metrics
from daemon.work.bell import Bell
from daemon.work.keeper import Keeper
from daemon.work.pool import Pool
from daemon.work.pulse import Pulse
from daemon.work.purger import Purger
from daemon.work.sender import Sender
from daemon.work.sweeper import Sweeper
from daemon.work.throttle import Throttle
from daemon.work.turn import TurnRunner
from daemon.work.watching import Watcher

log = logging.getLogger(__name__)

DRAIN_S = 6.0
"""Seconds that turns in work have to finish when the daemon is asked to stop."""


class Crew:
    """Bell, pool, turns, sender, sweeper and purger over one runtime."""

    def __init__(
        self,
        runtime: Runtime,
        metrics: Metrics,
        *,
        on_death: Callable[[], None],
        trial: Trial | None = None,
    ) -> None:
        """Wire the parts; `on_death` is called once if they stop by themselves."""
        self._bell = _make_bell(runtime, metrics)
        jitter = partial(random.uniform, 0.5, 1.5)
        throttle = Throttle(
            self._bell,
            clock=time.monotonic,
            base_s=runtime.settings.retry_base_seconds,
            jitter=jitter,
        )
        sender = Sender(runtime, metrics, throttle, jitter=jitter)
        self._pool = Pool(
            self._bell,
            TurnRunner(runtime, sender, self._bell, metrics).run,
            workers=runtime.settings.workers,
            is_pressed=lambda: runtime.intake.is_keeping,
        )
        self._sweeper = Sweeper(runtime, self._bell, metrics)
        self._purger = Purger(runtime, metrics)
        self._keeper = Keeper(runtime)
        self._watcher = Watcher(runtime, metrics, jitter=lambda: random.uniform(0.9, 1.1))  # noqa: S311
        self._tasks: list[asyncio.Task[None]] = []
        self._on_death = on_death
        self._trial = trial
        self._stopping = False
        self._pulse = Pulse(metrics)
        self._show(runtime, metrics)

    @property
    def is_alive(self) -> bool:
        """Tell whether everything that works is at work."""
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    def ring(self, ring: Ring) -> None:
        """Hear that a conversation has something to do."""
        key = (ring.client_id, ring.conversation_id)
        # Within the webhook's request: the line that ties its id to the conversation's.
        log.debug("rung", extra={"client": key[0], "conversation": key[1], "wrote": ring.wrote})
        if ring.wrote:
            self._bell.note_message(key)
        else:
            self._bell.wake(key)

    def start(self) -> None:
        """Begin to work; what an earlier daemon left is found by the first sweep.

        On trial the sweeper reads and rings as ever, which proves the new code on the real data;
        whoever would take up what it finds, or change or tell anything else, waits.
        """
        for name, run in (("sweeper", self._sweeper.run), ("pulse", self._pulse.run)):
            self._begin(name, run)
        for name, run in (
            ("pool", self._pool.run),
            ("purger", self._purger.run),
            ("keeper", self._keeper.run),
            ("watcher", self._watcher.run),
        ):
            self._begin(name, run if self._trial is None else partial(_follow, self._trial, run))

    async def stop(self) -> None:
        """Take nothing more, let what is in work finish for a while, give the rest back."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._pool.drain(within_s=DRAIN_S)

    def _show(self, runtime: Runtime, metrics: Metrics) -> None:
        metrics.expect_engine(runtime.engine.name)
        metrics.workers.set(runtime.settings.workers)
        metrics.busy.set_function(lambda: self._pool.busy)
        metrics.doorbell.set_function(lambda: len(self._bell))
        metrics.writes_waiting.set_function(lambda: runtime.store.waiting)

    def _begin(self, name: str, run: Callable[[], Coroutine[None, None, None]]) -> None:
        task = asyncio.create_task(run(), name=name)
        task.add_done_callback(self._watch)
        self._tasks.append(task)

    def _watch(self, task: asyncio.Task[None]) -> None:
        if self._stopping:
            return
        error = None if task.cancelled() else task.exception()
        log.critical("workers died", extra={"task": task.get_name()}, exc_info=error)
        self._on_death()


def _make_bell(runtime: Runtime, metrics: Metrics) -> Bell:
    settings = runtime.settings
    interval_s = 1 / settings.openai_rps_per_client if settings.openai_rps_per_client else 0.0
    paced = interval_s if runtime.engine.calls_model else 0.0
    return Bell(
        quiet_s=settings.coalesce_seconds,
        clock=time.monotonic,
        interval_of=lambda _client_id: paced,
        workers=settings.workers,
        note_pause=lambda client_id, s: metrics.of_client(client_id).rate_wait.inc(s),
    )


async def _follow(trial: Trial, run: Callable[[], Awaitable[None]]) -> None:
    await trial.end()
    await run()
