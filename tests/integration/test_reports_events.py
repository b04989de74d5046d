"""Events as they happen: none lost and none doubled, whatever the size of a page."""

import base64
import itertools
from typing import Any

import pytest
import sqlalchemy as sa

from daemon.core import clients, events, inboxes, sending, tokens
from daemon.core.errors import Invalid
from daemon.core.sending import Begun
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection, Database
from daemon.core.store.schema import happenings, turns
from tests.doubles.bookkeeping import claim, keep, park_unanswered, park_unsent, send, settle
from tests.doubles.query_plans import explain
from tests.doubles.reports import TEST, answer_at, onboard_other
from tests.doubles.store_kit import NOW, told

LATER = 4_000_000_000.0
"""After the real clock, which the database itself notes for what is parked."""


@pytest.fixture
def client_b(database: Database, client_a: Client) -> Client:
    """Add another client, of whom the first must see nothing."""
    added = onboard_other(database)
    assert client_a.id < added.id
    return added


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


def test_an_empty_database(database: Database) -> None:
    """The cursor of now is one to go on from."""
    cursor = start(database)
    assert {"cursor": cursor, "events": []} == read(database, cursor)


def test_a_message_from_its_coming_to_its_being_read(database: Database, client_a: Client) -> None:
    """Each step once, in order, with ids to look it up by and no word of what was said."""
    cursor = start(database)

    def happen(conn: Connection) -> None:
        answer_at(conn, client_a, "w", NOW)
        for seconds, status in enumerate(("delivered", "read"), start=1):
            tell(conn, client_a, status, 1, at=NOW + seconds)

    database.write(happen)
    found = read(database, cursor)
    outbox_id = found["events"][2]["outbox_id"]
    who = {"client_id": client_a.id, "client": "A"}
    at = "2026-05-28T20:26:40Z"
    sent = {"outbox_id": outbox_id, "turn_id": 1, "error": None}
    made = {"turn_id": 1, "outcome": "answered", "cause": None, "latency_ms": 5}
    assert [
        {"at": at, "kind": "message.received", **who, "inbox_id": 1, "type": "text"},
        {"at": at, "kind": "turn.answered", **who, **made},
        {"at": at, "kind": "send.accepted", **who, **sent},
        {"at": "2026-05-28T20:26:41Z", "kind": "send.delivered", **who, **sent},
        {"at": "2026-05-28T20:26:42Z", "kind": "send.read", **who, **sent},
    ] == found["events"]
    assert ["at", "kind", "client_id", "client"] == list(found["events"][0])[:4]
    assert outbox_id.startswith("out_")
    assert [] == read(database, found["cursor"])["events"]


def test_what_goes_wrong(database: Database, client_a: Client) -> None:
    """A fallback, a failed delivery, what is parked with and without an answer."""
    cursor = start(database)

    def happen(conn: Connection) -> None:
        answer_at(conn, client_a, "w1", NOW)
        conn.execute(sa.update(turns).values(outcome="unanswered", cause="timeout"))
        tell(conn, client_a, "failed", 1, error_codes=(131026,))
        park_unanswered(conn, client_a, keep(conn, client_a, "w2", customer="2"), "loop")
        park_unsent(conn, client_a, keep(conn, client_a, "w3", customer="3"), "131016")

    database.write(happen)
    found = read(database, cursor)["events"]
    by_kind = {event["kind"]: event for event in found}
    assert ("unanswered", "timeout") == (
        by_kind["turn.unanswered"]["outcome"],
        by_kind["turn.unanswered"]["cause"],
    )
    assert "131026" == by_kind["send.failed"]["error"]
    parked = [event for event in found if event["kind"] == "message.parked"]
    assert [(2, "loop"), (3, "131016")] == [(one["inbox_id"], one["error"]) for one in parked]


def test_what_is_parked_again_is_told_again(database: Database, client_a: Client) -> None:
    """Each time with the error of that time."""
    kept = database.write(lambda conn: keep(conn, client_a, "w"))
    cursor = start(database)

    def happen(conn: Connection) -> None:
        park_unanswered(conn, client_a, kept, "loop")
        inboxes.retry(conn, kept.id, now=NOW, actor=TEST)
        park_unanswered(conn, client_a, kept, "crashed")

    database.write(happen)
    assert ["loop", "crashed"] == [one["error"] for one in read(database, cursor)["events"]]


def test_a_status_that_proves_a_send(database: Database, client_a: Client) -> None:
    """What nobody knew to be sent is accepted and delivered at once."""
    (row,) = database.write(lambda conn: settle(conn, client_a, keep(conn, client_a, "w")))
    assert Begun.OURS is database.write(lambda conn: sending.begin(conn, row))
    cursor = start(database)
    delivered = told("delivered", callback_id=row.id)
    database.write(lambda conn: sending.record_status(conn, client_a.id, delivered))
    assert ["send.accepted", "send.delivered"] == kinds(read(database, cursor))


def test_a_status_that_comes_twice_is_one_event(database: Database, client_a: Client) -> None:
    """Meta repeats itself."""
    database.write(lambda conn: answer_at(conn, client_a, "w", NOW))
    cursor = start(database)
    for _ in range(2):
        database.write(lambda conn: tell(conn, client_a, "delivered", 1))
    assert ["send.delivered"] == kinds(read(database, cursor))


def test_a_status_of_old_that_comes_late_is_not_lost(database: Database, client_a: Client) -> None:
    """Its time lies before the cursor's; its place does not."""
    database.write(lambda conn: answer_at(conn, client_a, "w", NOW))
    cursor = start(database)
    database.write(lambda conn: tell(conn, client_a, "delivered", 1, at=NOW - 86_400))
    (event,) = read(database, cursor)["events"]
    assert "2026-05-27T20:26:40Z" == event["at"]


def test_no_event_is_later_than_now(database: Database, client_a: Client) -> None:
    """Meta's clock may be ahead of ours."""
    database.write(lambda conn: answer_at(conn, client_a, "w", NOW))
    cursor = start(database)
    database.write(lambda conn: tell(conn, client_a, "read", 1, at=NOW + 3600))
    (event,) = read(database, cursor, now=NOW)["events"]
    assert "2026-05-28T20:26:40Z" == event["at"]


def test_a_change_of_a_client(database: Database, client_a: Client) -> None:
    """By whom and which; what concerns no client, or only a message, is left to the trail."""
    cursor = start(database)

    def change(conn: Connection) -> None:
        tokens.create_token(conn, "x", lifetime_days=1, now=NOW, actor=TEST)
        clients.set_active(conn, client_a.id, active=False, now=NOW, actor=TEST)

    database.write(change)
    (event,) = read(database, cursor)["events"]
    assert ("client.changed", "client.update", "test", "A") == (
        event["kind"],
        event["action"],
        event["actor"],
        event["client"],
    )


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


def test_a_parked_answer_that_is_sent_after_all(database: Database, client_a: Client) -> None:
    """One more acceptance, and no second answer."""
    kept = database.write(lambda conn: keep(conn, client_a, "w"))
    database.write(lambda conn: park_unsent(conn, client_a, kept, "131016"))
    cursor = start(database)

    def again(conn: Connection) -> None:
        inboxes.retry(conn, kept.id, now=NOW, actor=TEST)
        (row,) = claim(conn, client_a, kept).unsent
        send(conn, row)

    database.write(again)
    assert ["send.accepted"] == kinds(read(database, cursor))
