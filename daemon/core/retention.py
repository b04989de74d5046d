"""Decides how long what is kept. Pure: a clock and a setting in, moments out.

What is deleted, and how, is `store.purging`'s; when and how fast is `daemon.work.purger`'s.
"""

from dataclasses import dataclass

DAY_S = 24 * 3600.0

REDELIVERY_DAYS = 7.0
"""How long Meta sends again what it could not deliver (Webhooks reference, read 2026-11)."""

MEMORY_DAYS = REDELIVERY_DAYS + 1
"""A message's id is known so long at least, or a late repetition of it would be answered anew."""

ANSWER_DAYS = 1.0
"""How long an answer to a call with an Idempotency-Key is given again."""


WINDOW_DAYS = 1.0
"""How long Meta takes an answer after the customer wrote; what waits longer waits for nothing."""

TURN_DAYS = 400.0
"""How long the record of a turn is kept: a year, to compare a month with the last, and a month."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Moments, in seconds since the epoch; what is older than its own is too old.

    `texts`: what was written and settled. `waiting`: what still waits for its answer, or to be
    sent. `rows`: messages and answers as a whole, and customers of whom nothing else is left.
    `turns`: what an answer was made from and cost. `answers`: those to repeated calls.
    """

    now: float
    texts: float
    waiting: float
    rows: float
    turns: float
    answers: float


def decide_limits(*, now: float, retention_days: float) -> Limits:
    """Say what is too old by now; a row never goes before its text."""
    return Limits(
        now=now,
        texts=now - retention_days * DAY_S,
        waiting=now - max(retention_days, WINDOW_DAYS) * DAY_S,
        rows=now - max(retention_days, MEMORY_DAYS) * DAY_S,
        turns=now - TURN_DAYS * DAY_S,
        answers=now - ANSWER_DAYS * DAY_S,
    )
