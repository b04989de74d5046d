"""The daemon's one writer: many jobs, one transaction, one sync of the disk.

Owns the order of writes, where each is run, and the readers beside them. Knows no table, and leaves
connections and transactions to `engine`.

A light job (a few statements that find their rows by an index) runs on the event loop, between a
BEGIN that does not wait and a COMMIT on the writer's thread. On that thread it would have to win
Python's lock back from the loop after each of its statements, which under load takes a hundred
times as long as the statements themselves. Only what many items leave to be written in one
statement goes there with the COMMIT. Any other job runs on the thread as a whole.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from daemon.core.store.engine import READERS, Database, Job, Writer
from daemon.core.store.faults import StoreOverloaded, StoreUnavailable
from daemon.core.store.outage import Outage
from daemon.core.store.tickets import (
    ItemTicket,
    JobTicket,
    Keep,
    Patience,
    RestFailed,
    Ticket,
    put_back,
    run_each,
    run_on_loop,
    take,
    take_together,
    telling,
    without_failed,
)
from daemon.core.store.writer_thread import WriterThread

T = TypeVar("T")
AnyTicket = TypeVar("AnyTicket", bound=Ticket)

QUEUE_LIMIT = 4096
"""Jobs that may wait for the writer; more are refused at once."""

BATCH_LIMIT = 512
"""Jobs that share one commit."""

TOGETHER_LIMIT = 64
"""What items written in one go have for a size together; at some hundredths of a millisecond each
that is the LIGHT_S of `tickets`."""

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
        self._first: deque[ItemTicket] = deque()
        self._light: deque[Ticket] = deque()
        self._heavy: deque[Ticket] = deque()
        self._patience = Patience(self._loop)
        self._rung = asyncio.Event()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-read")
        self._thread = WriterThread("store-write")
        self._closing = False
        self._outage = Outage(self._loop.time)
        self._on_undo: list[Callable[[], None]] = []
        self._serving = self._loop.create_task(self._serve(), name="store-write")

    @property
    def waiting(self) -> int:
        """Count the jobs that wait for the writer."""
        return len(self._first) + len(self._light) + len(self._heavy)

    async def read(self, job: Job[T]) -> T:
        """Run `job` beside the writer.

        Raises:
            StoreUnavailable: when the database cannot be read.

        """
        try:
            return await self._loop.run_in_executor(self._readers, self._database.read, job)
        except StoreUnavailable as down:
            self._note_failure(down)
            raise

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

    async def write_first(self, keep: Keep, item: object, *, size: int = 1, within_s: float) -> Any:
        """Write what somebody outside waits for before all that nobody does.

        The items that wait are given to `keep` in one go, as many as their sizes allow; every
        caller gives the same function, and the same time. Each is told its own result, and one that
        fails harms no other.

        Raises:
            StoreOverloaded: as `write`.
            StoreUnavailable: as `write`, and when it takes too long; it may be written then or not.

        """
        ticket = ItemTicket(keep, item, size, self._loop.create_future())
        try:
            self._line_up(self._first, ticket)
            self._patience.watch(ticket.future, until=self._loop.time() + within_s)
            result = await ticket.future
        except StoreUnavailable as down:
            self._note_failure(down)
            raise
        self._outage.note_success()
        return result

    async def insist(self, job: Job[T]) -> T:
        """Write what must not be forgotten, and is light: while that fails, try again."""
        while True:
            try:
                return await self.write_light(job)
            except StoreUnavailable:
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
        self._thread.end()
        self._readers.shutdown(wait=True)

    async def _put(self, queue: deque[Ticket], job: Job[T]) -> T:
        ticket = JobTicket(job, self._loop.create_future())
        try:
            self._line_up(queue, ticket)
            result: T = await ticket.future
        except StoreUnavailable as down:
            self._note_failure(down)
            raise
        self._outage.note_success()
        return result

    def _note_failure(self, down: StoreUnavailable) -> None:
        if not self._closing:
            self._outage.note_failure(down)

    def _line_up(self, queue: deque[AnyTicket], ticket: AnyTicket) -> None:
        if self._closing:
            raise StoreUnavailable("The database is being closed.")
        if self.waiting >= QUEUE_LIMIT:
            raise StoreOverloaded
        queue.append(ticket)
        self._rung.set()

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
        first = take_together(self._first, TOGETHER_LIMIT)
        light = take(self._light, BATCH_LIMIT)
        with telling([*first, *light]):
            if first or light:
                await self._write_on_loop(first, light)
        put_back(self._first, first)
        put_back(self._light, light)

    async def _write_heavy_ones(self) -> None:
        batch = take(self._heavy, BATCH_LIMIT)
        with telling(batch):
            if batch:
                await self._off_loop(partial(self._write_on_thread, batch), batch)

    async def _write_on_loop(self, first: list[ItemTicket], light: list[Ticket]) -> None:
        together = True
        while first or light:
            is_kept = False
            try:
                is_kept = await self._try_on_loop(first, light, together=together)
            finally:
                if not is_kept:
                    for forget in self._on_undo:
                        forget()
            if is_kept:
                return
            together = False
            first, light = without_failed(first), without_failed(light)

    async def _try_on_loop(
        self, first: list[ItemTicket], light: list[Ticket], *, together: bool
    ) -> bool:
        if not self._writer.begin_at_once():
            await self._off_loop(self._writer.begin)
        finish = run_on_loop(self._writer, first, light, together=together)
        if finish is not None:
            with suppress(RestFailed):
                await self._off_loop(finish, [*first, *light])
                return True
        for ticket in (*first, *light):
            ticket.has_run = False
        await self._off_loop(self._writer.rollback)
        return False

    def _write_on_thread(self, batch: list[Ticket]) -> None:
        while batch:
            self._writer.begin()
            if run_each(self._writer, batch, for_s=math.inf):
                self._writer.commit()
                return
            self._writer.rollback()
            batch = without_failed(batch)

    async def _off_loop(self, call: Callable[[], None], told: Sequence[Ticket] = ()) -> None:
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
            # A loop that is closed has nobody left to tell.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(end, error)

        self._thread.submit(run)
        await over
