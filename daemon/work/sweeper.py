"""Rings again for what was missed, and keeps the daemon's picture of its clients fresh.

A ring lives in memory only: after a start, after an overflow, or when another program changed the
database, this is what finds the work. It looks at a page of the backlog at a time.
"""

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from daemon.core.rewinding import ClockWatch, follow
from daemon.core.runtime import Runtime
from daemon.core.store import due_sends, heartbeats, inbox
from daemon.core.store.due_sends import Place
from daemon.core.store.engine import Connection
from daemon.core.store.faults import StoreUnavailable
from daemon.core.store.heartbeats import WRITER
from daemon.metrics import Metrics
from daemon.work.bell import Bell

log = logging.getLogger(__name__)

EVERY_S = 0.5
"""Half of what a change made by another program may take to be in force."""

FIRST_S = 0.005
"""The same until the backlog was looked through once: nobody has rung for what a dead daemon left,
and who wrote last must not wait for the rush of another."""

PAGE = 500
"""Rows of the backlog looked at in one go."""

COUNTING_SHARE = 50
"""So many times as long as counting the backlog takes passes before it is counted again."""

FRESH_S = 1.0
"""Messages younger than this are left to their own ring, which knows their quiet time."""

BEAT_EVERY_S = 20.0
"""How often the daemon proves that it can write."""

BELL_LIMIT = 50_000
"""Conversations the bell holds before the rest of a backlog is left for later sweeps."""

CLIENT_SHARE = 100
"""Conversations of each client that the bell has room for even when others have filled it."""


@dataclass(frozen=True, slots=True)
class _Found:
    pending: tuple[tuple[int, int, int, float], ...]
    due: tuple[tuple[Place, int, int], ...]
    depth: inbox.Depth | None


class Sweeper:
    """Runs beside the pool for as long as the daemon does."""

    def __init__(self, runtime: Runtime, bell: Bell, metrics: Metrics) -> None:
        """Share the daemon's parts; own none of them."""
        self._store = runtime.store
        self._directory = runtime.directory
        self._clock = runtime.clock
        self._in_doubt_s = runtime.settings.in_doubt_seconds
        self._bell = bell
        self._metrics = metrics
        self._cursor = 0
        self._due_cursor = due_sends.START
        self._unseen = {"pending", "due"}
        self._count_at = 0.0
        self._beat_at = 0.0
        self._step_s = 0.0
        self._watch = ClockWatch(wall=runtime.clock(), monotonic=time.monotonic())

    async def run(self) -> None:
        """Sweep until cancelled; a database that cannot be read is tried again."""
        while True:
            pause_s = EVERY_S
            # The store tells of it itself, once for all who meet it.
            with suppress(StoreUnavailable):
                await self._directory.refresh()
                await self.sweep()
                await self.prove()
                pause_s = FIRST_S if self._unseen else EVERY_S
            await asyncio.sleep(pause_s)

    async def prove(self) -> None:
        """Write now and then that writing works; `status` beside the daemon judges by it."""
        began = time.monotonic()
        if began < self._beat_at:
            return
        self._beat_at = began + BEAT_EVERY_S
        await self._store.write_light(partial(heartbeats.beat, name=WRITER, now=self._clock()))

    async def sweep(self) -> None:
        """Look once at a page of the backlog and at what is due, and ring for what nobody knows."""
        now = self._clock()
        await self._follow_clock(now)
        found = await self._store.read(lambda conn: self._look(conn, now))
        for _, client_id, conversation_id, received_at in found.pending:
            key = (client_id, conversation_id)
            is_fresh = 0 <= now - received_at < FRESH_S
            if self._may_ring(client_id) and not is_fresh and not self._bell.knows(key):
                self._bell.wake(key)
        for _, client_id, conversation_id in found.due:
            if self._may_ring(client_id):
                self._bell.hasten((client_id, conversation_id))
        self._cursor = found.pending[-1][0] if len(found.pending) == PAGE else 0
        self._due_cursor = found.due[-1][0] if len(found.due) == PAGE else due_sends.START
        if not self._cursor:
            self._unseen.discard("pending")
        if self._due_cursor == due_sends.START:
            self._unseen.discard("due")
        if found.depth is not None:
            self._measure(found.depth)

    async def _follow_clock(self, now: float) -> None:
        """Let what waits follow a clock that was set, and owe it until that is done."""
        step_s = self._watch.step(wall=now, monotonic=time.monotonic())
        if step_s:
            told = "clock set forward" if step_s > 0 else "clock set back"
            log.warning(told, extra={"seconds": round(abs(step_s))})
            self._step_s += step_s
        if self._step_s:
            doubt_until = now + self._in_doubt_s
            await self._store.write(partial(follow, step_s=self._step_s, doubt_until=doubt_until))
            self._step_s = 0.0

    def _look(self, conn: Connection, now: float) -> _Found:
        return _Found(
            pending=inbox.pending_after(conn, self._cursor, limit=PAGE),
            due=due_sends.list_due(conn, now=now, after=self._due_cursor, limit=PAGE),
            depth=self._count(conn, now),
        )

    def _count(self, conn: Connection, now: float) -> inbox.Depth | None:
        """Measure the backlog, the rarer the longer it takes: 0.1 s at half a million rows."""
        began = time.monotonic()
        if began < self._count_at:
            return None
        depth = inbox.measure_depth(conn, now=now)
        ended = time.monotonic()
        self._count_at = ended + COUNTING_SHARE * (ended - began)
        return depth

    def _may_ring(self, client_id: int) -> bool:
        client = self._directory.find(client_id)
        has_room = len(self._bell) < BELL_LIMIT or self._bell.count_of(client_id) < CLIENT_SHARE
        # What an inactive client has left is parked, stopped or not.
        may_work = client is not None and not (client.active and client.stopped_code is not None)
        return has_room and may_work

    def _measure(self, depth: inbox.Depth) -> None:
        self._metrics.inbox_pending.set(depth.pending)
        self._metrics.inbox_oldest.set(depth.oldest_s)
        self._metrics.inbox_parked.set(depth.parked)
        everybody = self._directory.all()
        stopped = sum(client.active and client.stopped_code is not None for client in everybody)
        self._metrics.clients_stopped.set(stopped)
