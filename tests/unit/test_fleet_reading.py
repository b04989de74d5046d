"""What a fleet file or a set of seed documents may hold, and what clients inherit."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.errors import Invalid
from daemon.core.faqs import Faq, faqs_from_objects
from daemon.core.fleet.layers import question_key
from daemon.core.fleet.reading import read_seeds
from daemon.core.fleet.refusing import tell
from tests.doubles.fleet_kit import LUNA, SOL, MemoryFiles, read

HEAD = '[[clients]]\nname = "Bar Luna"\nphone_number = "+34666777888"\nphone_number_id = "1"\n'
FAQS = '[{ q = "¿Wifi?", a = "Sí." }]'
WIFI = Faq("¿Wifi?", "Sí.")


def test_a_client_needs_three_fields_and_faqs() -> None:
    """The least that makes a client, with the defaults of any seed, active."""
    (luna,) = read(LUNA).clients
    assert ("Bar Luna", "+34666777888", "1") == (
        luna.seed.name,
        luna.seed.phone_number,
        luna.seed.phone_number_id,
    )
    assert ("Europe/Madrid", "es", True) == (luna.seed.timezone, luna.seed.locale, luna.active)
    assert ((WIFI,), None) == (luna.faqs, luna.access_token)


def test_the_file_s_order_is_kept() -> None:
    """Clients come as they stand, named by number and name."""
    assert ["entry 1 (Bar Sol)", "entry 2 (Bar Luna)"] == [
        client.where for client in read(SOL + LUNA).clients
    ]


def test_a_fleet_of_none_says_so() -> None:
    """An explicit empty list is a fleet; a byte order mark is fine."""
    assert () == read(b"\xef\xbb\xbfclients = []").clients


def test_what_is_nearest_wins() -> None:
    """Client, template, its parents, defaults, in this order; an empty text clears."""
    (luna,) = read(
        f"""
        [defaults]
        locale = "ca"
        timezone = "Europe/Lisbon"
        welcome_message = "defaults"
        fallback_message = "defaults"
        business_hours = "defaults"
        [templates.shop]
        timezone = "Europe/Paris"
        welcome_message = "shop"
        fallback_message = "shop"
        active = false
        [templates.bar]
        inherits = "shop"
        welcome_message = "bar"
        fallback_message = "bar"
        {LUNA}
        template = "bar"
        fallback_message = ""
        """
    ).clients
    assert ("ca", "Europe/Paris", "bar", None, "defaults", False) == (
        luna.seed.locale,
        luna.seed.timezone,
        luna.seed.welcome_message,
        luna.seed.fallback_message,
        luna.seed.business_hours,
        luna.active,
    )


def test_faqs_add_up_from_the_top() -> None:
    """Inherited FAQs come first; the same question gets its new answer where it stood."""
    (luna,) = read(
        f"""
        [defaults]
        faqs = [{{ q = "A", a = "1" }}]
        [templates.shop]
        faqs = [{{ q = "¿Hay B?", a = "2" }}, {{ q = "C", a = "3" }}]
        [templates.bar]
        inherits = "shop"
        faqs = "bar"
        {HEAD}
        template = "bar"
        faqs = [{{ q = "E", a = "5" }}, {{ q = " ¿hay  b? ", a = "two" }}]
        """,
        bar=b'[{"q": "D", "a": "4"}]',
    ).clients
    assert [("A", "1"), ("¿Hay B?", "two"), ("C", "3"), ("D", "4"), ("E", "5")] == [
        (faq.question, faq.answer) for faq in luna.faqs
    ]


def test_all_faqs_may_be_inherited() -> None:
    """A client whose template has FAQs needs none of its own."""
    (luna,) = read(f'[templates.bar]\nfaqs = {FAQS}\n{HEAD}template = "bar"').clients
    assert (WIFI,) == luna.faqs


def test_an_access_token_comes_from_a_file() -> None:
    """The file names where the token lies; neither shows it when it is printed."""
    (luna,) = read(f'{LUNA}\naccess_token_file = "token"', token=b"EAAsecret\n").clients
    assert ("EAAsecret", "EAAsecret") == (luna.access_token, luna.fill_seed()["access_token"])
    assert "EAAsecret" not in repr(luna)


def test_what_is_not_given_stays_out_of_the_seed() -> None:
    """The mapping that onboards a client holds no nulls."""
    (luna,) = read(LUNA).clients
    assert {"name", "phone_number", "phone_number_id", "timezone", "locale"} == set(
        luna.fill_seed()
    )


def test_questions_are_the_same_as_in_a_faq_file() -> None:
    """Case, spaces and the way an accent is written make no other question."""
    assert question_key(" ¿ABRÍS  hoy?") == question_key("¿abri\u0301s\thoy?")


@given(st.text(min_size=1), st.text(min_size=1))
def test_two_questions_are_one_just_where_a_faq_file_says_so(one: str, other: str) -> None:
    """The rule that merges is the rule that refuses a question given twice."""
    entries = [{"q": f"x{one}", "a": "a"}, {"q": f"x{other}", "a": "a"}]
    try:
        faqs_from_objects(entries, source="x")
        refused = ""
    except Invalid as invalid:
        refused = str(invalid)
    if "NUL" in refused or "half a character" in refused:
        return
    same = question_key(f"x{one}".strip()) == question_key(f"x{other}".strip())
    assert same == ("the same question" in refused)


SEED = {
    "name": "Bar Luna",
    "phone_number": "+34 666 777 888",
    "phone_number_id": "1",
    "faqs": [{"q": "¿Wifi?", "a": "Sí."}],
    "welcome_message": None,
    "access_token": "EAAx",
}


def seeds(*documents: Any) -> list[tuple[str, bytes]]:
    return [
        (f"{n}.json", one if isinstance(one, bytes) else json.dumps(one).encode())
        for n, one in enumerate(documents, start=1)
    ]


def test_seed_documents_make_a_fleet() -> None:
    """What POST /clients takes, the access token too, a file a client."""
    (luna,) = read_seeds(seeds(SEED), source="folder", files=MemoryFiles()).clients
    assert ("1.json", "+34666777888", "EAAx", (WIFI,)) == (
        luna.where,
        luna.seed.phone_number,
        luna.access_token,
        luna.faqs,
    )


def test_bad_seed_documents_are_refused_by_file() -> None:
    """All of them are looked at, and each problem names its file."""
    bad = seeds(
        SEED,
        b"{",
        "é".encode("latin-1"),
        [SEED],
        SEED | {"active": True},
        b'{"name": "x", "name": "y"}',
        SEED,
        b"[" * 100_000,
        b"9" * 5000,
    )
    with pytest.raises(Invalid) as caught:
        read_seeds(bad, source="folder", files=MemoryFiles())
    assert [
        "2.json: broken JSON: expecting property name enclosed in double quotes in line 1",
        "3.json: not UTF-8",
        "4.json: must be a table of keys and values",
        "5.json: unknown key 'active'",
        "5.json: phone_number_id 1 is that of 1.json already",
        "6.json: broken JSON: the key 'name' stands there twice",
        "7.json: phone_number_id 1 is that of 1.json already",
        "8.json: broken JSON: nested too deeply",
        "9.json: broken JSON: Exceeds the limit",
    ] == [tell(problem).partition(", ")[0].partition(" (")[0] for problem in caught.value.problems]
