"""Messages brought to a chosen state through the daemon's own transactions, with no daemon."""

from dataclasses import dataclass

import sqlalchemy as sa

from daemon.core import sending, turns
from daemon.core.meta.wire import Customer
from daemon.core.sending import Begun
from daemon.core.store.clients import Client
from daemon.core.store.conversations import ensure_conversation
from daemon.core.store.engine import Connection
from daemon.core.store.inbox import NewMessage, insert_messages
from daemon.core.store.outbox import Outgoing
from daemon.core.store.schema import inbox
from daemon.core.turns import Hand
from tests.doubles.store_kit import NOW, answer, take


@dataclass(frozen=True, slots=True)
class Kept:
    """A message that was kept."""

    id: int
    conversation_id: int


def keep(
    conn: Connection, client: Client, wamid: str, *, customer: str = "34600", now: float = NOW
) -> Kept:
    """Keep a message of a customer with this number."""
    conversation = ensure_conversation(
        conn, client_id=client.id, customer=Customer(None, customer), now=now
    )
    row = NewMessage(
        wamid=wamid,
        client_id=client.id,
        conversation_id=conversation.id,
        type="text",
        text=f"text of {wamid}",
        sent_at=now,
        received_at=now,
        state="pending",
    )
    insert_messages(conn, [row])
    found = conn.execute(sa.select(inbox.c.id).where(inbox.c.wamid == wamid)).scalar_one()
    return Kept(found, conversation.id)


def claim(conn: Connection, client: Client, kept: Kept, *, now: float = NOW) -> Hand:
    """Take a conversation that must have something to do."""
    hand = take(conn, client.id, kept.conversation_id, now=now)
    assert hand is not None
    return hand


def settle(
    conn: Connection, client: Client, kept: Kept, *parts: str, now: float = NOW
) -> tuple[Outgoing, ...]:
    """Answer what waits in a conversation, and send nothing yet."""
    hand = claim(conn, client, kept, now=now)
    rows = answer(conn, hand, *parts, now=now)
    turns.release(conn, hand)
    return rows


def send(conn: Connection, row: Outgoing, *, now: float = NOW) -> None:
    """Let Meta take one message."""
    assert Begun.OURS is sending.begin(conn, row)
    sending.accepted(conn, row, wamid=f"wamid.out{row.seq}", now=now)


def park_unanswered(conn: Connection, client: Client, kept: Kept, error: str) -> None:
    """Park a conversation's messages before they had an answer."""
    turns.park(conn, claim(conn, client, kept), error, now=NOW)


def park_unsent(conn: Connection, client: Client, kept: Kept, error: str) -> None:
    """Answer, then park the answer because Meta does not take it."""
    first, *_ = settle(conn, client, kept)
    assert Begun.OURS is sending.begin(conn, first)
    sending.give_up(conn, first, error=error)
