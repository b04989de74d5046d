"""Takes webhook deliveries in: all that arrive together share one commit.

A delivery is kept when `accept` returns. What is for no active client of ours is counted and
dropped before it costs anything.
"""

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
from daemon.core.store.engine import Connection
from daemon.core.store.group_commit import GroupCommit
from daemon.core.store.inbox import ConversationGone, NewMessage, insert_messages

ACK_BUDGET_S = 5.0
"""Seconds a delivery may wait for the disk; Meta sends again whatever we could not keep."""


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
        self._keeping = 0
        store.on_undo(self._index.forget)

    async def accept(self, delivery: Delivery) -> Accepted:
        """Keep a delivery; when this returns it is on disk.

        Raises:
            StoreUnavailable: when it could not be kept; Meta must send it again.

        """
        owned, unknown_number = self._own(delivery)
        rings: tuple[Ring, ...] = ()
        if owned.messages or owned.statuses or owned.rekeys:
            rings = await self._keep(_Delivered(owned, self._index, self._clock()))
        return Accepted(rings, len(owned.messages), len(owned.statuses), unknown_number)

    @property
    def is_keeping(self) -> bool:
        """Tell whether a delivery waits to be on disk."""
        return self._keeping > 0

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

    async def _keep(self, delivered: "_Delivered") -> tuple[Ring, ...]:
        self._keeping += 1
        try:
            try:
                return await self._write(delivered)
            except ConversationGone:
                # Erased a moment ago; what was remembered of it went with the failed transaction.
                return await self._write(delivered)
        finally:
            self._keeping -= 1

    async def _write(self, delivered: "_Delivered") -> tuple[Ring, ...]:
        rings: tuple[Ring, ...] = await self._store.write_first(
            _keep_all, delivered, within_s=ACK_BUDGET_S
        )
        return rings


class _Delivered:
    """One delivery to keep, perhaps in a second try: it changes nothing but the database."""

    def __init__(self, owned: _Owned, index: CustomerIndex, now: float) -> None:
        self._owned = owned
        self._index = index
        self._now = now

    def find_conversations(self) -> list[int] | None:
        """Find the conversation of each message; None when one of them may have to change first."""
        if self._owned.rekeys:
            return None
        find = self._index.find
        found = [find(client_id, message.customer) for client_id, message in self._owned.messages]
        known = [conversation for conversation in found if conversation is not None]
        return known if len(known) == len(found) else None

    def settle_conversations(self, conn: Connection) -> list[int]:
        """Open the conversations of who is new, hear who has changed; give each message's."""
        self._index.make_room()
        self._rekey(conn)
        self._open_conversations(conn)
        get = self._index.get
        return [get(client_id, message.customer) for client_id, message in self._owned.messages]

    def rows(self, within: Sequence[int]) -> list[NewMessage]:
        """Write each message as a row of its conversation."""
        return [
            self._row(client_id, conversation_id, message)
            for (client_id, message), conversation_id in zip(
                self._owned.messages, within, strict=True
            )
        ]

    def note_statuses(self, conn: Connection) -> list[Ring]:
        """Note what became of our messages; give those to ring for."""
        settled = [
            sending.record_status(conn, client_id, replace(status, at=status.at or self._now))
            for client_id, status in self._owned.statuses
        ]
        return [
            Ring(known.client_id, known.conversation_id, wrote=False)
            for known in settled
            if known is not None
        ]

    def _rekey(self, conn: Connection) -> None:
        for client_id, change in self._owned.rekeys:
            old, new = change.old, change.new
            if change.phone_number_id is None:
                # Sent to a whole portfolio: only who has the old user_id belongs to it.
                if old.user_id is None:
                    continue
                old = Customer(user_id=old.user_id, wa_id=None)
            conversations.rekey(conn, client_id=client_id, old=old, new=new, now=self._now)
            self._index.forget()

    def _open_conversations(self, conn: Connection) -> None:
        # Before any row is built: joining two conversations removes one of them.
        written = [(client_id, message.customer) for client_id, message in self._owned.messages]
        for client_id, customer in written:
            self._open(conn, client_id, customer)
        # Once more for whoever wrote from a number that its owner changed in this very delivery.
        for client_id, customer in written:
            if customer.user_id is None:
                self._open(conn, client_id, customer)

    def _open(self, conn: Connection, client_id: int, customer: Customer) -> None:
        if self._index.find(client_id, customer) is not None:
            return
        opened = conversations.ensure_conversation(
            conn, client_id=client_id, customer=customer, now=self._now
        )
        if opened.former_wa_id is not None:
            self._index.part(client_id, opened.former_wa_id)
        self._index.put(client_id, customer, opened.id)

    def _row(self, client_id: int, conversation_id: int, message: InboundMessage) -> NewMessage:
        return NewMessage(
            wamid=message.wamid,
            client_id=client_id,
            conversation_id=conversation_id,
            type=message.type,
            text=message.text,
            sent_at=message.sent_at or self._now,
            received_at=self._now,
            state="pending" if needs_answer(message) else "ignored",
        )


def _keep_all(conn: Connection, deliveries: Sequence[_Delivered]) -> list[tuple[Ring, ...]]:
    """Keep deliveries in their order, the messages of as many as possible in one statement."""
    rings: list[tuple[Ring, ...]] = []
    rows: list[NewMessage] = []
    for delivered in deliveries:
        within = delivered.find_conversations()
        if within is None:
            # It may join two of them: what is written to either must be there by then.
            insert_messages(conn, rows)
            rows = []
            within = delivered.settle_conversations(conn)
        written = delivered.rows(within)
        rows += written
        wrote = [
            Ring(row.client_id, row.conversation_id, wrote=True)
            for row in written
            if row.state == "pending"
        ]
        rings.append((*wrote, *delivered.note_statuses(conn)))
    insert_messages(conn, rows)
    return rings
