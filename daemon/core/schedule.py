"""Business hours: what a text means, whether it is open now, when that changes. Pure.

Owns opening hours as a value (`Hours`) and the line about time that the model is told. Reading
people's spelling is `reading_hours`'s, the engine that walks a calendar is opening-hours-py's.
Refuses to own public holidays: no text that mentions them is readable.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

from daemon.core.errors import FieldProblem, Invalid
from daemon.core.reading_hours import UnreadableHours, read_week
from daemon.core.timetable import WORDS, build_osm, describe_week, parse_osm

if TYPE_CHECKING:
    from opening_hours import OpeningHours

__all__ = ["Hours", "UnreadableHours", "check_timezone", "describe_situation", "read_hours"]

LOOK_BACK = timedelta(days=1)
"""Far enough to meet the interval that is running, or to clip it."""

LOOK_AHEAD = timedelta(days=9)
"""A week repeats: what does not change in nine days never does."""

QUOTED_CHARS = 200
"""How much of an unreadable text the model is shown."""

UNUSABLE_ZONES = frozenset({"Factory", "localtime"})
"""In the system's list of names, but no zones that a business can be in."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Opening hours in OSM's opening_hours syntax, in the one spelling that `read_hours` gives.

    Every `at` is an aware datetime in the business's time zone, with a `ZoneInfo`; what comes
    back is in that zone too.
    """

    osm: str

    def is_open(self, at: datetime) -> bool:
        """Tell whether the business is open at this instant."""
        return next(opened for _, end, opened in self._intervals(at) if _utc(end) > _utc(at))

    def next_change(self, at: datetime) -> datetime | None:
        """Give the next instant after `at` when it opens or closes; None where it never does."""
        starts = (start for start, _, _ in self._intervals(at) if _utc(start) > _utc(at))
        return next(starts, None)

    def describe(self, locale: str) -> str:
        """Say the hours in words, closed days too: what an operator checks the reading by."""
        return describe_week(parse_osm(self.osm), locale)

    def _intervals(self, at: datetime) -> Iterator[tuple[datetime, datetime, bool]]:
        """Yield the stretches around `at`, open and closed in turn; instants, never wall time.

        The engine's own `is_open` goes by the wall clock, which shows one hour twice when summer
        time ends; its intervals know both hours, so everything here rests on them.
        """
        if not isinstance(at.tzinfo, ZoneInfo):
            raise TypeError("an aware datetime with a ZoneInfo is needed")
        zone, now = at.tzinfo, _utc(at)
        # Reckoned in UTC: the engine refuses a wall time that the clock leaves out. The last
        # stretch ends where the looking ends, hence only starts count as changes.
        found = _engine(self.osm, zone).intervals(
            (now - LOOK_BACK).astimezone(zone), (now + LOOK_AHEAD).astimezone(zone)
        )
        for start, end, state, _ in found:
            if _utc(end) > _utc(start):
                yield start, end, str(state) == "open"


@lru_cache(maxsize=1024)
def _engine(osm: str, zone: ZoneInfo) -> "OpeningHours":
    # Late, for a CLI that never asks what time it is: 20 ms and 13 MB.
    from opening_hours import OpeningHours  # noqa: PLC0415

    return OpeningHours(osm, timezone=zone)


def _utc(at: datetime) -> datetime:
    """Make instants comparable: two times of one zone compare by wall clock in Python."""
    return at.astimezone(UTC)


@lru_cache(maxsize=4096)
def read_hours(text: str) -> Hours:
    """Read hours as an agency types them; raises `UnreadableHours` rather than guess."""
    return Hours(build_osm(read_week(text)))


@lru_cache(maxsize=1)
def _known_zones() -> frozenset[str]:
    # Looking through the zone files takes 10 ms, in a daemon that serves others meanwhile.
    return frozenset(available_timezones() - UNUSABLE_ZONES)


def check_timezone(name: str) -> None:
    """Refuse what is no IANA time zone, with the nearest names; raises `Invalid`."""
    known = _known_zones()
    if name in known:
        return
    wanted = name.strip().lower().replace(" ", "_")
    by_lower: dict[str, str] = {}
    for zone in sorted(known, key=lambda zone: (zone.count("/") != 1, zone)):
        for key in (zone.lower(), zone.rpartition("/")[2].lower()):
            by_lower.setdefault(key, zone)
    near = difflib.get_close_matches(wanted, by_lower, n=3, cutoff=0.7)
    names = list(dict.fromkeys(by_lower[key] for key in near))
    hint = f"did you mean {' or '.join(names)}?" if names else "an example is Europe/Madrid"
    shown = repr(name[:60])
    raise Invalid(
        f"no such time zone: {shown}; {hint}",
        problems=(FieldProblem("timezone", f"no such time zone; {hint}"),),
    )


def describe_situation(
    *, now: datetime, timezone: str, business_hours: str | None, locale: str
) -> str:
    """Write the one line about time that the model is told, in English.

    `now` is aware, `timezone` an IANA name, `business_hours` the text as typed; the hours, where
    they can be read, follow in the client's `locale`.
    """
    local = now.astimezone(ZoneInfo(timezone))
    line = f"Local time: {_weekday(local)} {local:%Y-%m-%d %H:%M} ({timezone})."
    if not business_hours or not business_hours.strip():
        return line
    try:
        hours = read_hours(business_hours)
    except UnreadableHours:
        quoted = re.sub(r'[\s"]+', " ", business_hours).strip()[:QUOTED_CHARS]
        return f'{line} Business hours as the business wrote them: "{quoted}".'
    return f"{line} {_say_now(hours, local)} Business hours: {hours.describe(locale)}."


def _say_now(hours: Hours, local: datetime) -> str:
    change = hours.next_change(local)
    if change is None:
        return "The business is open now (it never closes)."
    when = _when(change, local)
    if hours.is_open(local):
        return f"The business is open now (closes {when})."
    return f"The business is closed now (opens {when})."


def _when(change: datetime, local: datetime) -> str:
    """Name a time, with its day where that is not today; midnight tonight is today's 24:00."""
    if change.date() == local.date():
        return f"{change:%H:%M}"
    if f"{change:%H:%M}" == "00:00" and change.date() - local.date() == timedelta(days=1):
        return "24:00"
    return f"{_weekday(change)} {change:%H:%M}"


def _weekday(at: datetime) -> str:
    return WORDS["en"].days[at.weekday()]
