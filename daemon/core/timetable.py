"""A week of opening times as a value: to and from OSM's opening_hours, and into words. Pure.

Owns the canonical spelling of a week, so that two ways of typing the same hours compare equal.
Reads no people's spelling (`reading_hours` does) and knows no clock (`schedule` does).
Source of the syntax: OpenStreetMap wiki, Key:opening_hours/specification, read 2026-11.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from daemon.core.wording import choose_language

DAY_MINUTES = 24 * 60

OSM_DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
ALWAYS = "24/7"

_RULE = re.compile(
    r"(?P<days>[A-Z][A-Za-z,-]*) (?P<spans>\d\d:\d\d-\d\d:\d\d(?:,\d\d:\d\d-\d\d:\d\d)*)"
)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """One stretch of opening, in minutes from the day's midnight; past 1440 is the next day."""

    start: int
    end: int


FULL_DAY = Span(0, DAY_MINUTES)

Week = tuple[tuple[Span, ...], ...]
"""Seven days from Monday, each with its spans in order; none is a closed day."""


@dataclass(frozen=True, slots=True)
class Words:
    """How one language says a week."""

    days: tuple[str, ...]
    to: str
    conjunction: str
    every_day: str
    all_day: str
    closed: str


WORDS = {
    "es": Words(
        ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
        *("a", "y", "todos los días", "24 horas", "cerrado"),
    ),
    "en": Words(
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        *("to", "and", "every day", "24 hours", "closed"),
    ),
    "ca": Words(
        ("dilluns", "dimarts", "dimecres", "dijous", "divendres", "dissabte", "diumenge"),
        *("a", "i", "cada dia", "24 hores", "tancat"),
    ),
    "pt": Words(
        ("segunda", "terça", "quarta", "quinta", "sexta", "sábado", "domingo"),
        *("a", "e", "todos os dias", "24 horas", "fechado"),
    ),
    "fr": Words(
        ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
        *("à", "et", "tous les jours", "24 heures", "fermé"),
    ),
    "it": Words(
        ("lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato", "domenica"),
        *("a", "e", "tutti i giorni", "24 ore", "chiuso"),
    ),
    "de": Words(
        ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
        *("bis", "und", "täglich", "24 Stunden", "geschlossen"),
    ),
}
"""By language, as `wording` chooses it."""


def build_osm(week: Week) -> str:
    """Write a week in the one canonical form; a week with no opening at all gives ''."""
    if all(spans == (FULL_DAY,) for spans in week):
        return ALWAYS
    rules = [
        f"{_osm_days(days)} {','.join(f'{_osm(s.start)}-{_osm(s.end)}' for s in spans)}"
        for days, spans in _group(week)
        if spans
    ]
    # After ';' a rule replaces the whole day, and would cut off what the evening before runs over
    # midnight into it; after ',' it adds to the day.
    overnight = any(span.end > DAY_MINUTES for spans in week for span in spans)
    return (", " if overnight else "; ").join(rules)


def parse_osm(osm: str) -> Week:
    """Read back what `build_osm` wrote; raises ValueError on any other expression."""
    if osm == ALWAYS:
        return ((FULL_DAY,),) * 7
    week: list[tuple[Span, ...]] = [()] * 7
    for rule in re.split(r"[;,] ", osm):
        match = _RULE.fullmatch(rule)
        if match is None:
            raise ValueError(f"not in canonical form: {osm!r}")
        spans = tuple(_parse_span(text) for text in match["spans"].split(","))
        for part in match["days"].split(","):
            first, _, last = part.partition("-")
            start = OSM_DAYS.index(first)
            for day in range(start, OSM_DAYS.index(last or first) + 1):
                week[day] = spans
    if build_osm(tuple(week)) != osm:
        raise ValueError(f"not in canonical form: {osm!r}")
    return tuple(week)


def describe_week(week: Week, locale: str) -> str:
    """Say a week in words, closed days too; times on the 24-hour clock."""
    words = WORDS[choose_language(locale)]
    return "; ".join(
        f"{_say_days(days, words)} {_say_spans(spans, words)}" for days, spans in _group(week)
    )


def _group(week: Week) -> list[tuple[list[int], tuple[Span, ...]]]:
    """Put days with the same spans together, in the order of their first day."""
    groups: dict[tuple[Span, ...], list[int]] = {}
    for day, spans in enumerate(week):
        groups.setdefault(spans, []).append(day)
    return [(days, spans) for spans, days in groups.items()]


def _runs(days: Iterable[int]) -> list[list[int]]:
    """Split days into runs of three and more, and single days."""
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return [part for run in runs for part in ([run] if len(run) > 2 else [[d] for d in run])]  # noqa: PLR2004


def _osm_days(days: list[int]) -> str:
    return ",".join(
        OSM_DAYS[run[0]] if len(run) == 1 else f"{OSM_DAYS[run[0]]}-{OSM_DAYS[run[-1]]}"
        for run in _runs(days)
    )


def _osm(minutes: int) -> str:
    return "24:00" if minutes == DAY_MINUTES else _clock(minutes % DAY_MINUTES)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _parse_span(text: str) -> Span:
    start, end = (int(time[:2]) * 60 + int(time[3:]) for time in text.split("-"))
    return Span(start, end if end > start else end + DAY_MINUTES)


def _say_days(days: list[int], words: Words) -> str:
    if len(days) == len(OSM_DAYS):
        return words.every_day
    parts = [
        words.days[run[0]]
        if len(run) == 1
        else f"{words.days[run[0]]} {words.to} {words.days[run[-1]]}"
        for run in _runs(days)
    ]
    return _join(parts, words)


def _say_spans(spans: tuple[Span, ...], words: Words) -> str:
    if not spans:
        return words.closed
    if spans == (FULL_DAY,):
        return words.all_day
    return _join([f"{_osm(span.start)}-{_osm(span.end)}" for span in spans], words)


def _join(parts: list[str], words: Words) -> str:
    *head, last = parts
    return f"{', '.join(head)} {words.conjunction} {last}" if head else last
