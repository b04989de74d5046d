"""POST /agent: a bot from a number and its FAQs, and no more."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.doubles.admin import FAQS, Admin, fields_of, open_admin
from tests.doubles.stage_clients import PLAZA

LEAST = {"phone_number": "+34 600 100 200", "faqs": FAQS}


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[Admin]:
    async with open_admin(tmp_path, phone_number_id="55555") as opened:
        yield opened


async def test_it_takes_the_number_it_is_given(admin: Admin) -> None:
    """201 with the three keys; what it makes is a client like any other, served at once."""
    made = await admin.call("POST", "/agent", LEAST | {"phone_number_id": "66666"})
    shown = made.read_json()
    assert (201, ["agent_id", "phone_number_id", "status"]) == (made.status, list(shown))
    assert ("66666", "ok") == (shown["phone_number_id"], shown["status"])
    (client,) = (await admin.call("GET", "/clients?ref=66666")).read_json()
    assert shown["agent_id"] == client["assistant_id"]
    assert ("+34600100200", "+34600100200") == (client["name"], client["phone_number"])
    assert client["id"] == admin.house.runtime.directory.active_owner("66666")


@pytest.mark.parametrize("given", [{}, {"phone_number_id": None}])
async def test_without_one_it_takes_the_setting(admin: Admin, given: dict[str, None]) -> None:
    """PHONE_NUMBER_ID stands in; the second time its client exists."""
    made = await admin.call("POST", "/agent", LEAST | given)
    assert (201, "55555") == (made.status, made.read_json()["phone_number_id"])
    again = await admin.call("POST", "/agent", LEAST | given)
    assert (409, ["phone_number_id"]) == (again.status, fields_of(again))


async def test_a_number_with_a_client_is_refused(admin: Admin) -> None:
    """409, as anywhere."""
    taken = await admin.call("POST", "/agent", LEAST | {"phone_number_id": PLAZA})
    assert (409, ["phone_number_id"]) == (taken.status, fields_of(taken))


async def test_without_a_number_and_a_setting_it_says_so(tmp_path: Path) -> None:
    """422 names the field and the setting."""
    async with open_admin(tmp_path) as admin:
        refused = await admin.call("POST", "/agent", LEAST)
    assert (422, ["phone_number_id"]) == (refused.status, fields_of(refused))
    assert "PHONE_NUMBER_ID" in refused.text


async def test_its_fields_are_checked_like_a_clients(admin: Admin) -> None:
    """No bot from half of what it needs."""
    for body, fields in (
        ({}, ["phone_number", "faqs"]),
        (LEAST | {"name": "x"}, ["name"]),
        (LEAST | {"phone_number": "600"}, ["phone_number"]),
        (LEAST | {"phone_number_id": "abc"}, ["phone_number_id"]),
        (LEAST | {"faqs": []}, ["faqs"]),
        (LEAST | {"faqs": [*FAQS, {"q": " ", "a": "x"}]}, ["faqs[3].q"]),
    ):
        refused = await admin.call("POST", "/agent", body)
        assert (422, fields) == (refused.status, fields_of(refused))
