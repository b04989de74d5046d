"""The daemon's one writer: many jobs, one transaction, one sync of the disk.

Owns the order of writes, where each is run, and the readers beside them. Knows no table, and leaves
connections and transactions to `engine`.

A light job (a few statements that find their rows by an index) runs on the event loop, between a
BEGIN that does not wait and a COMMIT on the writer's thread. On that thread it would have to win
Python's lock back from the loop after each of its statements, which under load takes a hundred
times as long as the statements themselves. Any other job runs on the thread as a whole.
"""

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from daemon.core.store.engine import (
    READERS,
    Database,
    Job,
    StoreOverloaded,
    StoreUnavailable,
    Writer,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

QUEUE_LIMIT = 4096
"""Jobs that may wait for the writer; more are refused at once."""

BATCH_LIMIT = 512
"""Jobs that share one commit."""

LIGHT_S = 0.004
"""How long the light jobs of one commit may keep the event loop; the rest waits for the next."""

BESIDE_S = 0.0003
"""The same for those that nobody outside waits for, in a commit that somebody does wait for."""

INSIST_PAUSE_S = 1.0
"""Between two tries of what must be written in the end."""


class GroupCommit:
    """The daemon's way to a `Database`: many jobs, one transaction, one sync of the disk.

    Start it inside the running loop; `close` commits what is queued, then stops the writer.
    """

    def __init__(self, database: Database) -> None:
        """Take over a database whose schema is up to date."""
        self._database = database
        self._writer = Writer(database)
        self._loop = asyncio.get_running_loop()
        self._first: deque[_Ticket] = deque()
        self._light: deque[_Ticket] = deque()
        self._heavy: deque[_Ticket] = deque()
        self._rung = asyncio.Event()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-read")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-write")
        self._closing = False
        self._on_undo: list[Callable[[], None]] = []
        self._serving = self._loop.create_task(self._serve(), name="store-write")

    async def read(self, job: Job[T]) -> T:
        """Run `job` beside the writer."""
        return await self._loop.run_in_executor(self._readers, self._database.read, job)

    async def write(self, job: Job[T]) -> T:
        """Run `job` with whatever else waits, off the loop; return once it is on disk.

        Raises:
            StoreOverloaded: at once, when too much is waiting.
            StoreUnavailable: when the database could not be written; nothing of it was.

        """
        return await self._put(self._heavy, job)

    async def write_light(self, job: Job[T]) -> T:
        """Run a light `job` on the loop with whatever else waits; return once it is on disk.

        Raises:
            StoreOverloaded, StoreUnavailable: as `write`.

        """
        return await self._put(self._light, job)

    async def write_first(self, job: Job[T]) -> T:
        """Run a light `job` that somebody outside waits for: before those that nobody does.

        Raises:
            StoreOverloaded, StoreUnavailable: as `write`.

        """
        return await self._put(self._first, job)

    async def insist(self, job: Job[T]) -> T:
        """Write what must not be forgotten, and is light: while that fails, try again."""
        while True:
            try:
                return await self.write_light(job)
            except StoreUnavailable as down:
                log.warning("store is down", extra={"error": str(down)})
                await asyncio.sleep(INSIST_PAUSE_S)

    def on_undo(self, forget: Callable[[], None]) -> None:
        """Call `forget` when a transaction of light jobs comes to nothing, before the next."""
        self._on_undo.append(forget)

    async def close(self) -> None:
        """Finish what is queued and stop the threads; the `Database` stays open."""
        self._closing = True
        self._rung.set()
        await self._serving
        await self._off_loop(self._writer.close)
        self._thread.shutdown(wait=True)
        self._readers.shutdown(wait=True)

    async def _put(self, queue: deque["_Ticket"], job: Job[T]) -> T:
        if self._closing:
            raise StoreUnavailable("The database is being closed.")
        if len(self._first) + len(self._light) + len(self._heavy) >= QUEUE_LIMIT:
            raise StoreOverloaded
        ticket = _Ticket(job, self._loop.create_future())
        queue.append(ticket)
        self._rung.set()
        result: T = await ticket.future
        return result

    async def _serve(self) -> None:
        """Write what waits, light and other jobs in turn, until closed and all is done."""
        while True:
            while self._first or self._light or self._heavy:
                await self._write_light_ones()
                await self._write_heavy_ones()
            if self._closing:
                return
            self._rung.clear()
            await self._rung.wait()

    async def _write_light_ones(self) -> None:
        first, light = _take(self._first), _take(self._light)
        with _telling(first + light):
            if first or light:
                await self._write_on_loop(first, light)
        _put_back(self._first, first)
        _put_back(self._light, light)

    async def _write_heavy_ones(self) -> None:
        batch = _take(self._heavy)
        with _telling(batch):
            if batch:
                await self._off_loop(partial(self._write_on_thread, batch), batch)

    async def _write_on_loop(self, first: list["_Ticket"], light: list["_Ticket"]) -> None:
        while first or light:
            is_kept = False
            try:
                is_kept = await self._try_on_loop(first, light)
            finally:
                if not is_kept:
                    for forget in self._on_undo:
                        forget()
            if is_kept:
                return
            first, light = _without_failed(first), _without_failed(light)

    async def _try_on_loop(self, first: list["_Ticket"], light: list["_Ticket"]) -> bool:
        if not self._writer.begin_at_once():
            await self._off_loop(self._writer.begin)
        if _run(self._writer, first, for_s=LIGHT_S) and _run(
            self._writer, light, for_s=BESIDE_S if first else LIGHT_S
        ):
            await self._off_loop(self._writer.commit, first + light)
            return True
        for ticket in first + light:
            ticket.has_run = False
        await self._off_loop(self._writer.rollback)
        return False

    def _write_on_thread(self, batch: list["_Ticket"]) -> None:
        while batch:
            self._writer.begin()
            if _run(self._writer, batch, for_s=math.inf):
                self._writer.commit()
                return
            self._writer.rollback()
            batch = _without_failed(batch)

    async def _off_loop(self, call: Callable[[], None], told: Sequence["_Ticket"] = ()) -> None:
        """Run `call` on the writer's thread; once it is done `told` hear what became of them.

        From the very callback that comes back to the loop: each pass of a busy loop that an
        acknowledgement waits for is a millisecond or two.
        """
        over = self._loop.create_future()

        def end(error: Exception | None) -> None:
            if error is not None:
                over.set_exception(error)
                return
            for ticket in told:
                ticket.resolve()
            over.set_result(None)

        def run() -> None:
            error = None
            try:
                call()
            except Exception as failed:  # noqa: BLE001 - raised where it is awaited
                error = failed
            self._loop.call_soon_threadsafe(end, error)

        self._thread.submit(run)
        await over


class _Ticket:
    """A job on its way to the writer and its answer on the way back."""

    __slots__ = ("error", "future", "has_run", "job", "result")

    def __init__(self, job: Job[Any], future: asyncio.Future[Any]) -> None:
        self.job = job
        self.future = future
        self.has_run = False
        self.result: Any = None
        self.error: Exception | None = None

    @property
    def is_settled(self) -> bool:
        """Tell whether the job was written or has failed; else it waits for the next batch."""
        return self.has_run or self.error is not None

    def resolve(self) -> None:
        """Tell whoever waits, if somebody still does."""
        if self.future.done() or not self.is_settled:
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


def _take(queue: deque[_Ticket]) -> list[_Ticket]:
    return [queue.popleft() for _ in range(min(len(queue), BATCH_LIMIT))]


def _put_back(queue: deque[_Ticket], batch: list[_Ticket]) -> None:
    queue.extendleft(ticket for ticket in reversed(batch) if not ticket.is_settled)


def _without_failed(batch: list[_Ticket]) -> list[_Ticket]:
    return [ticket for ticket in batch if ticket.error is None]


@contextmanager
def _telling(batch: list[_Ticket]) -> Iterator[None]:
    """Tell each job its own fate; what befell the transaction befell all that were in it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whoever wrote is told
        for ticket in batch:
            ticket.error = ticket.error or error
    for ticket in batch:
        ticket.resolve()


def _run(writer: Writer, batch: list[_Ticket], *, for_s: float) -> bool:
    """Run a batch in its transaction, as far as the time goes; False when one job has failed."""
    until = time.monotonic() + for_s
    for ticket in batch:
        ticket.has_run = False
    for ticket in batch:
        try:
            ticket.result = writer.run(ticket.job)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - the job is told its own fault
            ticket.error = error
            return False
        ticket.has_run = True
        if time.monotonic() > until:
            break
    return True
