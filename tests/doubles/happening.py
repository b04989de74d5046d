"""Events as a reader of reports asks for them."""

from typing import Any

from daemon.core import events, sending
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection, Database
from tests.doubles.store_kit import NOW, told

LATER = 4_000_000_000.0
"""After the real clock, which the database itself notes for what is parked."""


def read(database: Database, after: str | None, **given: Any) -> dict[str, Any]:
    wanted: dict[str, Any] = {"limit": 100, "now": LATER}
    return database.read(lambda conn: events.read_events(conn, after=after, **(wanted | given)))


def start(database: Database) -> str:
    found = read(database, None)
    assert [] == found["events"]
    return str(found["cursor"])


def kinds(found: dict[str, Any]) -> list[str]:
    return [event["kind"] for event in found["events"]]


def tell(conn: Connection, client: Client, status: str, seq: int, **fields: Any) -> None:
    sending.record_status(
        conn, client.id, told(status, wamid=f"wamid.out{seq}", **({"at": NOW + 10} | fields))
    )
