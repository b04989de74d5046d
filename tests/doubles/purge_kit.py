"""Messages that are old enough to be purged, and the purge."""

from typing import Any

import pytest
import sqlalchemy as sa

from daemon.core import inboxes
from daemon.core.meta.wire import Customer
from daemon.core.retention import DAY_S
from daemon.core.store import clients
from daemon.core.store.audit import Actor
from daemon.core.store.clients import Client
from daemon.core.store.conversations import ensure_conversation
from daemon.core.store.engine import Connection
from daemon.core.store.inbox import NewMessage, insert_messages
from daemon.work import purger
from tests.doubles.bookkeeping import keep, park_unanswered, park_unsent, send, settle
from tests.doubles.store_kit import NOW
from tests.doubles.workbench import Bench

OLD = NOW
"""When the messages of these tests were written."""


def furnish(conn: Connection) -> None:
    """Keep one message in every state, of two clients, all equally old."""
    plaza, sol, _ = clients.list_clients(conn)
    for client in (plaza, sol):
        name = f"{client.id}"
        for row in settle(conn, client, keep(conn, client, f"done{name}", customer="34601")):
            send(conn, row)
        settle(conn, client, keep(conn, client, f"answered{name}", customer="34602"))
        keep(conn, client, f"pending{name}", customer="34603")
        park_unanswered(conn, client, keep(conn, client, f"crashed{name}", customer="34604"), "x")
        park_unsent(conn, client, keep(conn, client, f"unsent{name}", customer="34605"), "131026")
        dropped = keep(conn, client, f"dropped{name}", customer="34606")
        inboxes.drop(conn, dropped.id, now=OLD, actor=Actor("test"))


async def purge(bench: Bench, *, after_days: float) -> dict[str, int]:
    """Let the time pass, and purge without a rest between the transactions."""
    bench.clock.now = OLD + after_days * DAY_S
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(purger, "PAUSE_S", 0)
        patch.setattr(purger, "SHARE", 0)
        return await purger.Purger(bench.runtime, bench.metrics).purge()


async def read(bench: Bench, query: sa.Select[Any]) -> list[tuple[Any, ...]]:
    return await bench.runtime.store.read(lambda conn: [tuple(row) for row in conn.execute(query)])


def write_many(conn: Connection, count: int) -> None:
    """Keep messages that needed no answer, each of a customer of its own."""
    plaza: Client = clients.list_clients(conn)[0]
    rows = []
    for number in range(count):
        opened = ensure_conversation(
            conn, client_id=plaza.id, customer=Customer(None, f"34{number:09d}"), now=OLD
        )
        rows.append(
            NewMessage(f"m{number}", plaza.id, opened.id, "text", "hola", OLD, OLD, "ignored")
        )
    insert_messages(conn, rows)
