"""How a fleet is made so: client by client, past a bad one, patiently, and to be run again."""

import pytest

from daemon.core.errors import Conflict, Misconfigured, ReleasedError, Retryable
from daemon.core.fleet.comparing import Plan, compare
from daemon.core.fleet.wanted import Fleet
from released_cli.fleet_apply import Outcome, carry_out, patiently
from tests.doubles.fake_office import FakeOffice
from tests.doubles.fleet_kit import LUNA, SOL, read

NOTHING = {
    "created": 0,
    "changed": 0,
    "activated": 0,
    "deactivated": 0,
    "unchanged": 0,
    "failed": 0,
    "not_tried": 0,
}


class Patience:
    """Stands in for sleeping."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


def plan(office: FakeOffice, fleet: Fleet, *, prune: bool = False) -> Plan:
    return compare(fleet, office.list_clients(), list_faqs=office.list_faqs, prune=prune)


def apply(
    office: FakeOffice, fleet: Fleet, *, prune: bool = False, patience: Patience | None = None
) -> tuple[Outcome, int]:
    """Apply a fleet; give what became of it and how often it advanced."""
    found = plan(office, fleet, prune=prune)
    outcome = Outcome(found.unchanged)
    advances: list[bool] = []
    carry_out(
        office.as_admin(),
        found.differences,
        outcome,
        advance=lambda: advances.append(True),
        sleep=(patience or Patience()).sleep,
    )
    return outcome, len(advances)


def many(count: int) -> Fleet:
    return read("".join(LUNA.replace('id = "1"', f'id = "{n}"') for n in range(1, count + 1)))


def test_everything_is_made_so_and_then_there_is_nothing_left() -> None:
    """Created, changed, activated, deactivated and pruned; the same again does nothing."""
    office = FakeOffice()
    assert NOTHING | {"created": 5} == apply(office, many(5))[0].count()
    office.update_client(2, {"active": False})
    fleet = read(
        LUNA.replace("Sí.", "No.")
        + SOL
        + LUNA.replace('id = "1"', 'id = "3"\nactive = false')
        + LUNA.replace('id = "1"', 'id = "4"')
        + LUNA.replace('id = "1"', 'id = "6"\nactive = false')
    )
    outcome, advances = apply(office, fleet, prune=True)
    sums = {"created": 1, "changed": 1, "activated": 1, "deactivated": 2, "unchanged": 1}
    assert (NOTHING | sums, 5) == (outcome.count(), advances)
    assert [True, True, False, True, False, False] == [
        seed["active"] for seed in office.seeds.values()
    ]
    assert () == plan(office, fleet, prune=True).differences


def test_a_bad_client_hinders_no_other() -> None:
    """What is refused is told with its reason; others are made, and a new run has the rest."""
    office = FakeOffice()
    office.refusals = [None, Conflict("It clashes."), None]
    outcome, advances = apply(office, many(3))
    assert (NOTHING | {"created": 2, "failed": 1}, 3) == (outcome.count(), advances)
    assert [
        ("create", 1, "1", "done", None),
        ("create", None, "2", "failed", "It clashes."),
        ("create", 2, "3", "done", None),
    ] == [
        (c["action"], c["id"], c["phone_number_id"], c["result"], c["reason"])
        for c in outcome.describe()["clients"]
    ]
    assert NOTHING | {"created": 1, "unchanged": 2} == apply(office, many(3))[0].count()


@pytest.mark.parametrize("gone", [Retryable("no answer"), Misconfigured("no token")])
def test_another_side_that_is_gone_is_not_asked_five_hundred_times(gone: ReleasedError) -> None:
    """Three failures in a row that are no client's fault end it; the rest is counted."""
    office = FakeOffice()
    office.refusals = [gone, Conflict("no"), gone, gone, gone]
    outcome, advances = apply(office, many(9))
    assert (NOTHING | {"failed": 5, "not_tried": 4}, 5) == (outcome.count(), advances)


def test_a_busy_side_is_waited_for() -> None:
    """Where it says how long to wait, the call is made again after that, every call on its own."""
    office, patience = FakeOffice(), Patience()
    busy = Retryable("too many calls", retry_after_s=7)
    office.refusals = [busy, busy, None, busy]
    outcome, _ = apply(office, read(f"{LUNA}\nactive = false"), patience=patience)
    assert ([7, 7, 7], 1) == (patience.waits, outcome.count()["created"])
    assert ["list_clients", "add 1", "add 1", "add 1", "update 1", "update 1"] == office.calls


@pytest.mark.parametrize(("after_s", "tries"), [(None, 1), (91, 1), (1, 5)])
def test_patience_has_an_end(after_s: float | None, tries: int) -> None:
    """Without a time to wait, with too long a one, and after five tries it is a failure."""
    calls: list[bool] = []

    def call() -> None:
        calls.append(True)
        raise Retryable("later", retry_after_s=after_s)

    with pytest.raises(Retryable):
        patiently(call, sleep=lambda _: None)
    assert tries == len(calls)


def test_an_interruption_leaves_what_is_done() -> None:
    """What became of the clients before it is known."""
    office, outcome = FakeOffice(), Outcome(0)
    office.refusals = [None, KeyboardInterrupt()]
    differences = plan(office, many(3)).differences
    with pytest.raises(KeyboardInterrupt):
        carry_out(office.as_admin(), differences, outcome, advance=lambda: None)
    assert (1, NOTHING | {"created": 1}) == (len(office.seeds), outcome.count())


def test_hours_that_stay_text_are_a_warning() -> None:
    """The answer's warnings are kept with the client's name."""
    outcome, _ = apply(FakeOffice(), read(f'{LUNA}\nbusiness_hours = "soon"'))
    assert ["Bar Luna: what is “soon”?"] == outcome.warnings
