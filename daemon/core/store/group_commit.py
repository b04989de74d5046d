"""The daemon's one writer: many jobs, one transaction, one sync of the disk.

Owns the writer's thread, the readers beside it, and the order of writes. Knows no table, and
leaves connections and transactions to `engine`.
"""

import asyncio
import logging
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, TypeVar

import sqlalchemy as sa

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

INSIST_PAUSE_S = 1.0
"""Between two tries of what must be written in the end."""


class GroupCommit:
    """The daemon's way to a `Database`: many jobs, one transaction, one sync of the disk.

    Start it inside the running loop; `close` commits what is queued, then stops the writer.
    """

    def __init__(self, database: Database) -> None:
        """Take over a database whose schema is up to date."""
        self._database = database
        self._loop = asyncio.get_running_loop()
        self._waiting: queue.SimpleQueue[_Ticket | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-read")
        self._writer = threading.Thread(target=self._work, name="store-write", daemon=True)
        self._closing = False
        self._writer.start()

    async def read(self, job: Job[T]) -> T:
        """Run `job` beside the writer."""
        return await self._loop.run_in_executor(self._readers, self._database.read, job)

    async def write(self, job: Job[T]) -> T:
        """Run `job` with whatever else waits; return once it is on disk.

        Raises:
            StoreOverloaded: at once, when too much is waiting.
            StoreUnavailable: when the database could not be written; nothing of it was.

        """
        if self._closing:
            raise StoreUnavailable("The database is being closed.")
        if self._waiting.qsize() >= QUEUE_LIMIT:
            raise StoreOverloaded
        ticket = _Ticket(job, self._loop.create_future())
        self._waiting.put(ticket)
        result: T = await ticket.future
        return result

    async def insist(self, job: Job[T]) -> T:
        """Write what must not be forgotten: while the database cannot be written, try again."""
        while True:
            try:
                return await self.write(job)
            except StoreUnavailable as down:
                log.warning("store is down", extra={"error": str(down)})
                await asyncio.sleep(INSIST_PAUSE_S)

    async def close(self) -> None:
        """Finish what is queued and stop both threads; the `Database` stays open."""
        self._closing = True
        self._waiting.put(None)
        await self._loop.run_in_executor(None, self._writer.join)
        self._readers.shutdown(wait=True)

    def _work(self) -> None:
        """Be the writer thread: take all that waits, commit it, tell the loop in one call."""
        with closing(Writer(self._database)) as writer:
            self._serve(writer)

    def _serve(self, writer: Writer) -> None:
        while (first := self._waiting.get()) is not None:
            batch = [first]
            closing = False
            while len(batch) < BATCH_LIMIT and not self._waiting.empty():
                following = self._waiting.get()
                if following is None:
                    closing = True
                    break
                batch.append(following)
            self._commit(writer, batch)
            self._loop.call_soon_threadsafe(_resolve, batch)
            if closing:
                return

    def _commit(self, writer: Writer, batch: list["_Ticket"]) -> None:
        """Write all jobs in one transaction; one that fails is left out, and the rest written."""
        done: list[Any] = []

        def run(conn: sa.Connection) -> None:
            done.clear()
            done.extend(ticket.job(conn) for ticket in batch)

        while batch:
            try:
                writer.write(run)
            except Exception as error:  # noqa: BLE001 - each job is told its own fault
                at_fault = batch
                if not isinstance(error, StoreUnavailable) and len(done) < len(batch):
                    at_fault = [batch[len(done)]]
                for ticket in at_fault:
                    ticket.error = error
                batch = [ticket for ticket in batch if ticket.error is None]
            else:
                for ticket, result in zip(batch, done, strict=True):
                    ticket.result = result
                return


class _Ticket:
    """A job on its way to the writer and its answer on the way back."""

    __slots__ = ("error", "future", "job", "result")

    def __init__(self, job: Job[Any], future: asyncio.Future[Any]) -> None:
        self.job = job
        self.future = future
        self.result: Any = None
        self.error: Exception | None = None


def _resolve(batch: list[_Ticket]) -> None:
    for ticket in batch:
        if ticket.future.done():
            continue
        if ticket.error is not None:
            ticket.future.set_exception(ticket.error)
        else:
            ticket.future.set_result(ticket.result)
