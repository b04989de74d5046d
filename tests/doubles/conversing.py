"""Customers by their ids, and their conversations as they stand in the database."""

import sqlalchemy as sa

from daemon.core.meta.wire import Customer
from daemon.core.store import conversations as store
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection, Database
from daemon.core.store.schema import conversations, inbox
from tests.doubles.store_kit import NOW

USER = Customer("ES.1", None)
PHONE = Customer(None, "34600")
BOTH = Customer("ES.1", "34600")


def ensure(conn: Connection, client: Client, customer: Customer) -> int:
    return store.ensure_conversation(conn, client_id=client.id, customer=customer, now=NOW).id


def rekey(conn: Connection, client: Client, old: Customer, new: Customer) -> None:
    store.rekey(conn, client_id=client.id, old=old, new=new, now=NOW)


def write(conn: Connection, client: Client, conversation_id: int, wamid: str) -> None:
    conn.execute(
        sa.insert(inbox).values(
            wamid=wamid,
            client_id=client.id,
            conversation_id=conversation_id,
            type="text",
            text=wamid,
            sent_at=NOW,
            received_at=NOW,
            state="pending",
            attempts=0,
        )
    )


def rows(database: Database) -> dict[int, tuple[int, str | None, str | None]]:
    """Every conversation: id to client, user_id, wa_id."""

    def read(conn: Connection) -> dict[int, tuple[int, str | None, str | None]]:
        table = conversations.c
        found = conn.execute(sa.select(table.id, table.client_id, table.user_id, table.wa_id))
        return {row.id: (row.client_id, row.user_id, row.wa_id) for row in found}

    return database.read(read)
