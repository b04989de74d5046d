"""When two bots are talking, and when it is a person who writes."""

import pytest

from daemon.core.looping import LOOP_WINDOW_S, is_loop

NOW = 1_780_000_000.0


@pytest.mark.parametrize(
    ("ago_s", "loop"), [(None, False), (LOOP_WINDOW_S, False), (LOOP_WINDOW_S - 1, True)]
)
def test_a_loop_is_many_answers_in_a_short_time(ago_s: float | None, loop: bool) -> None:  # noqa: FBT001
    """Fewer answers, or slower ones, are a person."""
    nth = None if ago_s is None else NOW - ago_s
    assert loop == is_loop(nth, now=NOW)


def test_what_was_before_the_last_pause_is_forgiven() -> None:
    """Or a conversation that was left alone would be left alone again at its first message."""
    assert [True, False] == [
        is_loop(NOW - 9, since=since, now=NOW) for since in (NOW - 10, NOW - 9)
    ]


def test_answers_from_the_future_are_no_loop() -> None:
    """After a clock was set back an hour, a talkative customer is not taken for a bot."""
    assert not is_loop(NOW + 1800, now=NOW)
