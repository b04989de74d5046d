"""What is exported, read back, is the same fleet, whatever its texts."""

import tomllib
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.errors import Invalid
from daemon.core.faqs import Faq, faqs_from_objects
from daemon.core.fleet.comparing import compare
from daemon.core.fleet.writing import write_faqs, write_fleet
from daemon.core.seeds import ClientSeed, validate
from daemon.core.wording import default_fallback
from released_cli.fleet_apply import Outcome, carry_out
from tests.doubles.fake_office import FakeOffice
from tests.doubles.fleet_kit import LUNA, SOL, read

ODD = [
    *('"', '"""', "'''", "\\", "\\n", "#", " ", "\n", "\r\n", "\r", "\t"),
    *("€", "é", "👩‍👩‍👧", "\u200b", "\u2028"),
]

texts = st.one_of(st.text(max_size=30), st.lists(st.sampled_from(ODD), max_size=12).map("".join))
optional = st.one_of(st.none(), texts)
faq_lists = st.lists(
    st.fixed_dictionaries({"q": texts.map(lambda q: f"{q}?"), "a": texts.map(lambda a: f"{a}.")}),
    min_size=1,
    max_size=4,
)


def is_taken(seed: Mapping[str, Any]) -> bool:
    try:
        validate(ClientSeed, {name: value for name, value in seed.items() if name[:1] != "_"})
        faqs_from_objects(seed["_faqs"], source="x")
    except Invalid:
        return False
    return True


clients = st.fixed_dictionaries(
    {
        "name": texts.map(lambda name: f"Bar {name}"),
        "phone_number": st.just("+34666777888"),
        "phone_number_id": st.integers(0, 10**15).map(str),
        "welcome_message": optional,
        "fallback_message": st.one_of(optional, st.just(default_fallback("en"))),
        "business_hours": optional,
        "timezone": st.sampled_from(["Europe/Madrid", "UTC"]),
        "locale": st.sampled_from(["es", "en", "pt_BR"]),
        "access_token": st.sampled_from([None, "EAAx"]),
        "_faqs": faq_lists,
        "_active": st.booleans(),
    }
).filter(is_taken)


def export(office: FakeOffice) -> str:
    return write_fleet([(one, office.list_faqs(one["id"])) for one in office.list_clients()])


def compared(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "access_token_digest"}


@given(st.lists(clients, max_size=3, unique_by=lambda client: str(client["phone_number_id"])))
def test_what_is_exported_is_no_difference_and_makes_the_same_again(
    fleet: list[dict[str, Any]],
) -> None:
    """Export, then plan: no differences. Applied to an empty database: the same documents."""
    office, empty = FakeOffice(), FakeOffice()
    for seed in fleet:
        faqs = faqs_from_objects(seed["_faqs"], source="x")
        made = office.add_client({k: v for k, v in seed.items() if k[:1] != "_"}, faqs)
        office.update_client(made["id"], {"active": seed["_active"]})
    wanted = read(export(office))
    plan = compare(wanted, office.list_clients(), list_faqs=office.list_faqs, prune=True)
    assert () == plan.differences
    onto = compare(wanted, [], list_faqs=empty.list_faqs, prune=True)
    outcome = Outcome(0)
    carry_out(empty.as_admin(), onto.differences, outcome, advance=lambda: None)
    assert [] == outcome.failures
    assert [*map(compared, office.list_clients())] == [*map(compared, empty.list_clients())]
    assert office.faqs == empty.faqs


def onboard(text: str, **changes: Any) -> FakeOffice:
    office = FakeOffice()
    for wanted in read(text).clients:
        made = office.add_client(wanted.fill_seed(), wanted.faqs)
        office.update_client(made["id"], changes)
    return office


def test_what_everybody_has_is_left_out() -> None:
    """A field that is empty, a default fallback and being active need no line."""
    (table,) = tomllib.loads(export(onboard(LUNA)))["clients"]
    assert ["name", "phone_number", "phone_number_id", "timezone", "locale", "faqs"] == list(table)


def test_long_texts_stand_on_their_lines() -> None:
    """A text of several lines is written for people to edit."""
    text = export(onboard(LUNA, welcome_message="Hola\n¿qué tal?"))
    assert 'welcome_message = """\nHola\n¿qué tal?"""' in text


def test_an_access_token_is_told_of_and_not_written() -> None:
    """The client that has one carries a comment."""
    text = export(onboard(LUNA + SOL, access_token="EAAsecret"))
    assert "EAAsecret" not in text
    assert 2 == text.count("# Its own access token is not exported")
    assert 0 == export(onboard(LUNA)).count("# Its own")


def test_an_empty_fleet_can_be_applied() -> None:
    """No clients is something that a file can say."""
    assert () == read(write_fleet([])).clients


def test_a_faq_file_can_be_read_back() -> None:
    """As the fleet names it: JSON."""
    (luna,) = read(
        LUNA.replace('[{ q = "¿Wifi?", a = "Sí." }]', '"f"'),
        f=write_faqs([{"q": "é", "a": "b"}]).encode(),
    ).clients
    assert (Faq("é", "b"),) == luna.faqs
