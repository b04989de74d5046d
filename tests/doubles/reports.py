"""What tests of reports share: a second client that shares nothing, answers, and the status."""

from dataclasses import fields
from typing import Any

from daemon.core import status
from daemon.core.status import DaemonState, Setting
from daemon.core.store.audit import Actor
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection, Database
from tests.doubles.bookkeeping import keep, send, settle
from tests.doubles.store_kit import NOW, NUMBER_B, onboard

RUNNING = DaemonState(is_running=True, since=NOW - 60)
TEST = Actor("test")


def onboard_other(database: Database) -> Client:
    """Add a client B, with a phone number of its own."""
    fields = {"name": "B", "phone_number": "+34666777889", "phone_number_id": NUMBER_B}
    return database.write(lambda conn: onboard(conn, **fields))


def answer_at(
    conn: Connection, client: Client, wamid: str, at: float, *, customer: str = "34600"
) -> None:
    """Let a customer write, answer, and let Meta take it, all at one moment."""
    kept = keep(conn, client, wamid, customer=customer, now=at)
    for part in settle(conn, client, kept, now=at):
        send(conn, part, now=at)


def read(database: Database, **given: Any) -> dict[str, Any]:
    """Read the status, with a daemon that runs unless told otherwise."""
    facts: dict[str, Any] = {"daemon": RUNNING, "version": "1.2", "now": NOW}
    of_setting = {one.name for one in fields(Setting)}
    setting = {name: given.pop(name) for name in of_setting & given.keys()}
    where = Setting(**({"database": database.path} | setting))
    return database.read(lambda conn: status.read_status(conn, where, **(facts | given)))


def rows(database: Database, **given: Any) -> list[dict[str, Any]]:
    """Read the clients of the status."""
    found: list[dict[str, Any]] = read(database, **given)["clients"]
    return found


def alerts(database: Database, **given: Any) -> list[str]:
    """Read the texts of the alerts."""
    return [alert["text"] for alert in read(database, **given)["alerts"]]
