"""A fleet is made so in the same words on this machine and through a daemon far away."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from daemon.core.fleet.comparing import Plan, compare, describe_plan
from daemon.core.fleet.writing import write_fleet
from daemon.core.store.audit import Actor
from daemon.core.store.engine import Database
from released_cli.admin import Admin
from released_cli.calling import Caller
from released_cli.fleet_apply import Outcome, carry_out
from released_cli.local import LocalAdmin
from released_cli.places import Place
from released_cli.remote import RemoteAdmin
from tests.doubles.admin import open_admin
from tests.doubles.fleet_kit import LUNA, SOL, read
from tests.doubles.inhouse import make_settings
from tests.doubles.new_database import copy_new_database

TOKEN = {"token": b"EAAone"}
BEFORE = LUNA + 'active = false\naccess_token_file = "token"\n' + SOL
AFTER = (
    LUNA.replace("Sí.", "No.")
    + 'locale = "en"\nbusiness_hours = "soon"\n'
    + SOL.replace('id = "2"', 'id = "3"')
)


@pytest.fixture(params=["local", "remote"])
async def office(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Admin]:
    """Open an office with no clients but those of the stage, which its daemon begins with."""
    if request.param == "remote":
        async with open_admin(tmp_path) as admin:
            yield RemoteAdmin(Caller(Place(admin.house.url, admin.token), budget_s=30))
        return
    copy_new_database(tmp_path / "released.db")
    database = Database(tmp_path / "released.db")
    yield LocalAdmin(database, make_settings(tmp_path), actor=Actor("test"), clock=time.time)
    database.close()


def plan(office: Admin, text: str, *, prune: bool = False) -> Plan:
    fleet = read(text, **TOKEN)
    ours = [client for client in office.list_clients() if len(client["phone_number_id"]) == 1]
    return compare(fleet, ours, list_faqs=office.list_faqs, prune=prune)


def apply(office: Admin, text: str, *, prune: bool = False) -> Outcome:
    found = plan(office, text, prune=prune)
    outcome = Outcome(found.unchanged)
    carry_out(office, found.differences, outcome, advance=lambda: None)
    assert [] == outcome.failures
    return outcome


def run(job: Callable[[], Any]) -> Any:
    """Run what blocks beside the loop, in which the daemon answers."""
    return asyncio.to_thread(job)


async def test_a_fleet_is_made_so_and_stays_so(office: Admin) -> None:
    """Created, changed in all ways, and planned again: no differences."""
    assert 2 == (await run(lambda: apply(office, BEFORE))).count()["created"]
    assert 0 == describe_plan(await run(lambda: plan(office, BEFORE)))["differences"]
    outcome = await run(lambda: apply(office, AFTER, prune=True))
    sums = {name: count for name, count in outcome.count().items() if count}
    assert {"created": 1, "activated": 1, "deactivated": 1} == sums
    assert 1 == sum("Business hours" in warning for warning in outcome.warnings)
    assert 0 == describe_plan(await run(lambda: plan(office, AFTER, prune=True)))["differences"]


async def test_what_is_exported_is_no_difference(office: Admin) -> None:
    """The documents of either face hold all that an export needs."""
    await run(lambda: apply(office, BEFORE))

    def export() -> str:
        return write_fleet([(one, office.list_faqs(one["id"])) for one in office.list_clients()])

    text = await run(export)
    assert "EAAone" not in text
    documents = await run(office.list_clients)
    found = await run(
        lambda: compare(read(text), documents, list_faqs=office.list_faqs, prune=True)
    )
    assert (0, len(documents)) == (describe_plan(found)["differences"], found.unchanged)
