"""What became of questions, as the status tells it: answered, unanswered, left alone."""

import pytest
import sqlalchemy as sa

from daemon.core import turns
from daemon.core.answering import Plan
from daemon.core.store import counts, pausing
from daemon.core.store.clients import Client
from daemon.core.store.conversations import NO_END, PausedBy
from daemon.core.store.engine import Connection, Database
from daemon.core.store.schema import inbox
from daemon.core.store.schema import turns as turn_rows
from tests.doubles.bookkeeping import claim, keep, settle
from tests.doubles.reports import alerts, answer_at, onboard_other, read, rows
from tests.doubles.store_kit import NOW

HOUR_S = 3600.0
UNANSWERED = {"outcome": "unanswered", "answered": False}


@pytest.fixture
def client_b(database: Database, client_a: Client) -> Client:
    """Add another client, of whom the first must see nothing."""
    added = onboard_other(database)
    assert client_a.id < added.id
    return added


def test_a_fallback_is_no_answer(database: Database, client_a: Client, client_b: Client) -> None:
    """Counted apart, for a day and for the share of the newest turns."""

    def fill(conn: Connection) -> None:
        for number in range(12):
            answer_at(conn, client_a, f"a{number}", NOW - 100)
            answer_at(conn, client_b, f"b{number}", NOW - 100)
        lacking = sa.and_(turn_rows.c.client_id == client_a.id, turn_rows.c.id > 14)
        conn.execute(sa.update(turn_rows).where(lacking).values(**UNANSWERED))

    database.write(fill)
    a, b = rows(database)
    assert [(7, 5), (12, 0)] == [(row["answers_24h"], row["unanswered_24h"]) for row in (a, b)]
    assert ["5 of the last 12 turns of A went unanswered: its FAQs lack something."] == alerts(
        database
    )


def test_a_model_that_fails_says_nothing_of_the_faqs(
    database: Database, client_a: Client, client_b: Client
) -> None:
    """It is told as what it is, and to each client's own token only of that client's turns."""

    def fill(conn: Connection) -> None:
        for number in range(12):
            answer_at(conn, client_b, f"b{number}", NOW - 200)
            answer_at(conn, client_a, f"a{number}", NOW - 100)
        failed = turn_rows.c.client_id == client_a.id
        conn.execute(sa.update(turn_rows).where(failed).values(**UNANSWERED, cause="connection"))

    database.write(fill)
    told = ["10 of the last 20 questions got no answer from the model: it cannot be reached."]
    assert told == alerts(database)
    assert [] == read(database, client_id=client_b.id)["alerts"]


def test_only_the_newest_turns_tell_of_a_gap(database: Database, client_a: Client) -> None:
    """What was lacking 50 turns ago has been mended."""

    def fill(conn: Connection) -> None:
        for number in range(counts.RECENT_TURNS + 5):
            kept = keep(conn, client_a, f"w{number}", customer=f"346{number}")
            turns.release(conn, claim(conn, client_a, kept))
            settle(conn, client_a, kept)
        conn.execute(sa.update(turn_rows).where(turn_rows.c.id <= 5).values(**UNANSWERED))
        conn.execute(sa.update(inbox).values(state="done"))

    database.write(fill)
    (found,) = database.read(lambda conn: counts.measure_clients(conn, now=NOW, since=NOW))
    assert (50, 0) == (found.recent, found.recent_unanswered)
    assert [] == alerts(database)


def test_a_day_ends_where_it_ends(database: Database, client_a: Client) -> None:
    """The first turn that counts is found among many, by looking at a few."""

    def fill(conn: Connection) -> None:
        for hour in range(40, 0, -1):
            answer_at(conn, client_a, f"w{hour}", NOW - hour * HOUR_S)

    database.write(fill)
    assert [24] == [row["answers_24h"] for row in rows(database)]
    assert [0] == [row["answers_24h"] for row in rows(database, now=NOW + 48 * HOUR_S)]


def test_whom_the_bot_leaves_alone_is_counted(
    database: Database, client_a: Client, client_b: Client
) -> None:
    """By who wants it so, for each client, as long as it lasts; it is no alert."""

    def fill(conn: Connection) -> None:
        ends: tuple[tuple[Client, PausedBy, float], ...] = (
            (client_a, "person", NOW + 60),
            (client_a, "person", NOW - 60),
            (client_a, "stopped", NO_END),
            (client_b, "stopped", NO_END),
            (client_b, "stopped", NO_END),
        )
        for place, (client, by, until) in enumerate(ends):
            kept = keep(conn, client, f"w{place}", customer=f"3460{place}")
            hand = claim(conn, client, kept)
            turns.ignore(conn, hand, Plan("ignore", cause=by), now=NOW)
            pausing.pause(conn, hand.conversation, by=by, until=until, now=NOW)

    database.write(fill)
    counted = [(row["with_person"], row["asked_to_stop"]) for row in rows(database)]
    assert [(1, 1), (0, 2)] == counted
    assert [] == alerts(database)
