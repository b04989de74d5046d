"""What a customer writes, the webhooks that come of it, and what scripts and the page can read."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from daemon.core.meta.wire import Customer, parse_delivery
from tests.doubles.sandbox_kit import CLIENTS, NOW, NUMBER, OTHER_NUMBER, QUESTIONS, Kit, open_kit

BELOW = "34600111222"


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    async with open_kit() as opened:
        yield opened


@pytest.fixture
async def silent() -> AsyncIterator[Kit]:
    async with open_kit(mute=True) as opened:
        yield opened


async def test_a_customers_message_is_metas_webhook(silent: Kit) -> None:
    """The webhook has Meta's shape of 2026, and the customer keeps one user id."""
    answer = await silent.write("¿Abrís?", name="Ana")
    assert (200, 200) == (answer.status, answer.body["webhook_status"])
    user_id = answer.body["user_id"]
    value = silent.echo.values[0]
    assert {"display_phone_number", "phone_number_id"} == set(value["metadata"])
    assert NUMBER == value["metadata"]["phone_number_id"]
    contact = {"profile": {"name": "Ana"}, "wa_id": BELOW, "user_id": user_id}
    assert [contact] == value["contacts"]
    message = {
        "from": BELOW,
        "from_user_id": user_id,
        "id": answer.body["wamid"],
        "timestamp": str(int(NOW)),
        "type": "text",
        "text": {"body": "¿Abrís?"},
    }
    assert [message] == value["messages"]
    assert user_id == (await silent.write()).body["user_id"]
    assert "Ana" == silent.echo.values[1]["contacts"][0]["profile"]["name"]


async def test_the_owner_may_write_from_their_app(silent: Kit) -> None:
    """Meta's echo of it is posted, with both ids of the customer; the chat shows it as theirs."""
    answer = await silent.write("Soy Marta.", **{"as": "owner"})
    assert (200, 200) == (answer.status, answer.body["webhook_status"])
    (body,) = map(json.loads, silent.echo.bodies)
    (change,) = body["entry"][0]["changes"]
    (echo,) = change["value"]["message_echoes"]
    assert "smb_message_echoes" == change["field"]
    assert (BELOW, answer.body["user_id"], answer.body["wamid"]) == (
        echo["to"],
        echo["to_user_id"],
        echo["id"],
    )
    (shown,) = parse_delivery(body).echoes
    assert Customer(answer.body["user_id"], BELOW) == shown.customer
    (message,) = (await silent.read_transcript(BELOW))["messages"]
    assert ("out", "Soy Marta.", "delivered") == (
        message["direction"],
        message["text"],
        message["status"],
    )


async def test_nobody_else_writes(silent: Kit) -> None:
    """A word for the author that there is not is refused, and nothing is posted."""
    answer = await silent.write(**{"as": "operator"})
    assert (400, []) == (answer.status, silent.echo.bodies)
    assert answer.body["error"].startswith("as:")


async def test_the_signature_is_over_the_escaped_bytes(silent: Kit) -> None:
    """As at Meta, non-ASCII and slashes are escaped in the body that is signed."""
    await silent.write("ñ/")
    assert b'"body":"\\u00f1\\/"' in silent.echo.bodies[0]
    assert 0 == silent.echo.forged


async def test_a_customer_may_hide_the_number(silent: Kit) -> None:
    """A username-only customer comes without wa_id and without from."""
    hidden: dict[str, Any] = {"from": None, "user_id": "ES.Ana1234"}
    await silent.write(**hidden)
    value = silent.echo.values[0]
    profile = {"name": "Customer", "username": "@ana1234"}
    assert [{"profile": profile, "user_id": "ES.Ana1234"}] == value["contacts"]
    assert "from" not in value["messages"][0]


async def test_number_and_user_id_are_joined_when_both_are_seen(kit: Kit) -> None:
    """After both came together, either leads to the one chat."""
    await kit.write("uno", user_id="ES.ana1234")
    await kit.echo.wait_until(lambda: len(kit.echo.statuses) == 3)
    by_number = await kit.read_transcript(BELOW)
    by_user = await kit.read_transcript("ES.ana1234")
    assert by_number == by_user
    assert {"user_id": "ES.ana1234", "wa_id": BELOW, "name": "Customer 1222"} == (
        by_user["customer"]
    )


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("image", "caption", "hola"),
        ("audio", "mime_type", "audio/ogg; codecs=opus"),
        ("button", "text", "hola"),
        ("reaction", "emoji", "hola"),
        ("interactive", "type", "button_reply"),
    ],
)
async def test_other_types_carry_their_own_object(
    silent: Kit, kind: str, key: str, value: str
) -> None:
    """A customer may send what a bot cannot read."""
    silent.echo.mute = True
    await silent.write(type=kind)
    assert value == silent.echo.messages[0][kind][key]


async def test_types_without_a_shape_are_empty_objects(silent: Kit) -> None:
    """Unknown types appear without notice, and `unsupported` names its error."""
    await silent.write(type="hologram", text="")
    await silent.write(type="image", text="")
    await silent.write(type="unsupported")
    first, image, last = silent.echo.messages
    assert {} == first["hologram"]
    assert "caption" not in image["image"]
    assert [131051] == [error["code"] for error in last["errors"]]


async def test_statuses_come_in_order_with_the_callback_data(kit: Kit) -> None:
    """Sent, delivered and read are posted one after the other and name the send."""
    await kit.write()
    await kit.echo.wait_until(lambda: len(kit.echo.statuses) == 3)
    statuses = kit.echo.statuses
    assert ["sent", "delivered", "read"] == [status["status"] for status in statuses]
    assert {("row-1", BELOW)} == {
        (status["biz_opaque_callback_data"], status["recipient_id"]) for status in statuses
    }
    contacts = [value["contacts"][0] for value in kit.echo.values]
    assert 1 == len({contact["user_id"] for contact in contacts})
    accepted = (await kit.read_accepted())["accepted"]
    assert {accepted[0]["wamid"]} == {status["id"] for status in statuses}


async def test_after_24_hours_free_text_fails(silent: Kit) -> None:
    """Accepted, then failed with 131047 by a status, and the customer never sees it."""
    await silent.write()
    silent.clock.now += 24 * 3600 + 1
    assert 200 == (await silent.send()).status
    await silent.echo.wait_until(lambda: bool(silent.echo.statuses))
    (status,) = silent.echo.statuses
    assert ("failed", 131047) == (status["status"], status["errors"][0]["code"])
    message = (await silent.read_transcript(direction="out"))["messages"][0]
    assert ("failed", 131047) == (message["status"], message["error_code"])


async def test_a_restart_does_not_close_the_window(silent: Kit) -> None:
    """A customer the sandbox has not heard counts as having written when it started."""
    silent.clock.now += 24 * 3600 - 1
    await silent.send()
    await silent.echo.wait_until(lambda: len(silent.echo.statuses) == 3)
    silent.clock.now += 2
    await silent.send()
    await silent.echo.wait_until(lambda: len(silent.echo.statuses) == 4)
    assert "failed" == silent.echo.statuses[-1]["status"]


async def test_a_script_waits_for_the_answer_without_sleeping(kit: Kit) -> None:
    """The transcript answers as soon as the bot has."""
    after = (await kit.write("hola")).body["after"]
    transcript = await kit.read_transcript(after=after, wait=20, direction="out")
    assert ["Echo: hola"] == [message["text"] for message in transcript["messages"]]
    assert ["row-1"] == [message["biz_opaque_callback_data"] for message in transcript["messages"]]
    assert [] == (await kit.read_transcript(after=transcript["seq"] + 9, wait=0.01))["messages"]


async def test_the_same_id_again_is_a_duplicate_webhook(silent: Kit) -> None:
    """A script may deliver a message twice; the customer wrote it once."""
    for _ in range(2):
        assert "wamid.mine" == (await silent.write(id="wamid.mine")).body["wamid"]
    assert ["wamid.mine"] * 2 == [message["id"] for message in silent.echo.messages]
    assert 1 == len((await silent.read_transcript())["messages"])


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"phone_number_id": "x"}, "phone_number_id"),
        ({"phone_number_id": None}, "phone_number_id"),
        ({"from": "12"}, "from"),
        ({"from": None}, "from or user_id"),
        ({"user_id": "ana"}, "user_id"),
        ({"text": " "}, "text"),
        ({"text": "x" * 65_537}, "text"),
        ({"type": "Text!"}, "type"),
        ({"id": "with space"}, "id"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_bad_request_is_named_in_one_line(
    silent: Kit, fields: dict[str, Any], named: str
) -> None:
    """400 with the field, and nothing is posted."""
    answer = await silent.write(**fields)
    assert 400 == answer.status
    assert named in answer.body["error"]
    assert "\n" not in answer.body["error"]
    assert [] == silent.echo.bodies


@pytest.mark.parametrize(
    "query",
    [
        "customer=34600111222",
        f"phone_number_id={NUMBER}",
        f"phone_number_id={NUMBER}&customer=34600111222&wait=61",
        f"phone_number_id={NUMBER}&customer=34600111222&after=x",
        f"phone_number_id={NUMBER}&customer=34600111222&after=inf",
        f"phone_number_id={NUMBER}&customer=34600111222&after=nan",
        f"phone_number_id={NUMBER}&customer=34600111222&direction=up",
    ],
)
async def test_a_bad_query_is_refused(silent: Kit, query: str) -> None:
    """A transcript is asked for by number and customer; the rest are numbers in bounds."""
    answer = await silent.call("GET", f"/chat/messages?{query}")
    assert (400, ["error"]) == (answer.status, list(answer.body))


async def test_an_unknown_customer_has_an_empty_transcript(silent: Kit) -> None:
    """Asking creates nothing."""
    transcript = await silent.read_transcript("+34 699 999 999")
    assert ([], None) == (transcript["messages"], transcript["customer"])


async def test_the_clients_are_listed_with_the_webhooks_health(silent: Kit) -> None:
    """The page learns the clients and that somebody listens."""
    answer = await silent.call("GET", "/chat/clients")
    names = [client["name"] for client in answer.body["clients"]]
    assert [client.name for client in CLIENTS] == names
    assert {"url": silent.echo.url, "status": None, "problem": None} == answer.body["webhook"]


async def test_an_empty_chat_offers_what_its_client_can_answer(silent: Kit) -> None:
    """A few of its own questions; none where it has none."""
    for number, offered in ((NUMBER, list(QUESTIONS[NUMBER][:3])), (OTHER_NUMBER, [])):
        answer = await silent.call("GET", f"/chat/examples?phone_number_id={number}")
        assert {"examples": offered} == answer.body
    assert 400 == (await silent.call("GET", "/chat/examples")).status


async def read_event(stream: Any) -> dict[str, Any]:
    while not (line := await stream.readline()).startswith(b"data: "):
        assert line
    event: dict[str, Any] = json.loads(line[6:])
    return event


async def test_events_tell_what_happens_as_it_happens(kit: Kit) -> None:
    """The stream carries messages, typing and ticks, with heartbeats in silence."""
    async with kit.http.get(kit.url + "/chat/events") as stream:
        assert b"retry: 1000\n" == await stream.content.readline()
        await stream.content.readuntil(b": still here\n\n")
        await kit.write()
        seen: list[str] = []
        while "typing" not in seen or seen[-1] != "Echo: hola":
            event = await read_event(stream.content)
            seen.append(event["message"]["text"] if event["type"] == "message" else event["type"])
        assert "hola" == seen[0] or "webhook" == seen[0]
