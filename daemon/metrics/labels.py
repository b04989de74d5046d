"""What a label may hold: small known sets of words, and codes that we know; all else is folded.

A label that held whatever came would make /metrics grow without end.
"""

from typing import Final

from daemon.core.meta.codes import is_known

QUALITIES: Final = ("green", "yellow", "red", "unknown")
"""What Meta says of a number (`quality_rating`), in lower case; anything else is `unknown`."""

OUTCOMES: Final = ("answered", "clarify", "unanswered")
SENDS: Final = ("accepted", "retry", "in_doubt", "parked")
PAUSES: Final = ("loop", "person", "stopped")
TOKEN_KINDS: Final = ("input", "cached", "output")
FAULTS: Final = ("timeout", "rate_limited", "quota", "key", "server", "connection", "bad_request")
"""Why a model gives no answer through no fault of the question (`EngineFailed.cause`)."""

WEBHOOKS: Final = (200, 401, 500, 503)
"""Statuses of webhook answers that are waited for: shown as 0 from the start."""

STAGES: Final = ("waiting", "model", "settle", "send")
OTHER: Final = "other"

MODEL_ERRORS: Final = (
    ("key", "401"),
    ("key", "403"),
    ("quota", "402"),
    ("quota", "429"),
    ("rate_limited", "429"),
    ("timeout", "none"),
    ("connection", "none"),
)
"""Cause and HTTP status of the failed calls that are waited for: shown as 0 from the start."""

HTTP_STATUSES = range(100, 600)


def fold_code(error: int | str) -> str:
    """Give a code of Meta's that we know, or one of our own words, as it is; else `other`."""
    word = str(error)
    return word if not word.lstrip("-").isdigit() or is_known(int(word)) else OTHER


def fold_status(status: int | None) -> str:
    """Give an HTTP status as a label; `none` where there was no answer."""
    if status is None:
        return "none"
    return str(status) if status in HTTP_STATUSES else OTHER
