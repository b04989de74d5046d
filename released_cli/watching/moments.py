"""Times, ages and sizes in plain words. Pure: the moment it is asked at is an argument.

Documents carry UTC; people are shown their own zone and the whole date.
"""

from datetime import datetime

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400

SECOND_MS = 1000

TWO_DAYS_S = 2 * DAY_S
"""Up to here hours say more than days."""


def parse_moment(text: str) -> float:
    """Read a document's time as seconds since the epoch."""
    return datetime.fromisoformat(text).timestamp()


def tell_local(text: str) -> str:
    """Give a document's time as the operator's own clock shows it, with the date."""
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def tell_clock(text: str) -> str:
    """Give the time of day of it alone, for what has just happened."""
    return tell_local(text).partition(" ")[2]


def tell_age(text: str | None, *, now: float) -> str:
    """Say how long ago a document's time was."""
    if text is None:
        return "never"
    span_s = now - parse_moment(text)
    return "just now" if span_s < 1 else f"{tell_span(span_s)} ago"


def tell_span(seconds: float) -> str:
    """Say how long something takes, in its largest unit."""
    whole = max(0, int(seconds))
    if whole < MINUTE_S:
        return f"{whole} s"
    if whole < HOUR_S:
        return f"{whole // MINUTE_S} min"
    if whole < TWO_DAYS_S:
        return f"{whole // HOUR_S} h"
    return f"{whole // DAY_S} days"


def tell_latency(milliseconds: int) -> str:
    """Say how long an answer took; what is under a second needs no fraction of one."""
    return f"{milliseconds} ms" if milliseconds < SECOND_MS else f"{milliseconds / SECOND_MS:.1f} s"


def tell_size(size: int) -> str:
    """Say how much a number of bytes is, in units of a thousand."""
    from rich.filesize import decimal

    return decimal(size)
