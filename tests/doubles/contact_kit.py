"""Two people who write to the same clients, and what is done with the data of one of them."""

from typing import Any

from daemon.core import contacts
from daemon.core.store.audit import Actor
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection, Database
from tests.doubles.bookkeeping import keep, park_unsent, send, settle
from tests.doubles.store_kit import NOW

ANA = "34600555111"
BEA = "34600555222"
TESTER = Actor("test")


def furnish(conn: Connection, *clients: Client) -> None:
    """Let Ana and Bea write twice to each client: one answer is sent, the other parked."""
    for client in clients:
        for customer in (BEA, ANA):
            name = f"{customer}at{client.id}"
            for row in settle(conn, client, keep(conn, client, name, customer=customer)):
                send(conn, row)
            parked = keep(conn, client, f"{name}parked", customer=customer)
            park_unsent(conn, client, parked, "131026")


def export(database: Database, client_id: int, customer: str) -> dict[str, Any]:
    return database.read(
        lambda conn: contacts.export_contact(conn, client_id=client_id, customer=customer, now=NOW)
    )


def erase(database: Database, client_id: int, customer: str) -> dict[str, Any]:
    return database.write(
        lambda conn: contacts.erase_contact(
            conn, client_id=client_id, customer=customer, receipt="er_1", now=NOW, actor=TESTER
        )
    )
