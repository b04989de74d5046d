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


@dataclass(frozen=True, slots=True)
class Limits:
    """Moments, in seconds since the epoch; what is older than its own is too old.

    `texts`: what was written. `rows`: messages and answers as a whole, and customers of whom
    nothing else is left. `answers`: those to repeated calls.
    """

    now: float
    texts: float
    rows: float
    answers: float


def decide_limits(*, now: float, retention_days: float) -> Limits:
    """Say what is too old by now; a row never goes before its text."""
    return Limits(
        now=now,
        texts=now - retention_days * DAY_S,
        rows=now - max(retention_days, MEMORY_DAYS) * DAY_S,
        answers=now - ANSWER_DAYS * DAY_S,
    )
