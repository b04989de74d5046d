"""Which spellings of business hours are read, and which are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opening_hours import validate

from daemon.core.errors import FieldProblem
from daemon.core.schedule import UnreadableHours, read_hours
from daemon.core.timetable import build_osm, parse_osm

DEMO = "L-V: 9:00-22:00, S: 10:00-23:00"


@pytest.mark.parametrize(
    ("expected", "texts"),
    [
        (
            "Mo-Fr 09:00-22:00; Sa 10:00-23:00",
            [
                DEMO,
                "Horario: lunes a viernes de 9 a 22 y sábados de 10 a 23",
                "L-V 9:00-22:00. S 10:00-23:00. D cerrado",
                "Mon-Fri 9am-10pm; Sat 10am-11pm; Sun closed",
                "Monday through Friday, 9 AM – 10 PM / Saturdays 10:00 to 23:00",  # noqa: RUF001
                "LUN. A VIE. 9.00H - 22.00H\r\nSÁB. 10H00 A 23H",
                "9-22 L-V; 10-23 sábado; cerrado domingos",
                "Mo-Fr 09:00-22:00; Sa 10:00-23:00",
            ],
        ),
        (
            "Mo-Fr 09:00-14:00,17:00-20:30; Sa 10:00-14:00",
            [
                "Lunes a viernes 9-14 y 17-20:30; sábados 10-14; domingos cerrado",
                "L-V 9:00-14:00 / 17:00-20:30, S: 10-14",
                "Nuestro horario: L-V, de 9 a 14 17:00 a 20:30 horas S 10-14",
                (
                    "de lunes a viernes de 9 de la mañana a 2 de la tarde y de 5 de la tarde a "
                    "8:30 de la tarde & sábado 10-14"
                ),
            ],
        ),
        (
            "Mo,We,Fr 09:00-14:00",
            ["L, X y V: 9-14", "L/X/V 9-14", "lun, mié, vie: 9 a 14", "Mon, Wed and Fri 09-14"],
        ),
        ("Mo-Su 08:00-24:00", ["todos los días 8:00-24:00", "daily 8am-midnight", "L-D 8-0:00"]),
        (
            "24/7",
            ["24h", "24/7", "Abierto 24 horas todos los días", "L-D 0-24h", "always open"],
        ),
        (
            "Tu-Su 13:00-16:00,20:00-00:30",
            [
                "Martes a domingo de 13:00 a 16:00 y de 20:00 a 00:30",
                "M-D: 13-16, 20-0:30",
                "todos los días excepto lunes: 13-16 y 20-00:30",
                "every day 1pm-4pm and 8pm-12:30am except Mondays",
                "L-D 13-16 y 20-0:30, lunes cerrado",
            ],
        ),
        ("Mo-Fr 09:00-17:00", ["Mon-Fri 9am-5pm", "M-F 9am - 5pm", "weekdays 9 a.m. to 5 p.m."]),
        ("Tu-Fr 09:00-14:00", ["M, X, J y V: 9-14", "M-V: 9-14", "Mar-Vie 9-14"]),
        ("Mo,Fr-Su 22:00-03:00", ["viernes a lunes 22:00-03:00", "Fri-Mon 10pm-3am"]),
        ("Sa,Su 11:00-02:00", ["fines de semana 11am-2am", "S y D 11:00 am a 2:00 am"]),
        ("Mo 12:00-24:00", ["lunes de mediodía a 12 de la noche", "Mon noon to midnight"]),
        ("Mo 09:00-17:00", ["lunes 9-14 y 14-17"]),
        ("Mo 00:00-24:00", ["lunes 24h", "24 hours Monday", "lunes 0:00-24:00"]),
        ("Mo 19:00-23:00", ["lunes de 7 de la noche a 11 de la noche"]),
        ("Tu,We 10:00-13:00; Th 10:00-12:00", ["ma y mi 10-13, closed Sat, 10-12 jueves"]),
        ("Fr 20:00-03:00, Sa 20:00-24:00", ["V 20-3:00, S 20-24"]),
    ],
)
def test_same_hours_in_every_spelling(expected: str, texts: list[str]) -> None:
    """An agency's spelling does not matter: the same hours give the same expression."""
    assert dict.fromkeys(texts, expected) == {text: read_hours(text).osm for text in texts}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no opening time is given"),
        ("domingo cerrado", "no opening time is given"),
        ("festivos 9-14", "'festivos' is not understood"),
        ("L-V 9-14, previa cita", "'previa' is not understood"),
        ("L-V 9-cierre", "'cierre' is not understood"),
        ("L-V 9-14 🍕", "'🍕' is not understood"),
        ("L-V 9½-14", "'½' is not understood"),
        ("Mo-Do 9-17", "'do' is not understood"),
        ("mi horario 9-14", "'horario' is not understood"),
        ("9:00-22:00", "days are missing"),
        ("9-14 y", "days are missing before 'y'"),
        ("L-V", "times are missing"),
        ("L V 9-14", "times are missing before 'v'"),
        ("L- 9-14", "a range of days has no end before '9'"),
        ("L-L 9-14", "a range of days must go from one day to another"),
        ("L-fin de semana 9-14", "a range of days must go from one day to another"),
        ("lunes y lunes 9-14", "the same day stands twice in one list"),
        ("L-V 9-14, V 17-20", "one day has two sets of hours"),
        ("domingo cerrado, L-D 9-14", "one day has two sets of hours"),
        ("V 9-14, V cerrado", "one day has two sets of hours"),
        ("todos los días 9-22, sábados 10-23", "one day has two sets of hours"),
        ("L-V excepto domingo 9-14", "an exception must leave some of the days it is made from"),
        ("closed Sunday, Mon-Fri 9am-5pm", "'9am' could belong to two rules"),
        ("9-14 L, 10-13 S 15-16", "'15' could belong to two rules"),
        ("24/7 L", "'24/7' leaves no room for other hours"),
        ("L 9", "'9' is one time, not a range"),
        ("L 9-", "'9' has no closing time"),
        ("L 9-14-17", "times are missing before '-'"),
        ("L 9-5", "'9-5' ends before it begins; if that is meant, write am and pm"),
        ("L 09:00-05:00", "'09:00-05:00' ends before it begins; if that is meant, write am and pm"),
        ("L 10:00-02:00", "'10:00-02:00' ends before it begins; if that is meant, write am and pm"),
        ("L 13-12", "'13-12' ends before it begins; if that is meant, write am and pm"),
        ("L 9-2 y 5-8", "'9-2' ends before it begins; if that is meant, write am and pm"),
        ("L 5-8", "'5-8' could be morning or afternoon; write it with 24 hours"),
        ("L 9-14 y 13-20", "the times of one day overlap or stand out of order"),
        ("L 20-1:00 y 9-14", "the times of one day overlap or stand out of order"),
        ("L 9am-17", "'9am-17' needs am or pm on both sides"),
        ("L 9-5pm", "'9-5pm' needs am or pm on both sides"),
        ("L 9-9", "'9-9' is no stretch of time"),
        ("L 24:00-9:00", "'24:00-9:00' is no stretch of time"),
        ("L 9-25", "'25' is no time of day"),
        ("L 9:75-10", "'9:75' is no time of day"),
        ("L 9:75am-10am", "'9:75am' is no time of day"),
        ("L 13pm-14pm", "'13pm' is no time of day"),
        ("L 1 de la noche a 3 de la noche", "'1 de la noche' is no time of day"),
        ("S 10-14", "'S' could be Saturday or Sunday; write the day out"),
        ("M-F 9am-5pm, S 10am-1pm", "'S' could be Saturday or Sunday; write the day out"),
        ("L-M 9-14, J-V 9-20", "'M' could be martes, miércoles or Monday; write the day out"),
        ("M-F 9-14, M 9-10", "'M' could be martes, miércoles or Monday; write the day out"),
        ("L" * 501, "longer than 500 characters"),
    ],
)
def test_what_cannot_be_read_wholly_is_refused(text: str, reason: str) -> None:
    """A second reading is never chosen: the operator hears which piece stands in the way."""
    with pytest.raises(UnreadableHours) as caught:
        read_hours(text)
    assert (FieldProblem("business_hours", reason),) == caught.value.problems


WORDS = (
    *("L", "M", "X", "S", "D", "lunes", "sábados", "Mon", "Fri", "todos los días", "weekend"),
    *("-", "a", "to", ",", "y", ";", ":", "/", ".", "\n", "cerrado", "closed", "excepto", "24h"),
    *("9", "9:30", "14", "20:00", "00:30", "5pm", "9am", "24", "medianoche", "de", "?"),
)


@given(st.lists(st.sampled_from(WORDS), max_size=12), st.sampled_from(["", " "]))
def test_what_is_accepted_is_a_valid_expression(words: list[str], glue: str) -> None:
    """Whatever passes the reader, the calendar engine takes, and our own echo reads the same."""
    try:
        hours = read_hours(glue.join(words))
    except UnreadableHours:
        return
    assert validate(hours.osm)
    assert hours.osm == build_osm(parse_osm(hours.osm))
    assert hours.describe("es")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text ends in another error."""
    try:
        read_hours(text)
    except UnreadableHours as error:
        assert error.problems  # noqa: PT017 - either outcome will do
