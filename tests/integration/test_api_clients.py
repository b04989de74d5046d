"""Clients by HTTP: onboarded, listed, changed, deactivated, and in force at once."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.admin import FAQS, NEW, Admin, fields_of, open_admin
from tests.doubles.stage import build_text_webhook
from tests.doubles.stage_clients import PLAZA, SOL

KEYS = [
    "id",
    "name",
    "phone_number",
    "phone_number_id",
    "assistant_id",
    "active",
    "created_at",
    "updated_at",
    "welcome_message",
    "business_hours",
    "timezone",
    "locale",
    "fallback_message",
    "faq_count",
    "assistant_version",
]
OURS = ["stopped", "warnings", "faqs_digest", "access_token_digest"]
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
SECRET_TOKEN = "EAAsecretofonlyoneclient"


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[Admin]:
    async with open_admin(tmp_path) as opened:
        yield opened


async def is_heard(admin: Admin, number: str, wamid: str) -> bool:
    """Tell whether a message to a number is kept."""
    body = build_text_webhook("hola", customer="34600111222", wamid=wamid, number=number)
    assert 200 == (await admin.house.post(body)).status
    return bool(await admin.query(f"SELECT 1 FROM inbox WHERE wamid = '{wamid}'"))


async def test_a_client_is_onboarded_and_served_at_once(admin: Admin) -> None:
    """201 with the contract's keys in its order, where it is, and what names its state."""
    assert not await is_heard(admin, "700800900", "w1")
    made = await admin.call("POST", "/clients", NEW)
    shown = made.read_json()
    assert (201, "/clients/4") == (made.status, made.headers["Location"])
    assert KEYS + OURS == list(shown)
    assert ("+34600100200", True, 2, 1, None, []) == tuple(
        shown[key]
        for key in (
            "phone_number",
            "active",
            "faq_count",
            "assistant_version",
            "stopped",
            "warnings",
        )
    )
    assert all(MOMENT.fullmatch(shown[key]) for key in ("created_at", "updated_at"))
    assert await is_heard(admin, "700800900", "w2")
    again = await admin.call("GET", "/clients/4")
    assert (shown, made.headers["ETag"]) == (again.read_json(), again.headers["ETag"])


async def test_the_seed_document_is_taken_with_its_nulls(admin: Admin) -> None:
    """The optional fields may be null; the phone number of the seed has E.164 shape."""
    seed = {
        **NEW,
        "phone_number": "+1234567890",
        "welcome_message": None,
        "business_hours": None,
        "fallback_message": None,
        "access_token": None,
    }
    assert 201 == (await admin.call("POST", "/clients", seed)).status


async def test_hours_that_cannot_be_read_stay_text_and_it_is_said(admin: Admin) -> None:
    """The answer warns; nothing is refused."""
    made = (
        await admin.call("POST", "/clients", NEW | {"business_hours": "cuando sea"})
    ).read_json()
    assert "cuando sea" == made["business_hours"]
    assert 1 == len(made["warnings"])
    changed = await admin.call("PATCH", f"/clients/{made['id']}", {"business_hours": "L-V: 9-14"})
    assert [] == changed.read_json()["warnings"]


async def test_a_number_belongs_to_one_client(admin: Admin) -> None:
    """409 names the field, when a client is added and when one is changed."""
    taken = await admin.call("POST", "/clients", NEW | {"phone_number_id": PLAZA})
    moved = await admin.call("PATCH", "/clients/2", {"phone_number_id": PLAZA})
    assert (409, ["phone_number_id"]) == (taken.status, fields_of(taken))
    assert (409, ["phone_number_id"]) == (moved.status, fields_of(moved))


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", [1, 2, 3]),
        ("?limit=2", [1, 2]),
        ("?limit=2&after=2", [3]),
        ("?after=3", []),
        ("?active_only=true", [1, 3]),
        ("?active_only=false", [1, 2, 3]),
        ("?active_only=true&after=1&limit=1000", [3]),
        ("?ref=Bar%20Sol", [2]),
        (f"?ref={SOL}", [2]),
    ],
)
async def test_clients_are_listed_by_pages(admin: Admin, query: str, ids: list[int]) -> None:
    """By id, after the last one seen, active ones only when asked."""
    await admin.call("DELETE", "/clients/2")
    listed = (await admin.call("GET", f"/clients{query}")).read_json()
    assert ids == [client["id"] for client in listed]
    assert all(list(client) == KEYS + OURS for client in listed)


async def test_a_ref_that_fits_none_or_several_is_refused(admin: Admin) -> None:
    """404 and 409, as the CLI has it."""
    await admin.call("POST", "/clients", NEW | {"name": "Bar Sol"})
    assert 404 == (await admin.call("GET", "/clients?ref=nadie")).status
    several = await admin.call("GET", "/clients?ref=Bar%20Sol")
    assert 409 == several.status
    assert "2, 4" in several.text


@pytest.mark.parametrize(
    ("field", "given", "shown"),
    [
        ("name", " La Nueva Plaza ", "La Nueva Plaza"),
        ("phone_number", "+34 (600) 111.222", "+34600111222"),
        ("phone_number_id", "987654321", "987654321"),
        ("welcome_message", "¡Hola!", "¡Hola!"),
        ("welcome_message", None, None),
        ("fallback_message", "Un momento.", "Un momento."),
        ("business_hours", "L-V: 10:00-14:00", "L-V: 10:00-14:00"),
        ("business_hours", None, None),
        ("timezone", "Atlantic/Canary", "Atlantic/Canary"),
        ("locale", "ca", "ca"),
        ("active", False, False),
    ],
)
async def test_every_field_can_be_set(admin: Admin, field: str, given: Any, shown: Any) -> None:
    """PATCH sets one field and leaves the others as they were."""
    before = (await admin.call("GET", "/clients/1")).read_json()
    answer = await admin.call("PATCH", "/clients/1", {field: given})
    after = answer.read_json()
    assert (200, shown) == (answer.status, after[field])
    loose = {field, "updated_at"} | ({"assistant_version"} if field == "name" else set())
    assert {key: before[key] for key in KEYS if key not in loose} == {
        key: after[key] for key in KEYS if key not in loose
    }


async def test_a_cleared_fallback_is_the_default_of_the_locale(admin: Admin) -> None:
    """Null clears it; the customer is still told something."""
    shown = (await admin.call("PATCH", "/clients/1", {"fallback_message": None})).read_json()
    assert shown["fallback_message"].startswith("Lo siento")


async def test_an_access_token_is_kept_and_never_shown(
    admin: Admin, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in an answer, a refusal, the audit trail or the log."""
    caplog.set_level("DEBUG")
    made = await admin.call("POST", "/clients", NEW | {"access_token": SECRET_TOKEN})
    texts = [made.text]
    changed = await admin.call("PATCH", "/clients/1", {"access_token": SECRET_TOKEN})
    refused = await admin.call(
        "PATCH", "/clients/1", {"access_token": f"{SECRET_TOKEN} {SECRET_TOKEN}"}
    )
    misplaced = await admin.call("PATCH", "/clients/1", {"name": [SECRET_TOKEN]})
    listed = await admin.call("GET", "/clients")
    assert [200, 422, 422] == [changed.status, refused.status, misplaced.status]
    texts += [changed.text, refused.text, misplaced.text, listed.text, caplog.text]
    texts += [str(row) for row in await admin.query("SELECT * FROM audit")]
    assert not [text for text in texts if SECRET_TOKEN in text]
    stored = await admin.query("SELECT access_token FROM clients WHERE id IN (1, 4)")
    assert ["sealed:1", "sealed:1"] == [token[:8] for (token,) in stored]
    directory, token_for = admin.house.runtime.directory, admin.house.runtime.settings.token_for
    await directory.refresh()
    kept = [client.access_token for client in directory.all() if client.id in {1, 4}]
    assert [SECRET_TOKEN] * 2 == [token_for(own) for own in kept]
    assert 200 == (await admin.call("PATCH", "/clients/1", {"access_token": None})).status
    assert [(None,)] == await admin.query("SELECT access_token FROM clients WHERE id = 1")


async def test_a_client_is_deactivated_again_and_again(admin: Admin) -> None:
    """200 each time; its number is unknown at once, and known again when it is activated."""
    assert await is_heard(admin, SOL, "w1")
    first, second = [await admin.call("DELETE", "/clients/2") for _ in range(2)]
    assert (200, False) == (first.status, first.read_json()["active"])
    assert first.read_json() == second.read_json()
    assert not await is_heard(admin, SOL, "w2")
    await admin.call("PATCH", "/clients/2", {"active": True})
    assert await is_heard(admin, SOL, "w3")


async def test_new_faqs_are_a_new_version_of_the_same_assistant(admin: Admin) -> None:
    """The same FAQs again make none."""
    before = (await admin.call("GET", "/clients/1")).read_json()
    first, second = [
        (await admin.call("PUT", "/clients/1/faqs", FAQS)).read_json() for _ in range(2)
    ]
    assert before["assistant_id"] == first["assistant_id"]
    assert (2, 2) == (first["faq_count"], first["assistant_version"])
    assert first == second
    assert FAQS == (await admin.call("GET", "/clients/1/faqs")).read_json()
    client = admin.house.runtime.directory.find(1)
    assert client is not None
    assert 2 == client.assistant_version


async def test_a_patch_of_nothing_changes_nothing(admin: Admin) -> None:
    """Not even the time of the last change."""
    before = await admin.call("GET", "/clients/1")
    after = await admin.call("PATCH", "/clients/1", {})
    assert (before.text, before.headers["ETag"]) == (after.text, after.headers["ETag"])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/clients/1", {"name": "Otra"}),
        ("PUT", "/clients/1/faqs", FAQS),
        ("DELETE", "/clients/1", None),
    ],
)
async def test_who_read_an_older_state_is_told(
    admin: Admin, method: str, path: str, body: Any
) -> None:
    """412 for a stale If-Match, and nothing is done; the right tag, a list with it and * pass."""
    old = (await admin.call("GET", "/clients/1")).headers["ETag"]
    changed = await admin.call("PATCH", "/clients/1", {"locale": "en"})
    for stale in (old, "", '"no"', f"W/{changed.headers['ETag']}"):
        refused = await admin.call(method, path, body, headers={"If-Match": stale})
        assert 412 == refused.status
    shown = await admin.call("GET", "/clients/1")
    assert changed.text == shown.text
    listed = f"{old}, {shown.headers['ETag']}"
    assert 200 == (await admin.call(method, path, body, headers={"If-Match": listed})).status
    assert 200 == (await admin.call(method, path, body, headers={"If-Match": "*"})).status
    gone = path.replace("/1", "/99")
    assert 404 == (await admin.call(method, gone, body, headers={"If-Match": "*"})).status


async def test_a_stopped_client_is_resumed(admin: Admin) -> None:
    """It says why it was stopped; resuming it is in force at once, and may be repeated."""
    await admin.run(
        "UPDATE clients SET stopped_code = 131042, stopped_at = 1780000000 WHERE id = 1"
    )
    before = await admin.call("GET", "/clients/1")
    stopped = before.read_json()["stopped"]
    assert (131042, "2026-05-28T20:26:40Z") == (stopped["code"], stopped["since"])
    resumed = await admin.call("POST", "/clients/1/resume")
    assert None is resumed.read_json()["stopped"]
    assert before.headers["ETag"] != resumed.headers["ETag"]
    known = admin.house.runtime.directory.find(1)
    assert known is not None
    assert None is known.stopped_code
    assert resumed.text == (await admin.call("POST", "/clients/1/resume")).text


async def test_the_audit_trail_names_the_token(admin: Admin) -> None:
    """Who did it, by the token's name."""
    await admin.call("PATCH", "/clients/1", {"name": "Otra"})
    assert [("token:operator", "client.update", 1)] == await admin.query(
        "SELECT actor, action, client_id FROM audit ORDER BY id DESC LIMIT 1"
    )


async def test_nearly_five_megabytes_of_faqs_are_taken(admin: Admin) -> None:
    """The webhook's 3 MiB do not bind the operator."""
    many = [{"q": f"¿{number}?", "a": "x" * 4_980} for number in range(1_000)]
    answer = await admin.call("PUT", "/clients/1/faqs", many)
    assert (200, 1_000) == (answer.status, answer.read_json()["faq_count"])
