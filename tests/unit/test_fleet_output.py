"""How plans and what became of them read."""

import io
import sys

import pytest

from daemon.core.fleet.comparing import Plan, compare
from released_cli.fleet_apply import Outcome, Step
from released_cli.fleet_output import SHOWN_ABSENT, print_plan, say_outcome
from released_cli.given import Globals, start
from tests.doubles.command_line import find_path
from tests.doubles.fake_office import FakeOffice
from tests.doubles.fleet_kit import LUNA, SOL, read

LONG = "Una respuesta larga. " * 10


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def office() -> FakeOffice:
    """Have four clients, the third inactive."""
    made = FakeOffice()
    for number, text in enumerate([LUNA, SOL, LUNA, LUNA], start=1):
        (wanted,) = read(text).clients
        seed = wanted.fill_seed() | {"phone_number_id": str(number)}
        made.add_client(seed, wanted.faqs)
    made.update_client(3, {"active": False})
    return made


def plan(office: FakeOffice, text: str, *, prune: bool = False) -> Plan:
    fleet = read(text)
    return compare(fleet, office.list_clients(), list_faqs=office.list_faqs, prune=prune)


EVERYTHING = (
    LUNA.replace("Bar Luna", "Luna  \\u202eII")
    + f'welcome_message = "{LONG}"\nbusiness_hours = "L-V\\n9-22"'
    + SOL.replace('{ q = "¿Wifi?", a = "No." }, ', "").replace("En la terraza.", "No.")
    + "active = false\n"
    + LUNA.replace('id = "1"', 'id = "3"').replace("[{", '[{ q = "¿Ya?", a = "Sí." }, {')
    + LUNA.replace('id = "1"', 'id = "5"\nactive = false')
    + SOL.replace('id = "2"', 'id = "6"')
)


def test_a_plan_tells_client_by_client(
    office: FakeOffice, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is to happen, field by field and question by question, and the sums at the end."""
    print_plan(plan(office, EVERYTHING))
    assert (
        f"""\
~ Luna �II (client 1): to change
    name: "Bar Luna" -> "Luna  �II"
    welcome_message: none -> "{LONG.strip()}"
    business_hours: none -> "L-V\\n9-22"
- Bar Sol (client 2): to deactivate
    active: yes -> no
    FAQs: 1 removed, 1 answered otherwise
      - "¿Wifi?"
      ~ "¿Perros?": "En la terraza." -> "No."
~ Bar Luna (client 3): to activate
    active: no -> yes
    FAQs: 1 added
      + "¿Ya?"
+ Bar Luna (5): to create, with 1 FAQ, inactive
+ Bar Sol (6): to create, with 2 FAQs
  Bar Luna (client 4): not in the file; --prune would deactivate it
5 clients differ: 2 to create, 1 to change, 1 to activate, 1 to deactivate; 0 unchanged.
""".splitlines()
        == capsys.readouterr().out.splitlines()
    )


def test_many_that_are_left_alone_are_counted(
    office: FakeOffice, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plan for one client of many names ten of the others, and says how many more there are."""
    for number in range(20):
        seed = {"name": f"Bar {number}", "phone_number": "+34666777888"}
        office.add_client({**seed, "phone_number_id": f"9{number}"}, ())
    print_plan(plan(office, "clients = []"))
    told = capsys.readouterr().out.splitlines()
    absent = [line for line in told if "not in the file" in line]
    left = sum(client["active"] for client in office.list_clients()) - SHOWN_ABSENT
    assert SHOWN_ABSENT + 1 == len(absent)
    assert f"  and {left} more are not in the file; --prune would deactivate them" == absent[-1]


def test_another_order_is_told(office: FakeOffice, capsys: pytest.CaptureFixture[str]) -> None:
    """FAQs that merely moved are a difference too, since their numbers are what a model sees."""
    faqs = '[{ q = "¿Perros?", a = "En la terraza." }, { q = "¿Wifi?", a = "No." }]'
    print_plan(plan(office, SOL.partition("faqs")[0] + f"faqs = {faqs}"))
    assert "    FAQs: in another order" in capsys.readouterr().out.splitlines()


def test_pruning_and_no_differences(office: FakeOffice, capsys: pytest.CaptureFixture[str]) -> None:
    """A pruned client has one line; without differences there is one line in all."""
    print_plan(plan(office, LUNA + LUNA.replace('id = "1"', 'id = "4"'), prune=True))
    print_plan(plan(FakeOffice(), "clients = []"))
    assert [
        "- Bar Sol (client 2): to deactivate",
        "1 client differs: 1 to deactivate; 2 unchanged.",
        "There are no differences; 0 unchanged.",
    ] == capsys.readouterr().out.splitlines()


def test_a_terminal_gets_colours_and_short_texts(
    office: FakeOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long texts are cut there, and only there."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    print_plan(plan(office, EVERYTHING))
    shown = terminal.getvalue()
    assert f'"{LONG[:59]}…"' in shown
    assert "\x1b[32m+ Bar Sol" in shown


def test_warnings_are_told_and_counted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first ten in their own words, so that five hundred do not hide the sums."""
    monkeypatch.setenv("PATH", find_path())
    outcome = Outcome(3, warnings=[f"Bar {n}: Client 2 has the same name." for n in range(12)])
    say_outcome(outcome, absent=9)
    said = capsys.readouterr().err.splitlines()
    assert "Bar 0: Client 2 has the same name." == said[0]
    assert [
        "2 more of these; `released client show REF` tells each.",
        "Active, but not in the file: 9 clients. --prune deactivates them.",
        "3 unchanged.",
    ] == said[10:]


def test_nothing_at_all_is_said_too(capsys: pytest.CaptureFixture[str]) -> None:
    """A fleet of none has no sums."""
    say_outcome(Outcome(0), absent=0)
    assert "no clients.\n" == capsys.readouterr().err


def test_failures_are_told_quietly_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Who failed and why on one line each, and how many were not tried."""
    (create,) = plan(FakeOffice(), LUNA).differences
    start(Globals(quiet=True))
    try:
        say_outcome(Outcome(0, steps=[Step(create, None, "no\nanswer")], untried=7), absent=1)
    finally:
        start(Globals())
    assert [
        "failed: Bar Luna (1): no answer",
        "The last ones failed one after the other, so 7 were not tried.",
    ] == capsys.readouterr().err.splitlines()
