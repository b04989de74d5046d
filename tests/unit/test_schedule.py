"""Business hours: what the clock, the operator and the model make of them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from opening_hours import validate

from daemon.core.errors import Invalid
from daemon.core.schedule import (
    Hours,
    check_timezone,
    describe_situation,
    read_hours,
)
from daemon.core.timetable import FULL_DAY, Span, Week, build_osm

MADRID = ZoneInfo("Europe/Madrid")
DEMO = "L-V: 9:00-22:00, S: 10:00-23:00"


def at(text: str, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=MADRID, fold=fold)


TIMES = st.integers(0, 95).map(lambda quarter: quarter * 15)


@st.composite
def weeks(draw: st.DrawFn) -> Week:
    """Weeks as shops keep them: no, one or two spans a day, the last maybe over midnight."""
    kinds = []
    for _ in range(draw(st.integers(1, 3))):
        first, second, third, fourth = sorted(draw(st.sets(TIMES, min_size=4, max_size=4)))
        night = Span(max(fourth, 13 * 60), draw(st.integers(24 * 4 + 1, 24 * 4 + 20)) * 15)
        kinds.append(
            draw(
                st.sampled_from(
                    [
                        (),
                        (FULL_DAY,),
                        (Span(first, second),),
                        (Span(first, second), Span(third, fourth)),
                        (Span(first, second), night),
                    ]
                )
            )
        )
    week = tuple(draw(st.sampled_from(kinds)) for _ in range(7))
    assume(any(week))
    return week


@given(weeks(), st.sampled_from(["es", "en"]))
def test_the_echo_means_what_was_read(week: Week, locale: str) -> None:
    """What we say back to the operator, typed in again, gives the same hours."""
    hours = Hours(build_osm(week))
    assert validate(hours.osm)
    assert hours == read_hours(hours.describe(locale))


@example(
    week=((Span(0, 15), Span(780, 1560)),) * 7,
    wall=datetime(2026, 3, 20, 2),  # noqa: DTZ001 - its zone comes in the test
)
@given(weeks(), st.datetimes(datetime(2026, 3, 20), datetime(2026, 11, 5)))  # noqa: DTZ001
def test_changes_agree_with_open_and_closed(week: Week, wall: datetime) -> None:
    """A change turns open into closed or back, on every day of the year."""
    hours, now = Hours(build_osm(week)), wall.replace(tzinfo=MADRID)
    change = hours.next_change(now)
    if change is None:
        assert hours.is_open(now)
        return
    assert change.astimezone(UTC) > now.astimezone(UTC)
    assert hours.is_open(now) is not hours.is_open(change)


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("es_ES", "lunes y miércoles 09:00-14:00 y 17:00-20:00; martes 24 horas; jueves a domingo"),
        ("en", "Monday and Wednesday 09:00-14:00 and 17:00-20:00; Tuesday 24 hours; Thursday to"),
        ("ca", "dilluns i dimecres 09:00-14:00 i 17:00-20:00; dimarts 24 hores; dijous a"),
        ("pt-BR", "segunda e quarta 09:00-14:00 e 17:00-20:00; terça 24 horas; quinta a domingo"),
        ("fr", "lundi et mercredi 09:00-14:00 et 17:00-20:00; mardi 24 heures; jeudi à dimanche"),
        ("it", "lunedì e mercoledì 09:00-14:00 e 17:00-20:00; martedì 24 ore; giovedì a domenica"),
        ("de", "Montag und Mittwoch 09:00-14:00 und 17:00-20:00; Dienstag 24 Stunden; Donnerstag"),
        ("xx", "lunes y miércoles"),
    ],
)
def test_hours_are_said_in_the_client_language(locale: str, expected: str) -> None:
    """The echo speaks the client's language; where there are no words of ours, Spanish."""
    hours = read_hours("L, X: 9-14 y 17-20; martes 24h")
    assert hours.describe(locale).startswith(expected)


@pytest.mark.parametrize("osm", ["Mo-Fr", "PH off", "Sa 10:00-12:00; Mo 09:00-10:00", "open"])
def test_foreign_expression_is_not_described(osm: str) -> None:
    """Only our own canonical spelling is put into words."""
    with pytest.raises(ValueError, match="not in canonical form"):
        Hours(osm).describe("es")


def test_evening_runs_over_midnight_into_a_day_with_its_own_hours() -> None:
    """Saturday night is not cut off at midnight because Sunday has hours of its own."""
    hours = read_hours("S 20:00-3:00, D 10-14")
    assert hours.is_open(at("2026-11-22T02:59"))
    assert at("2026-11-22T03:00") == hours.next_change(at("2026-11-22T01:00"))
    assert at("2026-11-22T10:00") == hours.next_change(at("2026-11-22T03:00"))


def test_opening_and_closing_minute() -> None:
    """Open from the opening minute on, closed from the closing minute on."""
    hours = read_hours(DEMO)
    expected = [False, True, True, False]
    times = ["2026-11-21T09:59", "2026-11-21T10:00", "2026-11-21T22:59", "2026-11-21T23:00"]
    assert expected == [hours.is_open(at(time)) for time in times]


def test_the_hour_that_the_clock_shows_twice() -> None:
    """When summer time ends, a bar that closes at 2:30 closes once, the second time round."""
    hours = read_hours("todos los días 22:00-2:30")
    first, second = at("2026-10-25T02:45"), at("2026-10-25T02:15", fold=1)
    assert [True, True] == [hours.is_open(first), hours.is_open(second)]
    closing = hours.next_change(first)
    assert closing is not None
    assert datetime(2026, 10, 25, 1, 30, tzinfo=UTC) == closing.astimezone(UTC)
    assert not hours.is_open(at("2026-10-25T02:45", fold=1))


def test_the_hour_that_the_clock_leaves_out() -> None:
    """When summer time begins, closing at 2:30 happens as the clock jumps to three."""
    hours = read_hours("todos los días 22:00-2:30")
    assert at("2026-03-29T03:00") == hours.next_change(at("2026-03-29T01:59"))
    assert not hours.is_open(at("2026-03-29T03:00"))


def test_always_open_never_changes() -> None:
    """A shop that never closes has no next change."""
    hours, now = read_hours("24/7"), at("2026-11-21T12:00")
    assert (True, None) == (hours.is_open(now), hours.next_change(now))


@pytest.mark.parametrize("tzinfo", [None, UTC])
def test_a_time_without_a_zone_is_a_mistake_of_ours(tzinfo: None) -> None:
    """Wall times and bare offsets are refused: they cannot know about summer time."""
    with pytest.raises(TypeError):
        read_hours(DEMO).is_open(datetime(2026, 11, 21, 12, tzinfo=tzinfo))


WEEK_ES = "Business hours: lunes a viernes 09:00-22:00; sábado 10:00-23:00; domingo cerrado."


@pytest.mark.parametrize(
    ("now", "hours", "expected"),
    [
        (
            "2026-11-21T20:05",
            DEMO,
            (
                "Saturday 2026-11-21 21:05 (Europe/Madrid). "
                f"The business is open now (closes 23:00). {WEEK_ES}"
            ),
        ),
        (
            "2026-11-21T23:05",
            DEMO,
            (
                "Sunday 2026-11-22 00:05 (Europe/Madrid). "
                f"The business is closed now (opens Monday 09:00). {WEEK_ES}"
            ),
        ),
        (
            "2026-11-23T06:00",
            DEMO,
            (
                "Monday 2026-11-23 07:00 (Europe/Madrid). "
                f"The business is closed now (opens 09:00). {WEEK_ES}"
            ),
        ),
        (
            "2026-11-23T06:00",
            "lunes 0-24",
            (
                "Monday 2026-11-23 07:00 (Europe/Madrid). The business is open now (closes 24:00). "
                "Business hours: lunes 24 horas; martes a domingo cerrado."
            ),
        ),
        (
            "2026-11-23T06:00",
            "24h",
            (
                "Monday 2026-11-23 07:00 (Europe/Madrid). The business is open now "
                "(it never closes). Business hours: todos los días 24 horas."
            ),
        ),
        (
            "2026-11-23T06:00",
            'cuando\n"nos" apetece',
            (
                "Monday 2026-11-23 07:00 (Europe/Madrid). "
                'Business hours as the business wrote them: "cuando nos apetece".'
            ),
        ),
        ("2026-11-23T06:00", " ", "Monday 2026-11-23 07:00 (Europe/Madrid)."),
        ("2026-11-23T06:00", None, "Monday 2026-11-23 07:00 (Europe/Madrid)."),
    ],
)
def test_the_model_is_told_the_time_and_whether_it_is_open(
    now: str, hours: str | None, expected: str
) -> None:
    """One line: local time, open or closed and until when; unreadable hours only quoted."""
    instant = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert f"Local time: {expected}" == describe_situation(
        now=instant, timezone="Europe/Madrid", business_hours=hours, locale="es"
    )


@pytest.mark.parametrize("name", ["Europe/Madrid", "America/Argentina/Buenos_Aires", "UTC"])
def test_a_time_zone_is_taken(name: str) -> None:
    """Every IANA name will do."""
    check_timezone(name)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Madird", "did you mean Europe/Madrid"),
        ("madrid", "did you mean Europe/Madrid"),
        ("europe/madrid", "did you mean Europe/Madrid"),
        ("New York", "did you mean America/New_York"),
        ("qqqq", "an example is Europe/Madrid"),
        ("", "an example is Europe/Madrid"),
        ("../etc/passwd", "an example is Europe/Madrid"),
        ("Factory", "no such time zone"),
        ("Europe/Madrid\x00", "did you mean Europe/Madrid"),
    ],
)
def test_a_wrong_time_zone_gets_a_hint(name: str, hint: str) -> None:
    """A slip in the name is answered with the name that was meant."""
    with pytest.raises(Invalid, match=hint) as caught:
        check_timezone(name)
    assert "timezone" == caught.value.problems[0].field
