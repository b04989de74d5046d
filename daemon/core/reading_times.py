"""A time of day and a stretch of it, as people type them: "9", "9:30h", "9am", "medianoche". Pure.

Owns when two times make one unmistakable stretch; days and rules are read by `reading_hours`.
"""

import re
from dataclasses import dataclass

from daemon.core.timetable import DAY_MINUTES, Span

NOON = 12 * 60
LAST_NOON = NOON + 59
FIRST_HOUR = 60
LONGEST_NIGHT = 18 * 60
"""Minutes; a stretch over midnight that is longer is a slip or an English "9-5"."""

AFTERNOON_HOURS = range(1, 7)
"""Bare hours that people use for the afternoon as readily as for the early morning."""

_CLOCK = re.compile(
    r"(?:(?P<word>mediodia|noon|midday|medianoche|midnight)"
    r"|(?P<hour>[0-9]{1,2})(?:[:.h](?P<minute>[0-9]{2}))?"
    r" ?(?P<half>a\.?m\b\.?|p\.?m\b\.?|de la manana|de la tarde|de la noche)?"
    r" ?(?:horas?\b|hrs?\b\.?|hs?\b\.?)?)(?![0-9a-z])"
)


class Unclear(ValueError):
    """Two times that do not make one stretch beyond doubt; the message says why."""


@dataclass(frozen=True, slots=True)
class _Time:
    minutes: int
    kind: str
    """`word`, `half` (am or pm), `clock` (surely of 24 hours) or `plain`."""


def read_clock(text: str, at: int) -> str:
    """Give the time that stands in folded text at this place, as typed; '' where none does."""
    match = _CLOCK.match(text, at)
    return match[0].rstrip() if match else ""


def build_span(start_text: str, end_text: str) -> Span:
    """Make a stretch of two times that `read_clock` gave; raises `Unclear`."""
    shown = f"{start_text}-{end_text}"
    start, end = _parse(start_text), _parse(end_text)
    if len({start.kind, end.kind} - {"word"}) > 1 and "half" in {start.kind, end.kind}:
        raise Unclear(f"{shown!r} needs am or pm on both sides")
    begins, ends = start.minutes, end.minutes or DAY_MINUTES
    if begins in (DAY_MINUTES, ends):
        raise Unclear(f"{shown!r} is no stretch of time")
    plain = {start.kind, end.kind} == {"plain"}
    if plain and begins // 60 in AFTERNOON_HOURS and ends <= NOON:
        raise Unclear(f"{shown!r} could be morning or afternoon; write it with 24 hours")
    if ends > begins:
        return Span(begins, ends)
    # "10-2" and "09:00-05:00" are mornings and office hours to those who type them; a night is
    # taken only where the evening is on the 24-hour clock, or am and pm are written out.
    sure = begins > LAST_NOON or ends < FIRST_HOUR or "half" in {start.kind, end.kind}
    if not sure or ends + DAY_MINUTES - begins > LONGEST_NIGHT:
        raise Unclear(f"{shown!r} ends before it begins; if that is meant, write am and pm")
    return Span(begins, ends + DAY_MINUTES)


def _parse(text: str) -> _Time:
    match = _CLOCK.fullmatch(text)
    if match is None:  # pragma: no cover - read_clock gave it
        raise Unclear(f"{text!r} is no time")
    if match["word"]:
        return _Time(NOON if match["word"] in {"mediodia", "noon", "midday"} else 0, "word")
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    if match["half"]:
        return _Time(_half_day(hour, match["half"], text) * 60 + _valid(minute, text), "half")
    if hour * 60 + _valid(minute, text) > DAY_MINUTES:
        raise Unclear(f"{text!r} is no time of day")
    sure = hour == 0 or hour > 12 or match["hour"].startswith("0")  # noqa: PLR2004
    return _Time(hour * 60 + minute, "clock" if sure else "plain")


def _valid(minute: int, text: str) -> int:
    if minute > 59:  # noqa: PLR2004
        raise Unclear(f"{text!r} is no time of day")
    return minute


def _half_day(hour: int, half: str, text: str) -> int:
    """Turn an hour of half a day into one of 24."""
    night = half.endswith("noche")
    if not 1 <= hour <= 12 or (night and hour < 6):  # noqa: PLR2004
        raise Unclear(f"{text!r} is no time of day")
    if night and hour == 12:  # noqa: PLR2004 - "las 12 de la noche" is midnight
        return 0
    return hour % 12 + (0 if half.startswith("a") or half.endswith("manana") else 12)
