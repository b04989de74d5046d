"""What a FAQ file may hold, and how a bad one is refused."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.errors import FieldProblem, Invalid
from daemon.core.faqs import (
    MAX_CHARS,
    MAX_FAQ_BYTES,
    MAX_PROBLEMS,
    Faq,
    faqs_from_objects,
    parse_faqs,
)

EXAMPLE = Path(__file__).parents[2] / "faqs.example.json"

TWO = (Faq("¿Abrís?", "Sí"), Faq("¿Dónde?", "Aquí; y allí"))


def refusal(data: bytes) -> Invalid:
    with pytest.raises(Invalid) as caught:
        parse_faqs(data, source="faqs.json")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("faqs.json: ")
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        '[{"q":"¿Abrís?","a":"Sí"},{"a":" Aquí; y allí ","q":"\\t¿Dónde?"}]',
        "\ufeff" + '\n [{"q":"¿Abrís?","a":"Sí"},{"q":"¿Dónde?","a":"Aquí; y allí"}]\n',
        "q,a\n¿Abrís?,Sí\n¿Dónde?,Aquí; y allí\n",
        '\ufeffq;a\r\n¿Abrís?;Sí\r\n\r\n   \r\n¿Dónde?;"Aquí; y allí"\r\n',
        '"Pregunta", "Respuesta"\n"¿Abrís?", "Sí"\n¿Dónde?,Aquí; y allí',
        "ANSWER\tQuestion\nSí\t¿Abrís?\nAquí; y allí\t¿Dónde?",
        ' Q ;respuesta\r¿Abrís?;Sí\r¿Dónde?;"Aquí; y allí"',
    ],
)
def test_same_faqs_from_every_accepted_spelling(text: str) -> None:
    """JSON and CSV, with a byte order mark or Excel's semicolons, read alike."""
    assert parse_faqs(text.encode(), source="x") == TWO


def test_quoted_newlines_and_doubled_quotes_are_kept() -> None:
    """A CSV answer keeps its lines and its quotes."""
    data = b'q,a\nCarta,"Uno\nDos ""bis"""\n'
    assert (Faq("Carta", 'Uno\nDos "bis"'),) == parse_faqs(data, source="x")


def test_nobody_is_sent_a_book() -> None:
    """A customer would get it as hundreds of messages, each of them paid for."""
    book = [{"q": "Carta", "a": "x" * MAX_CHARS}]
    assert MAX_CHARS == len(faqs_from_objects(book, source="x")[0].answer)
    with pytest.raises(Invalid, match="entry 1: the answer is over 40960 characters"):
        faqs_from_objects([{"q": "Carta", "a": "x" * (MAX_CHARS + 1)}], source="x")


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_every_line_ends_in_a_line_feed_alone(end: str) -> None:
    """What Excel writes inside a quoted cell, or JSON escapes, is no other answer than ours."""
    expected = (Faq("Carta", "Uno\nDos"),)
    cell = f'q,a{end}Carta,"Uno{end}Dos"{end}'.encode()
    assert expected == parse_faqs(cell, source="x")
    assert expected == faqs_from_objects([{"q": "Carta", "a": f"Uno{end}Dos{end}"}], source="x")


def test_example_file_is_the_demo_restaurant() -> None:
    """The file that the demo client is made from stays readable: hours, bookings, menu."""
    faqs = parse_faqs(EXAMPLE.read_bytes(), source=EXAMPLE.name)
    assert [faq.question for faq in faqs] == [
        "¿Cuál es el horario?",
        "¿Cómo puedo hacer una reserva?",
        "¿Tenéis menú del día?",
    ]


@pytest.mark.parametrize(
    ("entry", "field", "reason"),
    [
        ('{"q":" \\n","a":"x"}', "faqs[2].q", "the question is empty"),
        ('{"q":"x","a":""}', "faqs[2].a", "the answer is empty"),
        ('{"q":"x","a":"\\u200b"}', "faqs[2].a", "the answer is empty"),
        ('{"q":"x"}', "faqs[2].a", "the answer is missing"),
        ('{"q":1,"a":"x"}', "faqs[2].q", "the question must be text, not a number"),
        ('{"q":NaN,"a":"x"}', "faqs[2].q", "the question must be text, not a number"),
        ('{"q":true,"a":"x"}', "faqs[2].q", "the question must be text, not true or false"),
        ('{"q":null,"a":"x"}', "faqs[2].q", "the question must be text, not null"),
        ('{"q":[],"a":"x"}', "faqs[2].q", "the question must be text, not a list"),
        ('{"q":{},"a":"x"}', "faqs[2].q", "the question must be text, not an object"),
        ('{"q":"x","a":"y","z":1}', "faqs[2]", "unknown key 'z'"),
        ('{"q":"x","q":"y","a":"z"}', "faqs[2]", "the key 'q' stands there twice"),
        ('{"q":"x\\u0000","a":"y"}', "faqs[2].q", "the question holds a NUL character"),
        ('{"q":"x\0","a":"y"}', "faqs[2].q", "the question holds a NUL character"),
        (
            '{"q":"x","a":"\\ud800"}',
            "faqs[2].a",
            "the answer holds half a character (a lone surrogate), which cannot be stored",
        ),
        ('{"q":"  uno  DOS","a":"x"}', "faqs[2].q", "the same question as entry 1"),
        ('"x"', "faqs[2]", 'must be an object with "q" and "a", not text'),
    ],
)
def test_bad_entry_is_named_with_its_number_and_reason(entry: str, field: str, reason: str) -> None:
    """Entries are counted from 1, and the one line says which and why."""
    error = refusal(f'[{{"q":"Uno dos","a":"x"}},{entry}]'.encode())
    assert (FieldProblem(field, reason),) == error.problems
    assert f"faqs.json: entry 2: {reason}" == str(error)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no entries: the file is empty"),
        (b"\xef\xbb\xbf \n", "no entries: the file is empty"),
        (b"[]", "no entries"),
        (b"q,a\n", "no entries"),
        (b'{"q":"x","a":"y"}', 'must be a list of {"q", "a"}, not an object'),
        (b'{"q":"x","q":"y"}', 'must be a list of {"q", "a"}, not this object repeats a key'),
        (b"[{]", "broken JSON in line 1, column 3: "),
        (b'[{"q":"x",\n"a":"y"},]', "broken JSON in line 2, column 9: a comma too many"),
        (b'[{"q":"x","a":"y",}]', "broken JSON in line 1, column 18: a comma too many"),
        (b'[{"q":"x","a":"y\n"}]', "broken JSON in line 1, column 17: "),
        (b"[" * 200_000, "broken JSON: nested too deeply"),
        (
            b"q,a\nx,caf\xe9\n",
            "not UTF-8: byte 0xe9 in line 2 (save it as UTF-8; in Excel, as CSV UTF-8)",
        ),
        (
            "q,a\nx,y\n".encode("utf-16"),
            "not UTF-8: byte 0xff in line 1 (save it as UTF-8; in Excel, as CSV UTF-8)",
        ),
        (b" " * (MAX_FAQ_BYTES + 1), "over 5 MB"),
        (b"hello\n", "neither a JSON list nor a CSV: the first line 'hello' is no header \"q,a\""),
        (b"q,a,z\n1,2,3\n", "the first line 'q,a,z' is no header"),
        (b"q,q\n1,2\n", "the first line 'q,q' is no header"),
        (b"\x1b[2J" + b"x" * 99, "the first line '\\x1b[2J"),
    ],
)
def test_unreadable_file_is_refused_whole_in_one_line(data: bytes, reason: str) -> None:
    """What is wrong with the file as a whole is one problem of the list itself."""
    error = refusal(data)
    assert (error.problems[0].field, len(error.problems)) == ("faqs", 1)
    assert reason in str(error)


@pytest.mark.parametrize(
    ("text", "field", "reason"),
    [
        ('q,a\nx,y\n"z,w\n', "faqs[2]", "a quote opened in line 3 or after it is never closed"),
        ('q,a\nx,"y\nz,"w"\n', "faqs[1]", "a quote in line 2 or after it is left open"),
        ('q,a\nx,"' + "y" * 200_000, "faqs[1]", "a cell from line 2 on never ends"),
        ("q,a\nx,y,z\n", "faqs[1]", "3 columns in line 2, where the header has 2"),
        ("q,a\nx\n", "faqs[1].a", "the answer is missing"),
        ("q,a\nx,y\n,\n", "faqs[2].q", "the question is empty"),
        ("q,a\nx\0,y\n", "faqs[1].q", "the question holds a NUL character"),
        ("q,a\nx,y\nX ,z\n", "faqs[2].q", "the same question as entry 1"),
    ],
)
def test_bad_csv_row_is_named(text: str, field: str, reason: str) -> None:
    """A CSV row counts as an entry, its header does not."""
    problem = refusal(text.encode()).problems[0]
    assert field == problem.field
    assert problem.reason.startswith(reason)


def test_every_problem_is_kept_and_the_message_stays_short() -> None:
    """An operator mends a file in one go; the line names three and counts the rest."""
    error = refusal(json.dumps([{"q": "", "a": ""}] * 3).encode())
    assert len(error.problems) == 6
    assert str(error).endswith("entry 2: the question is empty; and 3 more")


def test_problems_of_a_hopeless_file_are_bounded() -> None:
    """A million bad rows do not become a million problems."""
    error = refusal(json.dumps([0] * 5000).encode())
    assert len(error.problems) == MAX_PROBLEMS
    assert str(error).endswith("; and 4997 more")


def test_huge_number_is_no_more_than_a_wrong_type() -> None:
    """A number too long for Python's int is refused like any other number."""
    error = refusal(f'[{{"q":{"9" * 6000},"a":"x"}}]'.encode())
    assert error.problems[0].reason == "the question must be text, not a number"


def test_decoded_objects_take_the_same_check() -> None:
    """The HTTP body passes through the very same door."""
    assert (Faq("x", "y"),) == faqs_from_objects([{"q": "x ", "a": "y"}], source="faqs")
    with pytest.raises(Invalid, match="faqs: must be a list"):
        faqs_from_objects("x", source="faqs")
    with pytest.raises(Invalid, match="unknown key '7'"):
        faqs_from_objects([{"q": "x", "a": "y", 7: "z"}], source="faqs")


@given(st.one_of(st.binary(), st.text().map(str.encode)))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """No input, however odd, ends in anything but FAQs or a refusal of one line."""
    for start in (b"", b"q,a\n", b"["):
        try:
            assert parse_faqs(start + data, source="x")
        except Invalid as error:
            assert len(str(error).splitlines()) == 1  # noqa: PT017 - either outcome will do
