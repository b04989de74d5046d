"""The doctor finds what Meta does not tell our app: its webhook and fields, against the sandbox."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from daemon.sandbox.accounts import APP_ID
from tests.doubles.stage import TOKEN
from tests.doubles.ward import Ward, assert_line, open_ward, pick, serving

NO_ECHOES = {"missing_fields": ["smb_message_echoes"]}
STEP_6 = "WhatsApp > Configuration"
OWN = "EAAof-another-app"


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    async with open_ward(tmp_path) as opened:
        yield opened


async def test_an_app_that_hears_of_all_is_well(ward: Ward) -> None:
    """Messages, and what owners write in the app."""
    assert_line(await ward.examine(), "webhook_fields", "ok", APP_ID, "smb_message_echoes")


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ({"missing_fields": ["messages"]}, ("the field messages", "subscribe to it", STEP_6)),
        ({"webhook_state": "inactive"}, ("is not active", "verify and save", STEP_6)),
        ({"webhook_state": "missing"}, ("has no webhook", "verify and save", STEP_6)),
    ],
)
async def test_a_webhook_that_tells_of_no_message_is_found(
    ward: Ward, faults: dict[str, Any], words: tuple[str, ...]
) -> None:
    """Though all else is well: the number, its subscription, the way to us."""
    await ward.set_faults(**faults)
    found = await ward.examine()
    assert_line(found, "webhook_fields", "error", APP_ID, *words)
    assert ["webhook_fields"] == [line["check"] for line in found if line["state"] == "error"]


async def test_owners_that_nobody_tells_of_are_a_warning(ward: Ward) -> None:
    """Where a number is used in the app too; with PERSON_SECONDS=0 it is no matter."""
    await ward.set_faults(**NO_ECHOES)
    words = ("smb_message_echoes", "Bar Sol", STEP_6)
    assert_line(await ward.examine(), "webhook_fields", "warning", *words)
    ward.set(person_seconds=0)
    assert_line(await ward.examine(), "webhook_fields", "ok", "subscribed to messages")


async def test_before_there_is_a_client_messages_are_what_matters(ward: Ward) -> None:
    """No owner writes yet; that no message will come is known already."""
    await ward.set_faults(**NO_ECHOES)
    await ward.run("UPDATE clients SET active = 0")
    assert_line(await ward.examine(), "webhook_fields", "ok", "subscribed to messages")
    await ward.set_faults(missing_fields=["messages"])
    assert_line(await ward.examine(), "webhook_fields", "error", "the field messages")


async def test_without_the_apps_secret_it_is_not_asked(ward: Ward) -> None:
    """The line is skipped, with the reason; `app_secret` has the step."""
    ward.set(meta_app_secret=SecretStr("0123456789abcdef"))
    assert_line(await ward.examine(), "webhook_fields", "skipped", APP_ID, "`app_secret` says")
    ward.set(meta_app_secret=None)
    words = ("META_APP_SECRET is not set",)
    assert_line(await ward.examine(), "webhook_fields", "skipped", *words)


async def test_without_the_shared_token_no_app_is_known(ward: Ward) -> None:
    """Clients with tokens of their own are not judged by an app that may not be theirs."""
    await ward.set_faults(missing_fields=["messages"])
    await ward.run(f"UPDATE clients SET access_token = '{TOKEN}'")
    ward.set(meta_access_token=None)
    found = await ward.examine()
    assert_line(found, "webhook_fields", "skipped", "META_ACCESS_TOKEN")
    assert "error" not in {line["state"] for line in found}


async def test_a_client_of_another_app_is_not_spoken_of(ward: Ward) -> None:
    """What its own app hears of is known to nobody here."""

    async def graph(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("debug_token"):
            app_id = "700" if request.query["input_token"] == OWN else "600"
            return web.json_response({"data": {"is_valid": True, "app_id": app_id}})
        if request.path.endswith("/600/subscriptions"):
            hook = {"object": "whatsapp_business_account", "fields": ["messages"]}
            return web.json_response({"data": [hook]})
        number = request.path.rpartition("/")[2]
        return web.json_response({"is_on_biz_app": True, "id": number})

    await ward.run(f"UPDATE clients SET access_token = '{OWN}' WHERE id = 2")
    async with serving(graph) as url:
        ward.set(meta_graph_url=url)
        told = pick(await ward.examine(), "webhook_fields")
        assert ("warning", False) == (told["state"], "Bar Sol" in told["detail"])
        await ward.run(f"UPDATE clients SET access_token = '{OWN}'")
        assert_line(await ward.examine(), "webhook_fields", "ok", "app 600")


@pytest.mark.parametrize(
    ("status", "body", "word"),
    [
        (400, {"error": {"code": 4}}, "again later"),
        (400, {"error": {"code": 10}}, "Webhook fields"),
        (200, {"data": {}}, "again later"),
        (200, {"data": [{"object": "whatsapp_business_account"}]}, "Webhook fields"),
    ],
)
async def test_what_meta_does_not_tell_is_no_error(
    ward: Ward, status: int, body: object, word: str
) -> None:
    """Only Meta's no is a no; the other lines are there as ever."""

    async def graph(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/subscriptions"):
            return web.json_response(body, status=status)
        return web.json_response({"data": {"is_valid": True, "app_id": "600"}})

    async with serving(graph) as url:
        ward.set(meta_graph_url=url)
        found = await ward.examine()
    assert_line(found, "webhook_fields", "skipped", "app 600", word)
    assert_line(found, "app_secret", "ok")
