"""A conversation with what was written in it, and how its turns stand in the database."""

import sqlalchemy as sa

from daemon.core.meta.wire import Customer
from daemon.core.store.clients import Client
from daemon.core.store.conversations import ensure_conversation
from daemon.core.store.engine import Connection
from daemon.core.store.inbox import NewMessage, insert_messages
from daemon.core.store.schema import conversations, inbox, outbox
from daemon.core.store.schema import turns as turns_table
from daemon.core.turns import Hand
from tests.doubles.store_kit import NOW

CUSTOMER = Customer("ES.1", "34600")


def open_conversation(conn: Connection, client: Client) -> int:
    return ensure_conversation(conn, client_id=client.id, customer=CUSTOMER, now=NOW).id


def write(
    conn: Connection,
    client: Client,
    *wamids: str,
    sent_at: float = NOW,
    state: str = "pending",
) -> int:
    """Keep messages of the one customer; return the conversation's id."""
    number = open_conversation(conn, client)
    insert_messages(
        conn,
        [
            NewMessage(
                wamid=wamid,
                client_id=client.id,
                conversation_id=number,
                type="text",
                text=wamid,
                sent_at=sent_at,
                received_at=NOW,
                state="pending" if state == "pending" else "ignored",
            )
            for wamid in wamids
        ],
    )
    return number


def must(hand: Hand | None) -> Hand:
    assert hand is not None
    return hand


def states(conn: Connection) -> list[tuple[str, str, int]]:
    query = sa.select(inbox.c.wamid, inbox.c.state, inbox.c.attempts).order_by(inbox.c.id)
    return [tuple(row) for row in conn.execute(query)]


def everything(conn: Connection) -> list[list[object]]:
    return [
        [tuple(row) for row in conn.execute(sa.select(table))]
        for table in (inbox, outbox, turns_table, conversations)
    ]
