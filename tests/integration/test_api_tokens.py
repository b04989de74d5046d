"""Tokens by HTTP: shown once, working at once, useless at once."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.admin import Admin, fields_of, open_admin


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[Admin]:
    async with open_admin(tmp_path) as opened:
        yield opened


async def test_a_token_is_shown_once_and_works_at_once(admin: Admin) -> None:
    """201 with the three keys; no list, no trail and no database row ever holds it again."""
    made = await admin.call("POST", "/tokens", {"name": " ci ", "expires_days": 1.5})
    shown = made.read_json()
    assert (201, ["name", "token", "expires_at"]) == (made.status, list(shown))
    assert "ci" == shown["name"]
    assert shown["expires_at"].endswith("Z")
    listed = await admin.call("GET", "/tokens", token=shown["token"])
    assert [("operator", "valid"), ("ci", "valid")] == [
        (token["name"], token["state"]) for token in listed.read_json()
    ]
    kept = await admin.query("SELECT * FROM tokens") + await admin.query("SELECT * FROM audit")
    assert shown["token"] not in listed.text + str(kept)


async def test_a_revoked_token_works_no_more_at_once(admin: Admin) -> None:
    """204, then 401 for its holder and 404 for who revokes it again; the list remembers it."""
    token = (await admin.call("POST", "/tokens", {"name": "ci"})).read_json()["token"]
    gone = await admin.call("DELETE", "/tokens/ci")
    assert (204, "") == (gone.status, gone.text)
    assert 401 == (await admin.call("GET", "/tokens", token=token)).status
    again = await admin.call("DELETE", "/tokens/ci")
    assert (404, True) == (again.status, "is revoked already" in again.read_json()["detail"])
    listed = (await admin.call("GET", "/tokens")).read_json()
    assert ["valid", "revoked"] == [entry["state"] for entry in listed]


async def test_a_token_may_revoke_itself(admin: Admin) -> None:
    """It is the last thing it does."""
    assert 204 == (await admin.call("DELETE", "/tokens/operator")).status
    assert 401 == (await admin.call("GET", "/tokens")).status


async def test_a_name_is_taken_until_its_token_is_revoked(admin: Admin) -> None:
    """409 names the field; an expired one holds its name too."""
    assert 201 == (await admin.call("POST", "/tokens", {"name": "x", "expires_days": 0})).status
    taken = await admin.call("POST", "/tokens", {"name": " x "})
    assert (409, ["name"]) == (taken.status, fields_of(taken))
    listed = (await admin.call("GET", "/tokens")).read_json()
    assert "expired" == listed[-1]["state"]
    await admin.call("DELETE", "/tokens/x")
    assert 201 == (await admin.call("POST", "/tokens", {"name": "x"})).status


@pytest.mark.parametrize(("name", "path"), [("a/b", "a%2Fb"), ("José 1%", "Jos%C3%A9%201%25")])
async def test_any_name_can_be_revoked(admin: Admin, name: str, path: str) -> None:
    """What is allowed in a name is allowed in its address."""
    await admin.call("POST", "/tokens", {"name": name})
    assert 204 == (await admin.call("DELETE", f"/tokens/{path}")).status


BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "name"),
    ({"name": ""}, "name"),
    ({"name": "  "}, "name"),
    ({"name": "a\nb"}, "name"),
    ({"name": "x" * 201}, "name"),
    ({"name": 1}, "name"),
    ({"name": "x", "days": 1}, "days"),
    ({"name": "x", "expires_days": -1}, "expires_days"),
    ({"name": "x", "expires_days": 3651}, "expires_days"),
    ({"name": "x", "expires_days": "60"}, "expires_days"),
    ({"name": "x", "expires_days": True}, "expires_days"),
    ({"name": "x", "expires_days": None}, "expires_days"),
]


async def test_a_bad_token_is_refused(admin: Admin) -> None:
    """422 names the field, and nothing is made."""
    for body, field in BAD:
        refused = await admin.call("POST", "/tokens", body)
        assert (422, [field]) == (refused.status, fields_of(refused)), body
    assert [(1,)] == await admin.query("SELECT count(*) FROM tokens")
