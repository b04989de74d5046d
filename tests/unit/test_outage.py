"""A database that is down is told of once, then once a minute, and once when it is over."""

import logging

import pytest

from daemon.core.store.faults import StoreDamaged, StoreUnavailable
from daemon.core.store.outage import QUIET_S, TELL_EVERY_S, Damage, Outage

Told = list[tuple[str, str, int]]


class _Hands:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def told(caplog: pytest.LogCaptureFixture) -> Told:
    return [(one.levelname, one.message, vars(one)["times"]) for one in caplog.records]


def test_many_failures_are_a_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """The first says the cause at once, without a traceback; the others are counted."""
    clock = _Hands()
    outage = Outage(clock)
    with caplog.at_level(logging.INFO):
        for _ in range(int(TELL_EVERY_S) + 1):
            outage.note_failure(StoreUnavailable("The database is full."))
            clock.now += 1
    down = ("ERROR", "store is down")
    assert [(*down, 1), (*down, int(TELL_EVERY_S))] == told(caplog)
    assert {"The database is full."} == {vars(one)["error"] for one in caplog.records}
    assert {None} == {one.exc_info for one in caplog.records}


def test_it_is_over_when_nothing_has_failed_for_a_while(caplog: pytest.LogCaptureFixture) -> None:
    """What changes nothing works on a full disk too, and is no sign; then the next is a first."""
    clock = _Hands()
    outage = Outage(clock)
    outage.note_success()
    with caplog.at_level(logging.INFO):
        outage.note_failure(StoreUnavailable("full"))
        outage.note_success()
        assert 1 == len(caplog.records)
        clock.now += QUIET_S
        outage.note_success()
        outage.note_success()
        outage.note_failure(StoreUnavailable("full again"))
    assert [
        ("ERROR", "store is down", 1),
        ("INFO", "store is back", 0),
        ("ERROR", "store is down", 1),
    ] == told(caplog)


def test_a_damaged_database_is_a_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """However often it is asked: with the cause, how many asked, and no traceback."""
    clock = _Hands()
    damage = Damage(clock)
    for _ in range(int(TELL_EVERY_S) + 1):
        damage.note(StoreDamaged("released.db is damaged."))
        clock.now += 1
    said = ("ERROR", "database is damaged")
    assert [(*said, 1), (*said, int(TELL_EVERY_S))] == told(caplog)
    assert {"released.db is damaged."} == {vars(one)["error"] for one in caplog.records}
    assert {None} == {one.exc_info for one in caplog.records}
