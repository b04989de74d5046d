"""Events as they happen: none lost and none doubled, whatever the size of a page."""

import sqlalchemy as sa

from daemon.core import clients, inboxes, sending, tokens
from daemon.core.sending import Begun
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection, Database
from daemon.core.store.schema import turns
from tests.doubles.bookkeeping import claim, keep, park_unanswered, park_unsent, send, settle
from tests.doubles.happening import kinds, read, start, tell
from tests.doubles.reports import TEST, answer_at
from tests.doubles.store_kit import NOW, told


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
    made = {"turn_id": 1, "outcome": "answered", "cause": None, "handoff": False, "latency_ms": 5}
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
