"""What a webhook delivery becomes in the store: conversations, rows of the inbox, noted statuses.

Owns the order of these within one transaction, and whom to ring for afterwards. Which part of a
delivery is ours, and when it is written, are `intake`'s.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from daemon.core import handovers, sending
from daemon.core.customers import CustomerIndex
from daemon.core.meta.wire import (
    Customer,
    CustomerRekey,
    DeliveryStatus,
    Echo,
    InboundMessage,
    needs_answer,
)
from daemon.core.store import conversations
from daemon.core.store.engine import Connection
from daemon.core.store.inbox import NewMessage, insert_messages
from daemon.core.store.tickets import Kept

MANY = 8
"""Messages that are worth a way to the thread: a loop that is busy lets it wait for Python's lock
half a millisecond and more, and writes a message itself in a thirtieth of one."""


@dataclass(frozen=True, slots=True)
class Ring:
    """A conversation with something to do; `wrote` when its customer has just written."""

    client_id: int
    conversation_id: int
    wrote: bool


@dataclass(frozen=True, slots=True)
class Owned:
    """The part of a delivery that concerns clients of ours, each item with its client's id.

    A change of a customer's ids that was told to a whole portfolio has None for a client.
    """

    messages: tuple[tuple[int, InboundMessage], ...] = ()
    statuses: tuple[tuple[int, DeliveryStatus], ...] = ()
    rekeys: tuple[tuple[int | None, CustomerRekey], ...] = ()
    echoes: tuple[tuple[int, Echo], ...] = ()

    @property
    def size(self) -> int:
        """Count its items."""
        return len(self.messages) + len(self.statuses) + len(self.rekeys) + len(self.echoes)

    def split(self, limit: int) -> Iterator["Owned"]:
        """Give it in parts of at most `limit` items, in the order in which they must be kept."""
        if self.size <= limit:
            yield self
            return
        for start in range(0, len(self.rekeys), limit):
            yield Owned(rekeys=self.rekeys[start : start + limit])
        for start in range(0, len(self.echoes), limit):
            yield Owned(echoes=self.echoes[start : start + limit])
        for start in range(0, len(self.messages), limit):
            yield Owned(messages=self.messages[start : start + limit])
        for start in range(0, len(self.statuses), limit):
            yield Owned(statuses=self.statuses[start : start + limit])


class Delivered:
    """What is ours of a delivery, to be kept, perhaps in a second try.

    It changes nothing but the database.
    """

    def __init__(
        self, owned: Owned, index: CustomerIndex, now: float, *, person_s: float = 0.0
    ) -> None:
        """Take what came in at `now`, in seconds since the epoch.

        `person_s`: for how long a conversation is its owner's after a message of theirs.
        """
        self._owned = owned
        # An old one changes nothing, and would open the conversation of whoever it went to.
        self._echoes = [
            (client_id, echo)
            for client_id, echo in owned.echoes
            if (echo.sent_at or now) + person_s > now
        ]
        self._person_s = person_s
        self._index = index
        self._now = now

    def find_conversations(self) -> list[int] | None:
        """Find the conversation of each message; None when one of them may have to change first."""
        if self._owned.rekeys or self._echoes:
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
        self._heed_echoes(conn)
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
        for told_to, change in self._owned.rekeys:
            if told_to is not None:
                self._rekey_one(conn, told_to, change.old, change.new)
                continue
            # Only who has the old user_id belongs to the portfolio; a number may be anybody's.
            old = Customer(user_id=change.old.user_id, wa_id=None)
            for client_id in conversations.clients_knowing(conn, old.key):
                self._rekey_one(conn, client_id, old, change.new)

    def _rekey_one(self, conn: Connection, client_id: int, old: Customer, new: Customer) -> None:
        conversations.rekey(conn, client_id=client_id, old=old, new=new, now=self._now)
        self._index.forget()

    def _heed_echoes(self, conn: Connection) -> None:
        for client_id, echo in self._echoes:
            handovers.heed_echo(
                conn,
                echo,
                client_id=client_id,
                conversation_id=self._index.get(client_id, echo.customer),
                person_s=self._person_s,
                now=self._now,
            )

    def _open_conversations(self, conn: Connection) -> None:
        # Before any row is built: joining two conversations removes one of them.
        written = [(client_id, echo.customer) for client_id, echo in self._echoes]
        written += [(client_id, message.customer) for client_id, message in self._owned.messages]
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


def keep_all(conn: Connection, deliveries: Sequence[Delivered]) -> Kept:
    """Keep deliveries in their order; give the rings for each.

    The messages of as many as possible are one statement, which remains to be run if they are many.
    """
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
    if len(rows) >= MANY:
        return Kept(rings, partial(insert_messages, messages=rows))
    insert_messages(conn, rows)
    return Kept(rings)
