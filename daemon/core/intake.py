"""Takes webhook deliveries in: all that arrive together share one commit.

A delivery is kept when `accept` returns. What is for no active client of ours is counted and
dropped before it costs anything.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from daemon.core import sending
from daemon.core.customers import CustomerIndex
from daemon.core.directory import Directory
from daemon.core.meta.wire import (
    Customer,
    CustomerRekey,
    Delivery,
    DeliveryStatus,
    InboundMessage,
    needs_answer,
)
from daemon.core.store import conversations
from daemon.core.store.engine import Connection, StoreOverloaded, StoreUnavailable
from daemon.core.store.group_commit import QUEUE_LIMIT, GroupCommit
from daemon.core.store.inbox import NewMessage, insert_messages


@dataclass(frozen=True, slots=True)
class Ring:
    """A conversation with something to do; `wrote` when its customer has just written."""

    client_id: int
    conversation_id: int
    wrote: bool


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of one delivery: how many messages and statuses were ours, how many not."""

    rings: tuple[Ring, ...] = ()
    messages: int = 0
    statuses: int = 0
    unknown_number: int = 0


@dataclass(frozen=True, slots=True)
class _Owned:
    """The part of a delivery that concerns clients of ours, each item with its client's id."""

    messages: tuple[tuple[int, InboundMessage], ...]
    statuses: tuple[tuple[int, DeliveryStatus], ...]
    rekeys: tuple[tuple[int, CustomerRekey], ...]


_Waiting = tuple[_Owned, asyncio.Future[tuple[Ring, ...]]]


class Intake:
    """The daemon's front door to the store; belongs to one event loop."""

    def __init__(
        self, store: GroupCommit, directory: Directory, *, clock: Callable[[], float]
    ) -> None:
        """Share the daemon's writer and its picture of the clients."""
        self._store = store
        self._directory = directory
        self._clock = clock
        self._index = CustomerIndex()
        self._waiting: deque[_Waiting] = deque()
        self._flushing: asyncio.Task[None] | None = None

    async def accept(self, delivery: Delivery) -> Accepted:
        """Keep a delivery; when this returns it is on disk.

        Raises:
            StoreUnavailable: when it could not be kept; Meta must send it again.

        """
        owned, unknown_number = self._own(delivery)
        rings: tuple[Ring, ...] = ()
        if owned.messages or owned.statuses or owned.rekeys:
            rings = await self._keep(owned)
        return Accepted(rings, len(owned.messages), len(owned.statuses), unknown_number)

    @property
    def is_keeping(self) -> bool:
        """Tell whether a delivery waits to be on disk."""
        return self._flushing is not None and not self._flushing.done()

    async def close(self) -> None:
        """Wait for what is being written."""
        if self._flushing is not None:
            await self._flushing

    def _own(self, delivery: Delivery) -> tuple[_Owned, int]:
        owner = self._directory.active_owner
        messages = [(owner(item.phone_number_id), item) for item in delivery.messages]
        statuses = [(owner(item.phone_number_id), item) for item in delivery.statuses]
        owned = _Owned(
            messages=tuple((client_id, item) for client_id, item in messages if client_id),
            statuses=tuple((client_id, item) for client_id, item in statuses if client_id),
            rekeys=tuple(
                (client_id, item)
                for item in delivery.rekeys
                for client_id in self._rekeyed_clients(item)
            ),
        )
        return owned, len(messages) - len(owned.messages) + len(statuses) - len(owned.statuses)

    def _rekeyed_clients(self, rekey: CustomerRekey) -> tuple[int, ...]:
        if rekey.phone_number_id is None:
            # A user_id belongs to a business portfolio, and several of our numbers may share one.
            return self._directory.active_ids()
        client_id = self._directory.active_owner(rekey.phone_number_id)
        return () if client_id is None else (client_id,)

    async def _keep(self, owned: _Owned) -> tuple[Ring, ...]:
        if len(self._waiting) >= QUEUE_LIMIT:
            raise StoreOverloaded
        future: asyncio.Future[tuple[Ring, ...]] = asyncio.get_running_loop().create_future()
        self._waiting.append((owned, future))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush(), name="intake")
        return await future

    async def _flush(self) -> None:
        """Write all that waits as one job, and again while more has come meanwhile."""
        while self._waiting:
            await self._write(_Batch(self._waiting, self._index, self._clock()))

    async def _write(self, batch: "_Batch") -> None:
        try:
            rings, learnt = await self._store.write(batch.keep)
        except Exception as error:  # noqa: BLE001 - each waiting request answers for itself
            taken = batch.take()
            if len(taken) > 1 and not isinstance(error, StoreUnavailable):
                # One delivery that cannot be kept must not keep its neighbours out.
                for alone in taken:
                    await self._write(_Batch(deque([alone]), self._index, self._clock()))
                return
            for _, future in taken:
                if not future.done():
                    future.set_exception(error)
            return
        self._index.learn(learnt)
        for (_, future), rung in zip(batch.take(), rings, strict=True):
            if not future.done():
                future.set_result(rung)


class _Batch:
    """What one commit keeps: all that waits when the writer comes to it.

    `keep` may run twice: it changes nothing but the database.
    """

    def __init__(self, waiting: deque[_Waiting], index: CustomerIndex, now: float) -> None:
        self._waiting = waiting
        self._taken: list[_Waiting] = []
        self._items: Sequence[_Owned] = ()
        self._index = index
        self._now = now

    def take(self) -> Sequence[_Waiting]:
        """Take what waits, the first time; from then on only say what was taken."""
        if not self._taken:
            # One by one: the loop goes on adding while the writer's thread takes.
            self._taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
            self._items = [owned for owned, _ in self._taken]
        return self._taken

    def keep(self, conn: Connection) -> tuple[list[tuple[Ring, ...]], CustomerIndex]:
        """Write messages in one statement, then statuses; return what to ring for each item."""
        self.take()
        index = CustomerIndex(self._index)
        self._rekey(conn, index)
        self._open_conversations(conn, index)
        insert_messages(
            conn,
            [
                self._row(client_id, message, index)
                for item in self._items
                for client_id, message in item.messages
            ],
        )
        return [self._rings(conn, item, index) for item in self._items], index

    def _rekey(self, conn: Connection, index: CustomerIndex) -> None:
        for item in self._items:
            for client_id, change in item.rekeys:
                old, new = change.old, change.new
                if change.phone_number_id is None:
                    # Sent to a whole portfolio: only who has the old user_id belongs to it.
                    if old.user_id is None:
                        continue
                    old = Customer(user_id=old.user_id, wa_id=None)
                conversations.rekey(conn, client_id=client_id, old=old, new=new, now=self._now)
                index.forget()

    def _open_conversations(self, conn: Connection, index: CustomerIndex) -> None:
        # Before any row is built: joining two conversations removes one of them.
        written = [
            (client_id, message.customer)
            for item in self._items
            for client_id, message in item.messages
        ]
        for client_id, customer in written:
            self._open(conn, index, client_id, customer)
        # Once more for whoever wrote from a number that its owner changed within this very batch.
        for client_id, customer in written:
            if customer.user_id is None:
                self._open(conn, index, client_id, customer)

    def _open(
        self, conn: Connection, index: CustomerIndex, client_id: int, customer: Customer
    ) -> None:
        if index.find(client_id, customer) is not None:
            return
        opened = conversations.ensure_conversation(
            conn, client_id=client_id, customer=customer, now=self._now
        )
        if opened.former_wa_id is not None:
            index.part(client_id, opened.former_wa_id)
        index.put(client_id, customer, opened.id)

    def _row(self, client_id: int, message: InboundMessage, index: CustomerIndex) -> NewMessage:
        return NewMessage(
            wamid=message.wamid,
            client_id=client_id,
            conversation_id=index.get(client_id, message.customer),
            type=message.type,
            text=message.text,
            sent_at=message.sent_at or self._now,
            received_at=self._now,
            state="pending" if needs_answer(message) else "ignored",
        )

    def _rings(self, conn: Connection, item: _Owned, index: CustomerIndex) -> tuple[Ring, ...]:
        wrote = [
            Ring(client_id, index.get(client_id, message.customer), wrote=True)
            for client_id, message in item.messages
            if needs_answer(message)
        ]
        settled = [
            sending.record_status(conn, client_id, replace(status, at=status.at or self._now))
            for client_id, status in item.statuses
        ]
        wrote += [
            Ring(known.client_id, known.conversation_id, wrote=False)
            for known in settled
            if known is not None
        ]
        return tuple(wrote)
