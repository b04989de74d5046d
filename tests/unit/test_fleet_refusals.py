"""How a bad fleet file is refused: whole, with every problem in its place."""

import pytest

from daemon.core.errors import Invalid
from daemon.core.fleet.reading import MAX_FLEET_BYTES
from daemon.core.fleet.refusing import suggest, tell
from tests.doubles.fleet_kit import LUNA, SOL, read

HEAD = '[[clients]]\nname = "Bar Luna"\nphone_number = "+34666777888"\nphone_number_id = "1"\n'
RING = """
[templates.a]
inherits = 'b'
[templates.b]
inherits = 'c'
[templates.c]
inherits = 'b'
"""


def problems(text: str | bytes, **content: bytes) -> list[str]:
    with pytest.raises(Invalid) as caught:
        read(text, **content)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("fleet.toml: ")
    return [tell(problem) for problem in caught.value.problems]


REFUSED: dict[str, tuple[str | bytes, list[str]]] = {
    "syntax": ('[[clients]\nname = "x"', ["broken TOML in line 1, column 10: "]),
    "json": ('[\n  {"q": "a"}]', ["it is JSON, and a fleet is TOML"]),
    "syntax at the end": ('a = "', ["broken TOML: Unterminated string (at end of document)"]),
    "a key twice": (
        "a = 1\na = 2\nb = 3",
        ["broken TOML in line 2, column 6: Cannot overwrite a value"],
    ),
    "a number of 5000 digits": (b"a = " + b"9" * 5000, ["broken TOML: Exceeds the limit"]),
    "nested too deeply": (b"a = " + b"[" * 100_000, ["broken TOML: "]),
    "not UTF-8": (LUNA.encode("latin-1"), ["not UTF-8: byte 0xbf in line 6"]),
    "too large": (b"#" * (MAX_FLEET_BYTES + 1), ["over 20 MB"]),
    "empty": ("", ["there is no [[clients]]; for a fleet of none write: clients = []"]),
    "one client only": ("[clients]\nname = 'x'", ["clients are written as [[clients]]"]),
    "clients that are none": ("clients = [1]", ["entry 1: must be a table of keys and values"]),
    "defaults that are none": (f"defaults = 1\n{LUNA}", ["[defaults]: must be a table"]),
    "templates that are none": (
        f"templates = 1\n{LUNA}",
        ["templates are written as [templates.NAME]"],
    ),
    "a template that is none": (
        f"[templates]\nbar = 'x'\n{LUNA}",
        ["[templates.bar]: must be a table"],
    ),
    "an unknown top key": (f"[template.bar]\n{LUNA}", ["unknown key 'template', did you mean"]),
    "a misspelt key": (
        f"{LUNA}\nbusines_hours = 'x'",
        ["entry 1 (Bar Luna): unknown key 'busines_hours', did you mean business_hours?"],
    ),
    "a key like none": (
        f"{LUNA}\nzzz = 'x'",
        ["entry 1 (Bar Luna): unknown key 'zzz', there is access_token_file, active, "],
    ),
    "a token in the file itself": (
        f"{LUNA}\naccess_token = 'EAAsecret'",
        ["entry 1 (Bar Luna): unknown key 'access_token', did you mean access_token_file?"],
    ),
    "a template in a template": (
        f"[templates.a]\ntemplate = 'b'\n{LUNA}",
        ["[templates.a]: unknown key 'template', there is "],
    ),
    "a number for a text": (
        f"{SOL}{LUNA}\nwelcome_message = 5",
        ["entry 2 (Bar Luna): welcome_message: must be text"],
    ),
    "a date for a text": (
        f"{LUNA}\nbusiness_hours = 2026-01-01",
        ["entry 1 (Bar Luna): business_hours: must be text"],
    ),
    "a number for a truth": (
        f"{LUNA}\nactive = 1",
        ["entry 1 (Bar Luna): active: must be true or false"],
    ),
    "a bad phone number": (
        LUNA.replace("+34666777888", "666"),
        ["entry 1 (Bar Luna): phone_number: must be + and 7 to 15 digits"],
    ),
    "a name that is no text": (
        LUNA.replace('"Bar Luna"', "5"),
        ["entry 1: name: must be text"],
    ),
    "a name that steers": (
        LUNA.replace("Bar Luna", "\\u001b[31mBar " + "x" * 50),
        ["entry 1 (�[31mBar xxx"],
    ),
    "an unknown timezone": (
        f"[defaults]\ntimezone = 'Europe/Madird'\n{LUNA}{SOL}",
        ["[defaults]: timezone: no such time zone: 'Europe/Madird'; did you mean Europe/Madrid"],
    ),
    "missing fields": (
        "[[clients]]\nphone_number_id = '1'",
        ["entry 1: name is missing", "entry 1: phone_number is missing", "entry 1: faqs is mis"],
    ),
    "two entries for one number": (
        LUNA + SOL.replace('id = "2"', 'id = "1"'),
        ["entry 2 (Bar Sol): phone_number_id 1 is that of entry 1 (Bar Luna) already"],
    ),
    "no FAQs": (
        f"{HEAD}faqs = []",
        ["entry 1 (Bar Luna): faqs: no entries"],
    ),
    "FAQs that are a number": (
        f"{HEAD}faqs = 5",
        ['entry 1 (Bar Luna): faqs: must be a list of {"q", "a"}, not a number'],
    ),
    "a bad FAQ": (
        f"{HEAD}faqs = [{{ q = 'x', a = 'y' }}, {{ q = 'z' }}]",
        ["entry 1 (Bar Luna): faqs: entry 2: the answer is missing"],
    ),
    "a missing FAQ file": (
        f"{HEAD}faqs = 'nowhere.csv'",
        ["entry 1 (Bar Luna): there is no file nowhere.csv"],
    ),
    "a bad FAQ file": (
        f"{HEAD}faqs = 'bad'",
        ["entry 1 (Bar Luna): bad: entry 1: the answer is empty"],
    ),
    "a missing token file": (
        f"{LUNA}\naccess_token_file = 'nowhere'",
        ["entry 1 (Bar Luna): there is no file nowhere"],
    ),
    "a token file that is no path": (
        f"{LUNA}\naccess_token_file = 5",
        ["entry 1 (Bar Luna): access_token_file must be the path of a file"],
    ),
    "a token that is none": (
        f"{LUNA}\naccess_token_file = 'words'",
        ["entry 1 (Bar Luna): access_token: is no access token"],
    ),
    "an unknown template": (
        f"[templates.restaurant]\n{LUNA}\ntemplate = 'restaurnat'",
        ["entry 1 (Bar Luna): template: there is no template 'restaurnat', did you mean resta"],
    ),
    "a template where there is none": (
        f"{LUNA}\ntemplate = 'bar'",
        ["entry 1 (Bar Luna): template: there is no template 'bar'"],
    ),
    "a template that is no name": (
        f"[templates.a]\ninherits = ['b']\n{LUNA}\ntemplate = 5",
        [
            "[templates.a]: inherits must be the name of a template",
            "entry 1 (Bar Luna): template must be the name of a template",
        ],
    ),
    "an unknown parent": (
        f"[templates.bar]\ninherits = 'baz'\n{LUNA}\ntemplate = 'bar'",
        ["[templates.bar]: inherits: there is no template 'baz', did you mean bar?"],
    ),
    "a template that inherits itself": (
        f"[templates.bar]\ninherits = 'bar'\n{LUNA}\ntemplate = 'bar'",
        ["[templates.bar]: inherits itself: bar -> bar"],
    ),
    "a ring of templates": (
        f"{RING}{LUNA}\ntemplate = 'a'",
        ["[templates.b]: inherits itself: b -> c -> b"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_file_is_refused_with_place_and_reason(case: str) -> None:
    """Every problem is named once, where it stands, and nothing else is."""
    text, expected = REFUSED[case]
    found = problems(text, bad=b"q,a\nx,\n", words=b"no token")
    assert len(expected) == len(found), found
    assert [] == [(want, got) for want, got in zip(expected, found, strict=True) if want not in got]


def test_all_problems_are_told_together() -> None:
    """One line names the first three and counts the rest; each is kept."""
    text = "".join(LUNA.replace('id = "1"', f'id = "{n}"') + "x = 1" for n in range(150))
    with pytest.raises(Invalid) as caught:
        read(text)
    assert "; and 147 more" in str(caught.value)
    assert 100 == len(caught.value.problems)


def test_a_secret_is_quoted_nowhere() -> None:
    """A refusal names the token's file, never what stands in it."""
    assert "words" not in problems(f"{LUNA}\naccess_token_file = 't'", t=b"some words")[0]


def test_nothing_is_suggested_where_there_is_nothing() -> None:
    """A guess needs something to guess from."""
    assert "" == suggest("x", [])
