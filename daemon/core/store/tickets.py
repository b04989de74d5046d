"""What waits for the writer: a job, who waits for it, and what has become of it.

Owns how a batch of them is run in one transaction and how each is told its own fate. The order of
batches and where each runs are `group_commit`'s.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from daemon.core.store.engine import Connection, Job, Writer
from daemon.core.store.faults import StoreDamaged, StoreUnavailable

LIGHT_S = 0.004
"""How long the light jobs of one commit may keep the event loop; the rest waits for the next."""

BESIDE_S = 0.0003
"""The same for those that nobody outside waits for, in a commit that somebody does wait for."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of many items: a result for each, and what remains to be written of them.

    The rest is one statement or a few, written with the commit and beside the loop; for an item
    that is tried alone, at once. Light jobs of the same transaction do not see it: whatever they
    find missing is rung for after the commit.
    """

    results: Sequence[Any]
    rest: Job[Any] | None = None


Keep = Callable[[Connection, Sequence[Any]], Kept]
"""Keeps many items at once; a fault of one is a fault of the call."""

OF_ALL = (StoreUnavailable, StoreDamaged)
"""Faults of the database, which befall all that are in the transaction; the connection is gone."""


class RestFailed(Exception):
    """What remained of items that were kept together failed, which does not say whose fault it is.

    Nothing is committed.
    """


class Ticket:
    """What waits on its way to the writer, and its answer on the way back.

    Refers to nothing that refers to it: thousands a second would be left to Python's search for
    circles, which stops the loop for tens of milliseconds.
    """

    __slots__ = ("error", "future", "has_run", "result")

    def __init__(self, future: asyncio.Future[Any]) -> None:
        """Wait."""
        self.future = future
        self.has_run = False
        self.result: Any = None
        self.error: Exception | None = None

    @property
    def is_settled(self) -> bool:
        """Tell whether it was written or has failed; else it waits for the next batch."""
        return self.has_run or self.error is not None

    def run(self, conn: Connection) -> Any:
        """Write it, by itself."""
        raise NotImplementedError

    def resolve(self) -> None:
        """Tell whoever waits, if somebody still does."""
        if self.future.done() or not self.is_settled:
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class JobTicket(Ticket):
    """A job to run."""

    __slots__ = ("_job",)

    def __init__(self, job: Job[Any], future: asyncio.Future[Any]) -> None:
        """Wait."""
        super().__init__(future)
        self._job = job

    def run(self, conn: Connection) -> Any:
        """Do the job."""
        return self._job(conn)


class ItemTicket(Ticket):
    """One item of many, which `keep` writes in one go; `size` tells how much of the go it takes."""

    __slots__ = ("item", "keep", "size")

    def __init__(self, keep: Keep, item: Any, size: int, future: asyncio.Future[Any]) -> None:
        """Wait."""
        super().__init__(future)
        self.keep = keep
        self.item = item
        self.size = size

    def run(self, conn: Connection) -> Any:
        """Keep this item without its neighbours."""
        kept = self.keep(conn, (self.item,))
        if kept.rest is not None:
            kept.rest(conn)
        return kept.results[0]


class Patience:
    """Tells who waits too long, in the order of their coming; their jobs stay in line.

    One timer for all: one for each would cost as much as writing what it is for.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch nobody yet."""
        self._loop = loop
        self._waiting: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, future: asyncio.Future[Any], *, until: float) -> None:
        """Give it until that moment of the loop's clock, not before that of anybody who waits."""
        self._forget_done()
        self._waiting.append((until, future))
        if self._timer is not None and until < self._timer.when():
            # It is for somebody whose time was longer, and who is served by now.
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(until, self._look)

    def _look(self) -> None:
        self._timer = None
        self._forget_done()
        while self._waiting and self._waiting[0][0] <= self._loop.time():
            _, future = self._waiting.popleft()
            if not future.done():
                late = StoreUnavailable("The database did not keep it in time.")
                future.set_exception(late)
        if self._waiting:
            self._timer = self._loop.call_at(self._waiting[0][0], self._look)

    def _forget_done(self) -> None:
        while self._waiting and self._waiting[0][1].done():
            self._waiting.popleft()


def take(queue: deque[Any], limit: int) -> list[Any]:
    """Take the first tickets out of a queue."""
    return [queue.popleft() for _ in range(min(len(queue), limit))]


def take_together(queue: deque[ItemTicket], limit: int) -> list[ItemTicket]:
    """Take the first items out of a queue: until their sizes are `limit`, and one at least."""
    taken: list[ItemTicket] = []
    size = 0
    while queue and size < limit:
        taken.append(queue.popleft())
        size += taken[-1].size
    return taken


def put_back(queue: deque[Any], batch: Sequence[Ticket]) -> None:
    """Let those that were not reached wait again, before all others."""
    queue.extendleft(ticket for ticket in reversed(batch) if not ticket.is_settled)


def without_failed(batch: list[Any]) -> list[Any]:
    """Leave out what has failed by a fault of its own."""
    return [ticket for ticket in batch if ticket.error is None]


@contextmanager
def telling(batch: Sequence[Ticket]) -> Iterator[None]:
    """Tell each its own fate at the end; what befell the transaction befell all that were in it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whoever wrote is told
        for ticket in batch:
            ticket.error = ticket.error or error
    for ticket in batch:
        ticket.resolve()


def run_each(writer: Writer, batch: Sequence[Ticket], *, for_s: float) -> bool:
    """Run a batch in its transaction, as far as the time goes; False when one job has failed."""
    until = time.monotonic() + for_s
    for ticket in batch:
        ticket.has_run = False
    for ticket in batch:
        try:
            ticket.result = writer.run(ticket.run)
        except OF_ALL:
            raise
        except Exception as error:  # noqa: BLE001 - the job is told its own fault
            ticket.error = error
            return False
        ticket.has_run = True
        if time.monotonic() > until:
            break
    return True


def run_on_loop(
    writer: Writer, first: Sequence[ItemTicket], light: Sequence[Ticket], *, together: bool
) -> Callable[[], None] | None:
    """Run both, as far as the time goes; give what ends the transaction, None when one has failed.

    `first` are kept together, or each alone. The end is to be called beside the loop; it raises
    `RestFailed` before anything is committed.
    """
    rest = None
    if together:
        kept = _run_together(writer, first)
        if kept is None:
            return None
        rest = kept.rest
    elif not run_each(writer, first, for_s=LIGHT_S):
        return None
    if not run_each(writer, light, for_s=BESIDE_S if first else LIGHT_S):
        return None
    return partial(_end, writer, rest)


def _end(writer: Writer, rest: Job[Any] | None) -> None:
    if rest is not None:
        try:
            writer.run(rest)
        except OF_ALL:
            raise
        except Exception as error:
            raise RestFailed from error
    writer.commit()


def _run_together(writer: Writer, batch: Sequence[ItemTicket]) -> Kept | None:
    """Run a batch of items in one go; None when that fails, which does not say whose fault it is.

    All are to be kept by the same function.
    """
    if not batch:
        return Kept(())
    keep, items = batch[0].keep, [ticket.item for ticket in batch]
    try:
        kept = writer.run(lambda conn: keep(conn, items))
        for ticket, result in zip(batch, kept.results, strict=True):
            ticket.result, ticket.has_run = result, True
    except OF_ALL:
        raise
    except Exception:  # noqa: BLE001 - each is tried alone then, and told its own fault
        return None
    return kept
