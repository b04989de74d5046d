"""Until when a conversation is its owner's, who wrote in the app: late, again, and after all."""

from dataclasses import replace

import pytest

from daemon.core.handovers import decide_end
from daemon.core.store.conversations import NO_END, Conversation, PausedBy

NOW = 1_780_000_000.0
PERSON_S = 4 * 3600.0
FREE = Conversation(
    id=1,
    client_id=1,
    user_id=None,
    wa_id="34600",
    welcomed_at=None,
    paused_until=None,
    paused_by=None,
    fence=0,
)


def end(known: Conversation, *, wrote_at: float = NOW) -> float | None:
    return decide_end(known, wrote_at=wrote_at, person_s=PERSON_S, now=NOW)


def paused(by: PausedBy | None, until: float) -> Conversation:
    return replace(FREE, paused_by=by, paused_until=until)


@pytest.mark.parametrize("wrote_at", [NOW, NOW + 5, 0.0])
def test_it_counts_from_now(wrote_at: float) -> None:
    """Also by a clock of Meta's that is ahead, and where its time is unusable."""
    assert NOW + PERSON_S == end(FREE, wrote_at=wrote_at)


def test_what_comes_late_counts_from_when_it_was_written() -> None:
    """And not at all once that time is over."""
    assert NOW + PERSON_S - 60 == end(FREE, wrote_at=NOW - 60)
    assert end(FREE, wrote_at=NOW - PERSON_S) is None


def test_another_message_of_the_owners_lengthens_it() -> None:
    """And an older one, or the same again, never shortens what an operator asked for."""
    assert NOW + PERSON_S == end(paused("person", NOW + 60))
    assert NOW + 2 * PERSON_S == end(paused("person", NOW + 2 * PERSON_S))


def test_a_person_takes_over_from_a_loop() -> None:
    """Messages are then left to them, and not parked."""
    assert NOW + PERSON_S == end(paused("loop", NOW + 60))


def test_a_customers_stop_goes_on() -> None:
    """The owner may write; the bot may not, after that either."""
    assert end(paused("stopped", NO_END)) is None


@pytest.mark.parametrize("by", [None, "stopped"])
def test_what_was_given_back_stays_so(by: PausedBy | None) -> None:
    """By an operator, or by the customer's own word: an echo from before is no news."""
    given_back = paused(by, NOW - 30)
    assert end(given_back, wrote_at=NOW - 31) is None
    assert NOW - 29 + PERSON_S == end(given_back, wrote_at=NOW - 29)


def test_what_ended_by_itself_begins_anew() -> None:
    """A late echo from the last minute of it is a message like any other."""
    assert NOW - 60 + PERSON_S == end(paused("person", NOW - 30), wrote_at=NOW - 60)
