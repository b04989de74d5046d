"""What the simulated Graph API tells about numbers, tokens, accounts and apps, over a socket."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from daemon.sandbox import SandboxClient
from daemon.sandbox.accounts import ACCOUNT_ID, APP_ID
from tests.doubles.echo_daemon import SECRET, TOKEN
from tests.doubles.sandbox_kit import NUMBER, Answer, Kit, open_kit

CLIENTS = (SandboxClient("La Plaza", NUMBER, "+34666777888"), SandboxClient("Sol", "111"))
APP = f"{APP_ID}|{SECRET}"
WHATSAPP = "whatsapp_business_account"


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    async with open_kit(mute=True, list_clients=lambda: CLIENTS) as opened:
        yield opened


async def ask(kit: Kit, path: str, *, token: str = TOKEN, **query: str) -> Answer:
    headers = {"Authorization": f"Bearer {token}"}
    return await kit.call("GET", f"/v26.0/{path}", headers=headers, params=query)


async def test_only_the_fields_that_are_named_are_told(kit: Kit) -> None:
    """As Meta does, with the id; the phone is the client's own."""
    answer = await ask(kit, NUMBER, fields="display_phone_number,status")
    expected = {"display_phone_number": "+34666777888", "status": "CONNECTED", "id": NUMBER}
    assert (200, expected) == (answer.status, answer.body)


async def test_a_client_without_a_phone_has_one_made_up(kit: Kit) -> None:
    """The same as its webhooks carry."""
    answer = await ask(kit, "111", fields="display_phone_number")
    assert "+15550000111" == answer.body["display_phone_number"]


async def test_an_unknown_field_is_error_100(kit: Kit) -> None:
    """An older version of Meta's refuses newer ones so."""
    answer = await ask(kit, NUMBER, fields="status,shoe_size")
    assert (400, 100) == (answer.status, answer.body["error"]["code"])
    assert "shoe_size" in answer.body["error"]["message"]


async def test_a_number_knows_its_account_and_its_callback(kit: Kit) -> None:
    """By which a doctor goes on to ask."""
    answer = await ask(kit, NUMBER, fields="health_status,webhook_configuration")
    entities = answer.body["health_status"]["entities"]
    kinds = {entity["entity_type"]: entity["id"] for entity in entities}
    assert (ACCOUNT_ID, APP_ID) == (kinds["WABA"], kinds["APP"])
    assert {"application": kit.echo.url} == answer.body["webhook_configuration"]


async def test_an_owner_can_write_in_the_app(kit: Kit) -> None:
    """So the number is one of coexistence."""
    answer = await ask(kit, NUMBER, fields="is_on_biz_app,platform_type")
    assert {"is_on_biz_app": True, "platform_type": "CLOUD_API", "id": NUMBER} == answer.body


async def test_the_account_has_one_app(kit: Kit) -> None:
    """Another account does not exist."""
    apps = (await ask(kit, f"{ACCOUNT_ID}/subscribed_apps")).body["data"]
    assert [APP_ID] == [app["whatsapp_business_api_data"]["id"] for app in apps]
    answer = await ask(kit, "1/subscribed_apps")
    assert (100, 33) == (answer.body["error"]["code"], answer.body["error"]["error_subcode"])


@pytest.mark.parametrize("asking", [TOKEN, f"{APP_ID}|{SECRET}"])
async def test_a_token_is_told_about(kit: Kit, asking: str) -> None:
    """To itself and to its app; another token is not valid."""
    data = (await ask(kit, "debug_token", token=asking, input_token=TOKEN)).body["data"]
    assert (True, APP_ID, 0) == (data["is_valid"], data["app_id"], data["expires_at"])
    assert [ACCOUNT_ID] == data["granular_scopes"][0]["target_ids"]
    data = (await ask(kit, "debug_token", token=asking, input_token="another")).body["data"]
    assert (False, 190) == (data["is_valid"], data["error"]["code"])
    assert 100 == (await ask(kit, "debug_token", token=asking)).body["error"]["code"]


@pytest.mark.parametrize(
    ("asking", "code"), [("wrong", 190), (f"{APP_ID}|wrong", 1), (f"1|{SECRET}", 190)]
)
async def test_who_asks_with_something_else_is_refused(kit: Kit, asking: str, code: int) -> None:
    """A wrong token and a wrong secret have their codes."""
    answer = await ask(kit, "debug_token", token=asking, input_token=TOKEN)
    assert code == answer.body["error"]["code"]


@pytest.mark.parametrize("asking", [TOKEN, f"{APP_ID}|{SECRET}"])
async def test_a_refused_token_is_refused_here_too(kit: Kit, asking: str) -> None:
    """The fault that the sends meet."""
    await kit.set_faults(token_refused=True)
    answer = await ask(kit, "debug_token", token=asking, input_token=TOKEN)
    assert (401, 190) == (answer.status, answer.body["error"]["code"])


async def test_where_any_token_is_taken_all_are_valid() -> None:
    """A sandbox without META_ACCESS_TOKEN refuses nobody."""
    async with open_kit(access_token=None, mute=True) as kit:
        for asking in ("any", f"{APP_ID}|any"):
            answer = await ask(kit, "debug_token", token=asking, input_token="other")
            assert answer.body["data"]["is_valid"] is True


async def test_an_app_hears_of_what_the_sandbox_posts(kit: Kit) -> None:
    """The subscription to WhatsApp stands among those to other products."""
    found = (await ask(kit, f"{APP_ID}/subscriptions", token=APP)).body["data"]
    assert ["permissions", WHATSAPP] == [one["object"] for one in found]
    fields = [{"name": name, "version": "v26.0"} for name in ("messages", "smb_message_echoes")]
    expected = {"object": WHATSAPP, "callback_url": kit.echo.url, "active": True, "fields": fields}
    assert expected == found[-1]


@pytest.mark.parametrize(
    ("faults", "told"),
    [
        ({"missing_fields": ["messages"]}, (True, ["smb_message_echoes"])),
        ({"missing_fields": ["smb_message_echoes", "messages"]}, (True, [])),
        ({"webhook_state": "inactive"}, (False, ["messages", "smb_message_echoes"])),
        ({"webhook_state": "missing"}, None),
    ],
)
async def test_a_webhook_may_be_set_up_badly(kit: Kit, faults: dict[str, Any], told: Any) -> None:
    """A field that is not subscribed to, a webhook that is not active, none at all."""
    await kit.set_faults(**faults)
    data = (await ask(kit, f"{APP_ID}/subscriptions", token=APP)).body["data"]
    found = [one for one in data if one["object"] == WHATSAPP]
    expected = [(one["active"], [field["name"] for field in one["fields"]]) for one in found]
    assert ([] if told is None else [told]) == expected


@pytest.mark.parametrize(
    ("asking", "app_id", "code"),
    [
        (TOKEN, APP_ID, 15),
        (f"{APP_ID}|wrong", APP_ID, 1),
        (f"1|{SECRET}", APP_ID, 190),
        (APP, "1", 100),
    ],
)
async def test_only_the_app_is_told_what_it_hears_of(
    kit: Kit, asking: str, app_id: str, code: int
) -> None:
    """Not an access token, nor another app."""
    answer = await ask(kit, f"{app_id}/subscriptions", token=asking)
    assert code == answer.body["error"]["code"]


async def test_where_any_token_is_taken_so_is_an_apps() -> None:
    """A sandbox without META_ACCESS_TOKEN refuses no app either."""
    async with open_kit(access_token=None, mute=True) as kit:
        assert 200 == (await ask(kit, f"{APP_ID}/subscriptions", token=f"{APP_ID}|any")).status
