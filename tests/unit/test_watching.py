"""What the commands that watch say and count: moments, urgency, rates, the board, the summary."""

import pytest

from daemon.core.documents import timestamp
from released_cli.watching.attention import (
    AT_REST,
    BROKEN,
    DOUBTFUL,
    WELL,
    add_up,
    is_well,
    rank_alerts,
    rank_clients,
)
from released_cli.watching.moments import tell_age, tell_latency, tell_size, tell_span
from released_cli.watching.rates import Rates
from released_cli.watching.summary import sum_up, tell_alert, tell_client
from tests.doubles.watched import NOON, Document, make_alert, make_client, make_status


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-5, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (47 * 3600, "47 h"),
        (48 * 3600, "2 days"),
    ],
)
def test_spans_are_told_in_their_largest_unit(seconds: float, told: str) -> None:
    """A span is one number and one unit; a clock that is behind makes none negative."""
    assert told == tell_span(seconds)


@pytest.mark.parametrize(
    ("before_s", "told"), [(180, "3 min ago"), (0, "just now"), (-60, "just now")]
)
def test_ages(before_s: float, told: str) -> None:
    """A time is told by how long ago it was, and one to come is now."""
    assert told == tell_age(timestamp(NOON - before_s), now=NOON)


def test_what_never_was_has_no_age() -> None:
    """A client that nobody ever wrote to is told so."""
    assert "never" == tell_age(None, now=NOON)


def test_sizes() -> None:
    """Bytes are told in units a person reads."""
    assert "123.5 MB" == tell_size(123_456_789)


@pytest.mark.parametrize(("milliseconds", "told"), [(0, "0 ms"), (41, "41 ms"), (1250, "1.2 s")])
def test_latencies(milliseconds: int, told: str) -> None:
    """A local answer takes no `0.0 s`."""
    assert told == tell_latency(milliseconds)


def test_who_needs_somebody_comes_first() -> None:
    """Stopped or with an error first, then with a warning or parked, then the latest; idle last."""
    clients = [
        make_client(1, state="inactive"),
        make_client(2, last_message_at=None),
        make_client(3),
        make_client(4, parked=1),
        make_client(5),
        make_client(6, state="stopped"),
        make_client(7),
        make_client(8, state="inactive", parked=2),
    ]
    alerts = [make_alert(5), make_alert(7, level="warning"), make_alert(5, level="warning")]
    ranked = rank_clients(make_status(clients, [*alerts, make_alert(None)]))
    expected = [
        (5, BROKEN),
        (6, BROKEN),
        (4, DOUBTFUL),
        (7, DOUBTFUL),
        (8, DOUBTFUL),
        (3, WELL),
        (2, WELL),
        (1, AT_REST),
    ]
    assert expected == [(client["id"], urgency) for client, urgency in ranked]


def test_errors_are_told_before_warnings() -> None:
    """Alerts keep their order but for that."""
    alerts = [make_alert(1, level="warning"), make_alert(2), make_alert(3)]
    ranked = rank_alerts(make_status(alerts=alerts))
    assert [2, 3, 1] == [alert["client_id"] for alert in ranked]


@pytest.mark.parametrize(
    ("document", "well"),
    [
        (make_status(), True),
        (make_status(alerts=[make_alert(1, level="warning")]), True),
        (make_status(alerts=[make_alert(1)]), False),
        (make_status(daemon={"state": "down", "since": None}), False),
    ],
)
def test_what_is_well(document: Document, well: bool) -> None:  # noqa: FBT001
    """A daemon that runs without an alert that is an error."""
    assert well is is_well(document)


def test_the_fleet_adds_up() -> None:
    """Totals count clients by state, and what all of them answered."""
    totals = add_up(make_status([make_client(1), make_client(2, state="stopped")]))
    assert (2, 0, 1, 80, 4) == (
        *(totals.clients, totals.inactive, totals.stopped),
        *(totals.answers, totals.unanswered),
    )


def count(*answers: int) -> Document:
    """Make a status of clients with so many answers each."""
    return make_status(
        [
            make_client(number, answers_24h=many, unanswered_24h=0)
            for number, many in enumerate(answers, start=1)
        ]
    )


def test_a_rate_is_what_grew_in_the_last_minute() -> None:
    """Answers that leave the 24 hours take nothing away; what is over a minute old counts not."""
    rates = Rates()
    for at, answers in ((0, (9, 9)), (30, (19, 8)), (60, (18, 9)), (90, (20, 9)), (100, (20, 8))):
        rates.add(count(*answers), at=at)
    assert (2.0, 1.0, 3.0) == (rates.per_minute(1), rates.per_minute(2), rates.per_minute())


def test_a_rate_is_not_guessed() -> None:
    """Before some seconds were seen there is none, nor after a gap in which nothing was."""
    rates = Rates()
    rates.add(count(1), at=0)
    rates.add(count(3), at=4)
    assert rates.per_minute() is None
    rates.add(count(3), at=6)
    assert 20.0 == rates.per_minute(1)
    rates.add(count(500), at=70)
    assert rates.per_minute() is None


def test_a_new_client_is_no_rate() -> None:
    """Answers that were there when a client was first seen did not come just now."""
    rates = Rates()
    rates.add(count(1), at=0)
    rates.add(count(1, 50), at=10)
    assert (0.0, 0.0) == (rates.per_minute(), rates.per_minute(2))


def test_the_summary_in_words() -> None:
    """Each part of the house is one line."""
    clients = [make_client(1), make_client(2, state="stopped"), make_client(3, state="inactive")]
    expected = {
        "daemon": "running for 2 h, version 0.1.0",
        "inbox": "12 waiting, the oldest for 4 s; 3 parked",
        "answers": "120 in 24 h, and 6 unanswered",
        "clients": "3, 1 stopped, 1 inactive",
        "database": "123.5 MB; 34.5 GB free on its disk",
    }
    assert expected == sum_up(make_status(clients), now=NOON)


@pytest.mark.parametrize(
    ("doubt", "told"),
    [
        ({}, "0 waiting; 0 parked"),
        ({"in_doubt": 0}, "0 waiting; 0 parked"),
        ({"in_doubt": 1}, "0 waiting; 0 parked; 1 send in doubt"),
        ({"in_doubt": 7}, "0 waiting; 0 parked; 7 sends in doubt"),
    ],
)
def test_sends_in_doubt_are_told_where_there_are_any(doubt: dict[str, int], told: str) -> None:
    """None is not worth a word, nor what an older daemon does not say."""
    inbox = {"pending": 0, "oldest_seconds": 0, "parked": 0} | doubt
    assert told == sum_up(make_status(inbox=inbox), now=NOON)["inbox"]


def test_whom_the_bot_leaves_alone_is_told_where_there_is_anybody() -> None:
    """One line, of people and of customers' own wish; an older daemon does not tell."""
    one = make_client(1, with_person=1, asked_to_stop=0)
    two = make_client(2, with_person=1, asked_to_stop=1)
    told = [
        sum_up(make_status(clients), now=NOON).get("silent")
        for clients in ([make_client(1)], [one], [one, two])
    ]
    both = "2 conversations with a person; 1 customer asked the bot to stop"
    assert [None, "1 conversation with a person", both] == told


def test_what_is_not_told_is_left_out() -> None:
    """A token for one client learns nothing of the database, and no line pretends so."""
    document = make_status(database={"bytes": None, "free_bytes": None})
    assert ["daemon", "inbox", "answers", "clients"] == list(sum_up(document, now=NOON))


@pytest.mark.parametrize(
    ("since", "told"),
    [
        (timestamp(NOON - 300), "DOWN for 5 min: nothing is received or answered"),
        (None, "DOWN: nothing is received or answered"),
    ],
)
def test_a_daemon_that_is_down(since: str | None, told: str) -> None:
    """That it is down, and since when if that is known, cannot be overlooked."""
    inbox = {"pending": 0, "oldest_seconds": 0, "parked": 0}
    document = make_status(daemon={"state": "down", "since": since}, inbox=inbox)
    summary = sum_up(document, now=NOON)
    assert (told, "0 waiting; 0 parked") == (summary["daemon"], summary["inbox"])


def test_an_alert_names_its_client_once() -> None:
    """The name stands before a text that has it not; nothing in it steers the terminal."""
    names = {1: "Bar\x1b[2J Sol"}
    assert "Bar�[2J Sol: it is\ufffd late" == tell_alert(make_alert(1, text="it is\a late"), names)
    assert "Sol is late" == tell_alert(make_alert(2, text="Sol is late"), {2: "Sol"})
    assert "All is late" == tell_alert(make_alert(None, text="All is\nlate"), names)
    assert "client 9" == tell_client(9, names)
