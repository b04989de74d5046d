"""Fields and parameters that cannot be taken: 422, each by its name, in words for a person."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.doubles.admin import FAQS, NEW, Admin, fields_of, open_admin

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Admin]:
    """Serve all tests of this file: what is refused changes nothing."""
    async with open_admin(tmp_path_factory.mktemp("house")) as opened:
        yield opened


@pytest.mark.parametrize("body", [[], "x", 1, None, True])
async def test_a_body_must_be_an_object(admin: Admin, body: Any) -> None:
    """422, as for any wrong type."""
    raw = json.dumps(body).encode()
    for method, path in (("POST", "/clients"), ("POST", "/agent"), ("PATCH", "/clients/1")):
        refused = await admin.call(method, path, raw)
        assert (422, ["body"]) == (refused.status, fields_of(refused))


@pytest.mark.parametrize("body", [{}, "x", 1, None, [[]], [1], [{}], []])
async def test_faqs_must_be_a_list_of_objects(admin: Admin, body: Any) -> None:
    """422, and the old ones stay."""
    before = await admin.call("GET", "/clients/1/faqs")
    refused = await admin.call("PUT", "/clients/1/faqs", json.dumps(body).encode())
    assert 422 == refused.status
    assert all(field.startswith("faqs") for field in fields_of(refused))
    assert before.text == (await admin.call("GET", "/clients/1/faqs")).text


async def test_faqs_are_counted_from_one(admin: Admin) -> None:
    """`faqs[3].q` is the third one's question, wherever FAQs are taken."""
    bad = [*FAQS, {"q": "", "a": "x"}, {"q": "¿WIFI? ", "a": "x"}, {"q": "y", "a": 1, "z": 2}]
    named = ["faqs[3].q", "faqs[4].q", "faqs[5]", "faqs[5].a"]
    for method, path, body in (
        ("PUT", "/clients/1/faqs", bad),
        ("POST", "/clients", NEW | {"faqs": bad}),
    ):
        refused = await admin.call(method, path, body)
        assert (422, named) == (refused.status, fields_of(refused))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"unheard_of": 1}, "unheard_of"),
        ({"id": 7}, "id"),
        ({"faq_count": 7}, "faq_count"),
        ({"assistant_id": "asst_x"}, "assistant_id"),
        ({"name": 5}, "name"),
        ({"name": ["x"]}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"phone_number": "666777888"}, "phone_number"),
        ({"phone_number_id": 12}, "phone_number_id"),
        ({"phone_number_id": "12a"}, "phone_number_id"),
        ({"welcome_message": "x" * 4097}, "welcome_message"),
        ({"welcome_message": 1}, "welcome_message"),
        ({"welcome_message": "a\0"}, "welcome_message"),
        ({"business_hours": "x" * 1001}, "business_hours"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"locale": "ES"}, "locale"),
        ({"access_token": "two words"}, "access_token"),
        ({"access_token": ""}, "access_token"),
    ],
)
async def test_a_bad_field_is_named(admin: Admin, body: dict[str, Any], field: str) -> None:
    """422, the same for a new client and for a change; in words that are no library's."""
    for method, path, sent in (("POST", "/clients", NEW | body), ("PATCH", "/clients/1", body)):
        refused = await admin.call(method, path, sent)
        assert (422, [field]) == (refused.status, fields_of(refused))
        assert not {"Input", "String", "pattern", "Field"} & set(
            refused.text.replace('"', " ").split()
        )


@pytest.mark.parametrize(
    "field", ["name", "phone_number", "phone_number_id", "timezone", "locale", "active"]
)
async def test_what_may_not_be_empty_cannot_be_cleared(admin: Admin, field: str) -> None:
    """422 for null."""
    refused = await admin.call("PATCH", "/clients/1", {field: None})
    assert (422, [field]) == (refused.status, fields_of(refused))


@pytest.mark.parametrize("hours", ["1", True, None, 0, 1e6])
async def test_hours_are_a_number(admin: Admin, hours: Any) -> None:
    """`true` is no hour: nobody would see after it that the bot answers again."""
    refused = await admin.call("PUT", "/clients/1/contacts/34600/pause", {"hours": hours})
    assert (422, ["hours"]) == (refused.status, fields_of(refused))


@pytest.mark.parametrize("active", ["true", 1, "no"])
async def test_active_is_true_or_false(admin: Admin, active: Any) -> None:
    """No text that happens to read like it: a bot is not silenced by a guess."""
    refused = await admin.call("PATCH", "/clients/1", {"active": active})
    assert (422, ["active"]) == (refused.status, fields_of(refused))


async def test_all_that_is_wrong_is_told_at_once(admin: Admin) -> None:
    """One round trip mends a seed."""
    refused = await admin.call("POST", "/clients", {"name": ""})
    assert (422, ["name", "phone_number", "phone_number_id", "faqs"]) == (
        refused.status,
        fields_of(refused),
    )


async def test_a_patch_with_faqs_is_told_where_they_go(admin: Admin) -> None:
    """422 names PUT and the address, and the rest is not done either."""
    refused = await admin.call("PATCH", "/clients/1", {"name": "Otra", "faqs": FAQS})
    assert (422, ["faqs"]) == (refused.status, fields_of(refused))
    assert "PUT /clients/1/faqs" in refused.text
    assert "Otra" != (await admin.call("GET", "/clients/1")).read_json()["name"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("activeonly=true", "activeonly"),
        ("active_only=2", "active_only"),
        ("active_only=", "active_only"),
        ("active_only=true&active_only=true", "active_only"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=1001", "limit"),
        ("limit=1_0", "limit"),
        ("limit=1.0", "limit"),
        ("limit=%201", "limit"),
        ("limit=%D9%A1", "limit"),
        ("limit=abc", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("limit=1&limit=2", "limit"),
        ("after=-1", "after"),
        ("after=9223372036854775808", "after"),
        ("ref=", "ref"),
    ],
)
async def test_a_bad_query_is_refused(admin: Admin, query: str, field: str) -> None:
    """422 names the parameter; a typing error does not list everything."""
    refused = await admin.call("GET", f"/clients?{query}")
    assert (422, [field]) == (refused.status, fields_of(refused))
