"""Decides whether the customer is another bot, which would be answered without end.

Pure: moments in, a yes or no out. What is then left alone, and for whom, is `core.turns`'s.
"""

LOOP_TURNS = 40
"""Answers to one customer within LOOP_WINDOW_S that only another bot would ask for.

Meta lets one customer have a message every 6 s beside a burst of 45 (whatsapp.md's rates), so that
two bots get here in well under the window, and a person who types does not.
"""

LOOP_WINDOW_S = 300.0
"""Over what time LOOP_TURNS are counted."""

SLOW_LOOP_TURNS = 120
"""Answers within SLOW_LOOP_WINDOW_S that only another bot would ask for: one in half a minute."""

SLOW_LOOP_WINDOW_S = 3600.0
"""Over what time SLOW_LOOP_TURNS are counted.

A model and a bot that each take their time stay under the quick limit: at eight seconds a round
two bots would send each other 450 messages an hour, day and night.
"""

LOOP_PAUSE_S = 3600.0
"""How long a conversation that looks like a loop is left alone; `inbox retry` ends it sooner."""


def is_loop(
    nth_latest_at: float | None, *, since: float = 0.0, now: float, within_s: float = LOOP_WINDOW_S
) -> bool:
    """Tell from the time of the LOOP_TURNS-th latest answer whether two bots are talking.

    What was answered up to `since`, when the last pause ended, is forgiven. So is what is from the
    future, by a clock that was set back: how long ago it was, nobody can tell. With
    SLOW_LOOP_WINDOW_S the answer is the SLOW_LOOP_TURNS-th latest.
    """
    if nth_latest_at is None or nth_latest_at <= since:
        return False
    return 0 <= now - nth_latest_at < within_s
