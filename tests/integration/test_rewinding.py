"""A clock that is set back an hour: every moment in the database goes with it."""

from functools import partial

import pytest
import sqlalchemy as sa

from daemon.core import rewinding, sending
from daemon.core.sending import Begun
from daemon.core.store import due_sends, pausing
from daemon.core.store.clients import Client
from daemon.core.store.conversations import NO_END
from daemon.core.store.engine import Connection, Database
from daemon.core.taking_over import take_over
from tests.doubles.bookkeeping import claim, keep, send, settle
from tests.doubles.store_kit import NOW, take

HOUR_S = 3600.0


def due_times(conn: Connection) -> list[float]:
    return list(conn.execute(sa.text("SELECT due_at FROM outbox ORDER BY seq")).scalars())


def test_what_waits_for_its_next_try_comes_back(database: Database, client_a: Client) -> None:
    """Queued and in doubt alike; what is sent keeps its time."""

    def run(conn: Connection) -> list[float]:
        (sent,) = settle(conn, client_a, keep(conn, client_a, "w1", customer="34601"))
        send(conn, sent)
        (queued,) = settle(conn, client_a, keep(conn, client_a, "w2", customer="34602"))
        sending.postpone(conn, queued, error="131016", due_at=NOW + 16)
        (doubted,) = settle(conn, client_a, keep(conn, client_a, "w3", customer="34603"))
        sending.doubt(conn, doubted, error="in_doubt", due_at=NOW + 60)
        rewinding.rewind(conn, by_s=HOUR_S)
        return due_times(conn)

    assert [NOW, NOW - HOUR_S + 16, NOW - HOUR_S + 60] == database.write(run)


def test_a_rewound_message_is_found_by_the_sweep_in_its_time(
    database: Database, client_a: Client
) -> None:
    """Sixteen seconds after the new now, and not before."""

    def run(conn: Connection) -> list[int]:
        (row,) = settle(conn, client_a, keep(conn, client_a, "w1"))
        sending.postpone(conn, row, error="131016", due_at=NOW + 16)
        rewinding.rewind(conn, by_s=HOUR_S)
        moments = (NOW - HOUR_S + 15, NOW - HOUR_S + 16)
        return [len(due_sends.list_due(conn, now=now, limit=9)) for now in moments]

    assert [0, 1] == database.write(run)


def test_a_lease_ends_when_it_would_have(database: Database, client_a: Client) -> None:
    """A dead worker's conversation is not held an hour longer."""

    def run(conn: Connection) -> list[bool]:
        kept = keep(conn, client_a, "w1")
        claim(conn, client_a, kept)
        rewinding.rewind(conn, by_s=HOUR_S)
        tries = [NOW - HOUR_S + 59, NOW - HOUR_S + 60]
        return [take(conn, client_a.id, kept.conversation_id, now=now) is not None for now in tries]

    assert [False, True] == database.write(run)


def test_a_pause_ends_when_it_would_have(database: Database, client_a: Client) -> None:
    """An hour from when it began, by the new clock; what has no end has none."""

    def run(conn: Connection) -> list[float]:
        kept = keep(conn, client_a, "w1")
        hand = claim(conn, client_a, kept)
        pausing.pause(conn, hand.conversation, by="loop", until=NOW + HOUR_S, now=NOW)
        other = claim(conn, client_a, keep(conn, client_a, "w2", customer="34601"))
        pausing.pause(conn, other.conversation, by="stopped", until=NO_END, now=NOW)
        rewinding.rewind(conn, by_s=HOUR_S)
        return list(conn.execute(sa.text("SELECT paused_until FROM conversations")).scalars())

    assert [NOW, NO_END] == database.write(run)


@pytest.mark.parametrize(
    ("newest", "expected"), [(NOW, 0.0), (NOW + 0.9, 0.0), (NOW + HOUR_S, HOUR_S), (NOW - 9, 0.0)]
)
def test_a_setback_while_nobody_looked_shows_in_the_newest_message(
    database: Database, client_a: Client, newest: float, expected: float
) -> None:
    """More than a nudge, and only backwards."""
    database.write(lambda conn: keep(conn, client_a, "w1", now=newest))
    found = database.read(partial(rewinding.find_setback, now=NOW))
    assert expected == found


def test_an_empty_database_has_no_setback(database: Database) -> None:
    """There is nothing to compare with."""
    assert 0.0 == database.read(partial(rewinding.find_setback, now=NOW))


def test_a_start_after_a_setback_waits_for_statuses_as_ever(
    database: Database, client_a: Client
) -> None:
    """What was being sent is in doubt for IN_DOUBT_SECONDS of the new clock."""

    def run(conn: Connection) -> list[float]:
        (row,) = settle(conn, client_a, keep(conn, client_a, "w1"))
        assert Begun.OURS is sending.begin(conn, row)
        take_over(conn, now=NOW - HOUR_S, in_doubt_s=60)
        return due_times(conn)

    assert [NOW - HOUR_S + 60] == database.write(run)
