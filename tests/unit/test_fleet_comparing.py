"""What counts as a difference between a fleet and what is, and what a comparison costs."""

from typing import Any

import pytest

from daemon.core.faqs import Faq
from daemon.core.fleet.comparing import Plan, compare, compare_faqs, describe_plan
from daemon.core.fleet.wanted import Fleet
from tests.doubles.fake_office import FakeOffice
from tests.doubles.fleet_kit import LUNA, SOL, read

A, B, C = Faq("A", "1"), Faq("B", "2"), Faq("C", "3")


@pytest.fixture
def office() -> FakeOffice:
    """Have Luna (client 1) and Sol (client 2)."""
    made = FakeOffice()
    for wanted in read(LUNA + SOL).clients:
        made.add_client(wanted.fill_seed(), wanted.faqs)
    made.calls.clear()
    return made


def plan(office: FakeOffice, fleet: Fleet, *, prune: bool = False) -> Plan:
    return compare(fleet, office.list_clients(), list_faqs=office.list_faqs, prune=prune)


def change_luna(**fields: Any) -> Fleet:
    lines = "\n".join(f"{name} = {value}" for name, value in fields.items())
    return read(f"{LUNA}\n{lines}{SOL}")


def test_a_fleet_that_is_so_has_no_differences(office: FakeOffice) -> None:
    """Nothing is told, and no FAQs are fetched: their digest is in the client's document."""
    same = plan(office, read(LUNA + SOL))
    assert ({"differences": 0, "clients": []}, 2) == (describe_plan(same), same.unchanged)
    assert ["list_clients"] == office.calls


def test_a_client_that_is_not_there_is_created() -> None:
    """All that it will have is told, with the defaults that it gets."""
    assert {
        "differences": 1,
        "clients": [
            {
                "action": "create",
                "id": None,
                "name": "Bar Luna",
                "phone_number_id": "1",
                "changes": [
                    {"field": "name", "before": None, "after": "Bar Luna"},
                    {"field": "phone_number", "before": None, "after": "+34666777888"},
                    {
                        "field": "fallback_message",
                        "before": None,
                        "after": "Lo siento, no tengo esa información. El equipo verá tu mensaje"
                        " y podrá responderte una persona.",
                    },
                    {"field": "timezone", "before": None, "after": "Europe/Madrid"},
                    {"field": "locale", "before": None, "after": "es"},
                    {"field": "active", "before": None, "after": True},
                ],
                "faqs": {
                    "added": [{"q": "¿Wifi?", "a": "Sí."}],
                    "removed": [],
                    "changed": [],
                    "reordered": False,
                },
            }
        ],
    } == describe_plan(plan(FakeOffice(), read(LUNA)))


def test_changes_go_field_by_field(office: FakeOffice) -> None:
    """A field that the file leaves out is what a new client would have."""
    office.update_client(1, {"welcome_message": "Hola", "timezone": "Europe/Lisbon"})
    (luna,) = plan(office, change_luna(business_hours='"L-V: 9-22"')).differences
    assert ("change", 1, None) == (luna.action, luna.client_id, luna.faqs)
    assert {
        "welcome_message": ("Hola", None),
        "business_hours": (None, "L-V: 9-22"),
        "timezone": ("Europe/Lisbon", "Europe/Madrid"),
    } == {change.field: (change.before, change.after) for change in luna.fields}
    assert {
        "welcome_message": None,
        "business_hours": "L-V: 9-22",
        "timezone": "Europe/Madrid",
    } == (luna.build_changes())


def test_a_fallback_that_is_left_out_is_the_locale_s(office: FakeOffice) -> None:
    """What customers would be told changes with the locale, and what is stored stays empty."""
    (luna,) = plan(office, change_luna(locale='"en"')).differences
    assert ["fallback_message", "locale"] == [change.field for change in luna.fields]
    assert str(luna.fields[0].after).startswith("Sorry")
    assert {"fallback_message": None, "locale": "en"} == luna.build_changes()


def test_a_fallback_spelt_out_is_no_difference(office: FakeOffice) -> None:
    """The locale's own text, written into the file, says what is said anyway."""
    text = office.list_clients()[0]["fallback_message"]
    assert () == plan(office, change_luna(fallback_message=f'"{text}"')).differences


@pytest.mark.parametrize(
    ("now", "file", "action"), [(True, "false", "deactivate"), (False, "true", "activate")]
)
def test_active_is_a_difference_both_ways(
    office: FakeOffice, *, now: bool, file: str, action: str
) -> None:
    """A client that the file holds is as active as the file says."""
    office.update_client(1, {"active": now})
    (luna,) = plan(office, change_luna(active=file)).differences
    assert (action, {"active": not now}) == (luna.action, luna.build_changes())


def test_clients_that_the_file_does_not_hold_are_told(office: FakeOffice) -> None:
    """Without pruning they are no difference; inactive ones are not even told."""
    told = plan(office, read(LUNA))
    assert 0 == describe_plan(told)["differences"]
    assert [
        {
            "action": "not_in_file",
            "id": 2,
            "name": "Bar Sol",
            "phone_number_id": "2",
            "changes": [],
            "faqs": None,
        }
    ] == describe_plan(told)["clients"]
    office.update_client(2, {"active": False})
    assert () == plan(office, read(LUNA)).absent


def test_pruning_deactivates_them(office: FakeOffice) -> None:
    """With it each is a difference, and the same again is none."""
    pruned = plan(office, read(LUNA), prune=True)
    (sol,) = pruned.differences
    assert ("deactivate", 2, {"active": False}) == (sol.action, sol.client_id, sol.build_changes())
    assert () == pruned.absent
    office.update_client(2, sol.build_changes())
    assert () == plan(office, read(LUNA), prune=True).differences


def test_faqs_are_fetched_for_the_client_whose_digest_differs(office: FakeOffice) -> None:
    """One answer changed costs one more call."""
    (sol,) = plan(office, read(LUNA + SOL.replace("No.", "Casi."))).differences
    assert ["list_clients", "list_faqs 2"] == office.calls
    assert sol.faqs is not None
    assert ((Faq("¿Wifi?", "No."), Faq("¿Wifi?", "Casi.")),) == sol.faqs.changed


def test_a_digest_that_is_not_there_yet_is_no_difference(office: FakeOffice) -> None:
    """What decides are the FAQs; the digest only saves looking at them."""
    documents = [document | {"faqs_digest": ""} for document in office.list_clients()]
    found = compare(read(LUNA + SOL), documents, list_faqs=office.list_faqs, prune=False)
    assert () == found.differences


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([A, B], [A, B], None),
        ([A, B], [A, B, C], ([C], [], [], False)),
        ([A, B], [C, A, B], ([C], [], [], False)),
        ([A, B, C], [A, C], ([], [B], [], False)),
        ([A, B], [B, A], ([], [], [], True)),
        ([A, B], [A, Faq("B", "0")], ([], [], [(B, Faq("B", "0"))], False)),
        ([A, B, C], [C, Faq("a", "1"), B], ([Faq("a", "1")], [A], [], True)),
    ],
)
def test_faqs_differ_question_by_question(before: Any, after: Any, expected: Any) -> None:
    """Added, removed, answered otherwise, or merely in another order."""
    change = compare_faqs(before, after)
    shown = change and [
        list(change.added),
        list(change.removed),
        list(change.changed),
        change.reordered,
    ]
    assert (expected and list(expected)) == shown


def test_an_access_token_is_compared_by_its_digest(office: FakeOffice) -> None:
    """The same token is no difference, another one is, and neither is shown."""
    text = f'{LUNA}\naccess_token_file = "token"'
    (luna,) = plan(office, read(text, token=b"EAAone")).differences
    assert {"access_token": "EAAone"} == luna.build_changes()
    assert ["access_token_digest"] == [change.field for change in luna.fields]
    assert (None, 12) == (luna.fields[0].before, len(luna.fields[0].after))
    office.update_client(1, luna.build_changes())
    assert () == plan(office, read(text, token=b"EAAone")).differences
    assert 1 == len(plan(office, read(text, token=b"EAAtwo")).differences)


def test_a_file_without_an_access_token_leaves_the_one_there_is(office: FakeOffice) -> None:
    """An export holds none, and is no difference."""
    office.update_client(1, {"access_token": "EAAone"})
    assert () == plan(office, read(LUNA + SOL)).differences
