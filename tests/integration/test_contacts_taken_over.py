"""An operator takes a conversation over and gives it back: at one client, and at no other."""

import json
from typing import Any

import pytest

from daemon.core import handovers
from daemon.core.errors import Conflict, Invalid, NotFound
from daemon.core.events import read_events
from daemon.core.store import audit, pausing, people
from daemon.core.store.clients import Client
from daemon.core.store.conversations import NO_END, find
from daemon.core.store.engine import Connection, Database
from tests.doubles.contact_kit import ANA, TESTER, erase, export, furnish
from tests.doubles.store_kit import NOW


@pytest.fixture
def peopled(database: Database, client_a: Client, client_b: Client) -> Database:
    """Let Ana and Bea write to both clients."""
    database.write(lambda conn: furnish(conn, client_a, client_b))
    return database


def pause(database: Database, client_id: int, customer: str, **given: Any) -> dict[str, Any]:
    return database.write(
        lambda conn: handovers.pause_contact(
            conn, client_id=client_id, customer=customer, now=NOW, actor=TESTER, **given
        )
    )


def resume(
    database: Database, client_id: int, customer: str, *, now: float = NOW
) -> dict[str, Any]:
    return database.write(
        lambda conn: handovers.resume_contact(
            conn, client_id=client_id, customer=customer, now=now, actor=TESTER
        )
    )


def stop(database: Database, client_id: int, wa_id: str) -> None:
    """Let a customer ask the bot to stop."""

    def run(conn: Connection) -> None:
        (number,) = people.find_conversations(conn, client_id=client_id, user_id=None, wa_id=wa_id)
        known = find(conn, client_id=client_id, conversation_id=number)
        assert known is not None
        pausing.pause(conn, known, by="stopped", until=NO_END, now=NOW)

    database.write(run)


def test_a_conversation_is_taken_over_and_given_back(peopled: Database) -> None:
    """For a day unless told; it is one client's, and the export says by whom and until when."""
    day, hour = "2026-05-29T20:26:40Z", "2026-05-28T21:26:40Z"
    theirs = {"client_id": 1, "paused_by": "person", "paused_until": day, "changed": True}
    assert theirs == pause(peopled, 1, f"+{ANA}")
    assert hour == pause(peopled, 1, ANA, hours=1)["paused_until"]
    shown = [
        (one["paused_by"], one["paused_until"])
        for client_id in (1, 2)
        for one in export(peopled, client_id, ANA)["conversations"]
    ]
    assert [("person", hour), (None, None)] == shown
    free = {"client_id": 1, "paused_by": None, "paused_until": None}
    given_back = [resume(peopled, 1, ANA), resume(peopled, 1, ANA)]
    assert [free | {"changed": True}, free | {"changed": False}] == given_back


def test_who_has_asked_the_bot_to_stop_is_asked_by_nobody_else(peopled: Database) -> None:
    """An operator may neither end it nor make an end of it; its end is theirs to choose."""
    stop(peopled, 1, ANA)
    stopped = {"client_id": 1, "paused_by": "stopped", "paused_until": None, "changed": False}
    assert stopped == pause(peopled, 1, ANA, hours=1)
    with pytest.raises(Conflict, match="asked the bot to stop"):
        resume(peopled, 1, ANA)
    (shown,) = export(peopled, 1, ANA)["conversations"]
    assert ("stopped", None) == (shown["paused_by"], shown["paused_until"])
    erase(peopled, 1, ANA)
    with pytest.raises(NotFound):
        export(peopled, 1, ANA)


@pytest.mark.parametrize("hours", [0.0, -1.0, 1e6, float("nan")])
def test_nobody_means_so_many_hours(peopled: Database, hours: float) -> None:
    """A slip is refused, and changes nothing."""
    with pytest.raises(Invalid, match="hours: must be"):
        pause(peopled, 1, ANA, hours=hours)


@pytest.mark.parametrize("act", [pause, resume])
def test_nobody_is_taken_over_who_is_not_known(peopled: Database, act: Any) -> None:
    """A mistyped number would otherwise silence nobody, and say that it had."""
    with pytest.raises(NotFound, match="holds nothing"):
        act(peopled, 1, "34699")
    with pytest.raises(NotFound, match="no client 9"):
        act(peopled, 9, ANA)


def test_the_trail_says_what_was_done_and_not_to_whom(peopled: Database) -> None:
    """With how it stood before and after."""
    pause(peopled, 2, ANA, hours=2)
    resume(peopled, 2, ANA)
    entries = peopled.read(lambda conn: audit.list_entries(conn, client_id=2, limit=2))
    held = {"paused_by": "person", "paused_until": "2026-05-28T22:26:40Z"}
    free = {"paused_by": None, "paused_until": None}
    assert [("contact.pause", free, held), ("contact.resume", held, free)] == [
        (entry.action, entry.before, entry.after) for entry in entries
    ]
    assert ANA not in str(entries)


def test_the_trail_is_silent_where_nothing_was_done(peopled: Database) -> None:
    """Given back to a bot that had it, after its end too; taken over from who wants no bot."""
    pause(peopled, 1, ANA, hours=1)
    resume(peopled, 1, ANA, now=NOW + 3600)
    resume(peopled, 2, ANA)
    stop(peopled, 2, ANA)
    pause(peopled, 2, ANA)
    entries = peopled.read(lambda conn: audit.list_entries(conn, client_id=None, limit=9))
    told = [entry.action for entry in entries if entry.action.startswith("contact.")]
    assert ["contact.pause"] == told


def test_events_tell_of_it_until_its_customer_is_erased(peopled: Database) -> None:
    """Which conversation and why; once for as long as it lasts; nothing of who is gone."""
    places = {"after": peopled.read(lambda conn: read_events(conn, after=None, limit=9, now=NOW))}
    cursor = places["after"]["cursor"]
    for client_id in (1, 2):
        pause(peopled, client_id, ANA)
        pause(peopled, client_id, ANA, hours=9)
    resume(peopled, 2, ANA)
    erase(peopled, 1, ANA)
    told = peopled.read(lambda conn: read_events(conn, after=cursor, limit=9, now=NOW))["events"]
    assert [("conversation.paused", 2, "person"), ("conversation.resumed", 2, "person")] == [
        (event["kind"], event["client_id"], event["cause"]) for event in told
    ]
    assert ANA not in json.dumps(told)
