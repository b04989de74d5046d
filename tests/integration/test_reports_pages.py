"""Pages of events: none lost and none doubled, whatever their size, and no cursor of another's."""

import base64
import itertools
from typing import Any

import pytest
import sqlalchemy as sa

from daemon.core import events
from daemon.core.errors import Invalid
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection, Database
from daemon.core.store.schema import happenings
from tests.doubles.bookkeeping import keep, park_unanswered
from tests.doubles.happening import read, start, tell
from tests.doubles.query_plans import explain
from tests.doubles.reports import answer_at, onboard_other
from tests.doubles.store_kit import NOW


@pytest.fixture
def client_b(database: Database, client_a: Client) -> Client:
    """Add another client, of whom the first must see nothing."""
    added = onboard_other(database)
    assert client_a.id < added.id
    return added


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("only", [None, 1, 2])
def test_pages_while_the_daemon_writes(
    database: Database, client_a: Client, client_b: Client, limit: int, only: int | None
) -> None:
    """Read to the end after each write or seldom: the same events, each once."""
    cursor = first = start(database)
    seen: list[dict[str, Any]] = []
    places = itertools.count(1)

    def happen(conn: Connection, client: Client, number: int) -> None:
        seq = next(places)
        answer_at(conn, client, f"w{number}", NOW + number, customer=f"{number % 3}")
        tell(conn, client, "delivered", seq, at=NOW + number - 5)
        if number % 4 == 0:
            tell(conn, client, "read", seq, at=NOW)
            park_unanswered(conn, client, keep(conn, client, f"p{number}", customer="9"), "loop")

    for number in range(12):
        client = (client_a, client_b)[number % 2]
        database.write(lambda conn, c=client, n=number: happen(conn, c, n))  # type: ignore[misc]
        if number % 3:
            page = read(database, cursor, limit=limit, client_id=only)
            assert len(page["events"]) <= limit
            seen, cursor = seen + page["events"], page["cursor"]
    while (page := read(database, cursor, limit=limit, client_id=only))["events"]:
        seen, cursor = seen + page["events"], page["cursor"]
    whole = read(database, first, limit=1000, client_id=only)["events"]
    expected = {None: 12 * 4 + 3 * 3, 1: 6 * 4 + 3 * 3, 2: 6 * 4}
    assert expected[only] == len(whole)
    assert sorted(map(repr, whole)) == sorted(map(repr, seen))
    assert only is None or {only} == {event["client_id"] for event in seen}


def test_what_is_another_clients_is_behind_the_reader(
    database: Database, client_a: Client, client_b: Client
) -> None:
    """Rows that were looked at in vain are not looked at again."""
    cursor = start(database)
    database.write(lambda conn: answer_at(conn, client_a, "w", NOW))
    assert start(database) == read(database, cursor, client_id=client_b.id)["cursor"]
    assert cursor != start(database)


class TestBadCursors:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "1.0.0.0",
            "1.0.0.0.0.0",
            "2.0.0.0.0",
            "1.0.0.0.x",
            "1.0.0.0.-1",
            "1.0.0.0.",
            "1.0.0.0.9999999999999999999",
            "ñ",
        ],
    )
    def test_what_is_no_cursor(self, database: Database, text: str) -> None:
        """However well it is packed."""
        packed = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        with pytest.raises(Invalid, match="not one that was given") as refused:
            read(database, packed)
        assert ["after"] == [problem.field for problem in refused.value.problems]

    @pytest.mark.parametrize("cursor", ["%", "MS4wLjAuMC4w!", "a", "ñ", "A" * 201])
    def test_what_is_not_even_packed(self, database: Database, cursor: str) -> None:
        """Refused in one line."""
        with pytest.raises(Invalid, match="not one that was given"):
            read(database, cursor)

    def test_one_of_another_database(self, database: Database, client_a: Client) -> None:
        """A backup was put in its place: what it said came next has never happened here."""
        with pytest.raises(Invalid, match="another database"):
            read(database, events._write_cursor([1, 0, 0, 0]))
        assert 1 == client_a.id

    def test_one_that_is_too_old(self, database: Database, client_a: Client) -> None:
        """Of changes in place the newest 100,000 are kept; a gap is told, not passed over."""
        database.write(lambda conn: answer_at(conn, client_a, "w1", NOW))
        old = start(database)

        def fill(conn: Connection) -> None:
            change = {"at": NOW, "kind": "send.read", "client_id": 1, "row_id": 1}
            conn.execute(sa.insert(happenings), [{"id": 101_999, **change}])
            answer_at(conn, client_a, "w2", NOW)
            answer_at(conn, client_a, "w3", NOW)

        database.write(fill)
        kept = database.read(lambda conn: conn.execute(sa.select(happenings.c.id)).scalars().all())
        assert [101_999, 102_000, 102_001] == kept
        with pytest.raises(Invalid, match="no longer kept"):
            read(database, old)
        assert [] == read(database, start(database))["events"]


def test_events_are_found_by_their_place(database: Database, client_a: Client) -> None:
    """Every second, at a million rows: from the cursor on, and not from the beginning."""
    database.write(lambda conn: answer_at(conn, client_a, "w", NOW))
    cursor = start(database)
    database.write(lambda conn: answer_at(conn, client_a, "w2", NOW))
    for only in (None, client_a.id):

        def run(conn: Connection, only: int | None = only) -> list[str]:
            wanted: dict[str, Any] = {"limit": 9, "now": NOW, "client_id": only}
            return explain(conn, lambda: events.read_events(conn, after=cursor, **wanted))

        plan = database.write(run)
        # SQLite's own list of tables, where each place's end stands, has no index and few rows.
        looked = [line for line in plan if "sqlite_sequence" not in line]
        assert [] == [line for line in looked if line.startswith("SCAN") or "TEMP" in line], plan
    assert any("ix_inbox_client" in line for line in plan), plan
