"""The audit trail tells who did what from where, of each client apart, from a real database."""

from typing import Any

from daemon.core import clients, trail
from daemon.core.store.audit import Actor
from daemon.core.store.clients import Client
from daemon.core.store.engine import Database
from tests.doubles.reports import TEST
from tests.doubles.store_kit import NOW


def read(database: Database, **given: Any) -> list[dict[str, Any]]:
    wanted: dict[str, Any] = {"client_id": None, "limit": 50}
    return database.read(lambda conn: trail.list_audit(conn, **(wanted | given)))


def test_nobody_has_done_anything(database: Database) -> None:
    """An empty trail."""
    assert [] == read(database)


def test_who_did_what_from_where(database: Database, client_a: Client, client_b: Client) -> None:
    """The fields before and after, oldest first; of one client, none of the other's."""
    operator = Actor("token:ana", origin="203.0.113.7")
    database.write(
        lambda conn: clients.set_active(
            conn, client_a.id, active=False, now=NOW + 5, actor=operator
        )
    )
    *_, last = read(database)
    assert {
        "id": 3,
        "at": "2026-05-28T20:26:45Z",
        "actor": "token:ana",
        "origin": "203.0.113.7",
        "action": "client.update",
        "client_id": client_a.id,
        "before": {"active": True},
        "after": {"active": False},
    } == last
    assert list(last) == [
        "id",
        "at",
        "actor",
        "origin",
        "action",
        "client_id",
        "before",
        "after",
    ]
    assert [1, 2, 3] == [entry["id"] for entry in read(database)]
    assert [2, 3] == [entry["id"] for entry in read(database, limit=2)]
    (other,) = read(database, client_id=client_b.id)
    assert ("test", "local", None) == (other["actor"], other["origin"], other["before"])
    assert [1, 3] == [entry["id"] for entry in read(database, client_id=client_a.id)]
    assert TEST.name == other["actor"]
