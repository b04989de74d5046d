"""How the service is, read from a real database, two clients deep."""

from typing import Any

import pytest
import sqlalchemy as sa

from daemon.core import clients, sending, status
from daemon.core.clients import stop_client
from daemon.core.inboxes import list_documents
from daemon.core.ownership import owned
from daemon.core.sending import Begun
from daemon.core.status import DaemonState, Setting
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection, Database
from daemon.core.store.schema import inbox
from daemon.core.taking_over import take_over
from tests.doubles.bookkeeping import keep, park_unanswered, settle
from tests.doubles.query_plans import explain
from tests.doubles.reports import RUNNING, TEST, answer_at, read, rows
from tests.doubles.store_kit import NOW

HOUR_S = 3600.0

PAUSES = "COVERING INDEX ix_conversations_paused (client_id=? AND paused_by=? AND paused_until>?)"


def test_an_empty_database(database: Database) -> None:
    """Every key is there before the first client is."""
    found = read(database)
    assert ["version", "time", "daemon", "database", "inbox", "clients", "alerts"] == list(found)
    assert ("1.2", "2026-05-28T20:26:40Z") == (found["version"], found["time"])
    assert {"state": "running", "since": "2026-05-28T20:25:40Z"} == found["daemon"]
    assert {"pending": 0, "oldest_seconds": 0, "parked": 0, "in_doubt": 0} == found["inbox"]
    assert [] == found["clients"]
    assert found["database"]["bytes"] >= database.path.stat().st_size
    assert found["database"]["free_bytes"] > 0


def test_a_client_nobody_has_written_to_yet(database: Database, client_a: Client) -> None:
    """Nought and null, with the keys in the order of the contract."""
    assert [
        {
            "id": client_a.id,
            "name": "A",
            "state": "active",
            "pending": 0,
            "parked": 0,
            "last_message_at": None,
            "last_answer_at": None,
            "answers_24h": 0,
            "unanswered_24h": 0,
            "with_person": 0,
            "asked_to_stop": 0,
        }
    ] == rows(database)
    assert list(rows(database)[0]) == [
        "id",
        "name",
        "state",
        "pending",
        "parked",
        "last_message_at",
        "last_answer_at",
        "answers_24h",
        "unanswered_24h",
        "with_person",
        "asked_to_stop",
    ]


def test_each_client_has_its_own_figures(
    database: Database, client_a: Client, client_b: Client
) -> None:
    """What waits, what is parked, what came last, what was answered: none of the other's."""

    def fill(conn: Connection) -> None:
        answer_at(conn, client_a, "old", NOW - 25 * HOUR_S)
        answer_at(conn, client_a, "today", NOW - 2 * HOUR_S)
        keep(conn, client_a, "waits", customer="34601", now=NOW - 30)
        settle(conn, client_a, keep(conn, client_a, "on its way", customer="34602", now=NOW - 40))
        park_unanswered(conn, client_b, keep(conn, client_b, "parked", now=NOW - 50), "loop")

    database.write(fill)
    a, b = rows(database)
    assert (2, 0, 2, 0) == (a["pending"], a["parked"], a["answers_24h"], a["unanswered_24h"])
    assert (0, 1, 0, 0) == (b["pending"], b["parked"], b["answers_24h"], b["unanswered_24h"])
    assert ("2026-05-28T20:26:00Z", "2026-05-28T20:26:40Z") == (
        a["last_message_at"],
        a["last_answer_at"],
    )
    assert ("2026-05-28T20:25:50Z", None) == (b["last_message_at"], b["last_answer_at"])
    assert {"pending": 2, "oldest_seconds": 40, "parked": 1, "in_doubt": 0} == read(database)[
        "inbox"
    ]


def test_sends_in_doubt_are_counted(database: Database, client_a: Client, client_b: Client) -> None:
    """As many as the inbox shows as `in_doubt`; of a stopped client, which waits, none."""

    def fill(conn: Connection) -> None:
        for client in (client_a, client_b):
            for number in range(2):
                kept = keep(conn, client, f"{client.id}.{number}", customer=f"3460{number}")
                first, _ = settle(conn, client, kept, "one", "two")
                assert Begun.OURS is sending.begin(conn, first)
                sending.doubt(conn, first, error="in_doubt", due_at=NOW + 60)

    def show(client_id: int) -> tuple[int, int]:
        entries = database.read(lambda conn: list_documents(conn, now=NOW, only=client_id))
        shown = sum(one["error"] == "in_doubt" for one in entries if one["state"] == "working")
        return shown, read(database, client_id=client_id)["inbox"]["in_doubt"]

    database.write(fill)
    assert [(2, 2), (2, 2)] == [show(client_a.id), show(client_b.id)]
    assert 4 == read(database)["inbox"]["in_doubt"]
    database.write(lambda conn: stop_client(conn, client_a.id, code=190, access_token="t", now=NOW))
    assert [(0, 0), (2, 2)] == [show(client_a.id), show(client_b.id)]


@pytest.mark.parametrize(
    ("stopped", "active", "state"),
    [
        (False, True, "active"),
        (False, False, "inactive"),
        (True, True, "stopped"),
        (True, False, "inactive"),
    ],
)
def test_how_a_client_is(
    database: Database, client_a: Client, *, stopped: bool, active: bool, state: str
) -> None:
    """Deactivated on purpose comes before stopped by Meta."""

    def change(conn: Connection) -> None:
        if stopped:
            stop_client(conn, client_a.id, code=131031, access_token=None, now=NOW)
        clients.set_active(conn, client_a.id, active=active, now=NOW, actor=TEST)

    database.write(change)
    assert [state] == [row["state"] for row in rows(database)]


def test_who_sees_one_client(database: Database, client_a: Client, client_b: Client) -> None:
    """Its row and its sums; of machine and database nothing."""

    def fill(conn: Connection) -> None:
        keep(conn, client_a, "1", now=NOW - 20)
        keep(conn, client_b, "2", now=NOW - 10)
        park_unanswered(conn, client_a, keep(conn, client_a, "3", customer="34601"), "loop")

    database.write(fill)
    found = read(database, client_id=client_b.id)
    assert {"bytes": None, "free_bytes": None} == found["database"]
    assert {"pending": 1, "oldest_seconds": 10, "parked": 0, "in_doubt": 0} == found["inbox"]
    assert [client_b.id] == [row["id"] for row in found["clients"]]
    assert [] == read(database, client_id=99)["clients"]


def test_a_message_that_needed_no_answer_is_a_message_too(
    database: Database, client_a: Client
) -> None:
    """`last_message_at` tells that the number is alive."""

    def fill(conn: Connection) -> None:
        keep(conn, client_a, "w", now=NOW - 5)
        conn.execute(sa.update(inbox).values(state="ignored"))

    database.write(fill)
    assert ["2026-05-28T20:26:35Z"] == [row["last_message_at"] for row in rows(database)]


def test_every_figure_comes_from_an_index(database: Database, client_a: Client) -> None:
    """At a million rows a client costs what it costs at ten; `top` asks every second."""
    database.write(lambda conn: answer_at(conn, client_a, "w", NOW))
    database.write(lambda conn: keep(conn, client_a, "x"))
    facts: dict[str, Any] = {"daemon": RUNNING, "version": "1", "now": NOW}
    setting = Setting(database.path)
    plan = database.write(
        lambda conn: explain(conn, lambda: status.read_status(conn, setting, **facts))
    )
    of_client = [line.partition(" USING ")[2] for line in plan if "(client_id=?" in line]
    assert [
        *[PAUSES] * 3,
        *["COVERING INDEX ix_turns_client (client_id=? AND id>?)"] * 2,
        *["COVERING INDEX ix_turns_client (client_id=?)"] * 2,
        *["INDEX ix_inbox_answered_client (client_id=?)"] * 2,
        *["INDEX ix_inbox_claim (client_id=?)"] * 2,
        "INDEX ix_inbox_client (client_id=?)",
        "INDEX ix_inbox_parked_client (client_id=?)",
        "INDEX ix_outbox_open (client_id=?)",
        "INDEX ix_turns_client (client_id=?)",
        *["INDEX ix_turns_unanswered (client_id=? AND id>?)"] * 2,
    ] == sorted(of_client)
    whole = {line.split()[1] for line in plan if line.startswith("SCAN")}
    assert {"clients", "sightings", "tokens"} == whole, plan


class TestDaemon:
    def test_one_that_works(self, database: Database) -> None:
        """Seen from beside it, with when it began."""
        with owned(database.path):
            database.write(lambda conn: take_over(conn, now=NOW - 60, in_doubt_s=1))
            found = database.read(lambda conn: status.find_daemon(conn, database.path))
        assert RUNNING == found

    def test_none_that_works(self, database: Database) -> None:
        """It is down, however lately it began."""
        database.write(lambda conn: take_over(conn, now=NOW, in_doubt_s=1))
        found = database.read(lambda conn: status.find_daemon(conn, database.path))
        assert DaemonState(is_running=False, since=None) == found
