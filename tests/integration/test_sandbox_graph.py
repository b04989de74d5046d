"""The simulated Graph API, over a real socket: what it takes, what it refuses, in Meta's words."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from daemon.core.errors import Retryable
from daemon.sandbox import SandboxClient
from tests.doubles.sandbox_kit import CLIENTS, NUMBER, OTHER_NUMBER, Kit, open_kit


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    async with open_kit(mute=True) as opened:
        yield opened


async def test_a_text_is_accepted_in_metas_words(kit: Kit) -> None:
    """A 200 names the input, the customer and a new message id."""
    answer = await kit.send()
    assert answer.status == 200
    wamid = answer.body["messages"][0]["id"]
    assert wamid.startswith("wamid.")
    expected = {
        "messaging_product": "whatsapp",
        "contacts": [{"input": "+34600111222", "wa_id": "34600111222"}],
        "messages": [{"id": wamid}],
    }
    assert expected == answer.body


async def test_a_customer_without_a_number_is_reached_by_recipient(kit: Kit) -> None:
    """`recipient` takes a user id, and the statuses name no number."""
    answer = await kit.send(to=..., recipient="ES.ana1234")
    assert [{"input": "ES.ana1234", "user_id": "ES.ana1234"}] == answer.body["contacts"]
    await kit.echo.wait_until(lambda: len(kit.echo.statuses) == 3)
    assert {"ES.ana1234"} == {status["recipient_user_id"] for status in kit.echo.statuses}
    assert not any("recipient_id" in status for status in kit.echo.statuses)


async def test_to_wins_over_recipient(kit: Kit) -> None:
    """With both given, the number is used, as Meta has it."""
    answer = await kit.send(recipient="ES.ana1234")
    assert "34600111222" == answer.body["contacts"][0]["wa_id"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"messaging_product": ...}, 100),
        ({"to": ...}, 100),
        ({"to": "hola"}, 131009),
        ({"to": 34600111222}, 131009),
        ({"to": ..., "recipient": "ana"}, 131009),
        ({"to": ..., "recipient": 5}, 131009),
        ({"type": "image"}, 131051),
        ({"text": ...}, 131008),
        ({"text": {}}, 131008),
        ({"text": {"body": "  "}}, 131009),
        ({"text": {"body": 5}}, 131009),
        ({"text": {"body": "x" * 4097}}, 100),
        ({"biz_opaque_callback_data": "x" * 513}, 100),
        ({"biz_opaque_callback_data": 5}, 100),
        ({"context": "wamid.x"}, 100),
        ({"context": {}}, 100),
        ({"status": "delivered", "message_id": "wamid.x"}, 100),
        ({"status": "read"}, 100),
        ({"status": "read", "message_id": "wamid.x", "typing_indicator": {}}, 100),
        ({"status": "read", "message_id": "wamid.x"}, 100),
    ],
)
async def test_a_bad_call_is_refused_with_metas_code(
    kit: Kit, fields: dict[str, Any], code: int
) -> None:
    """Each broken limit has its code, in Meta's error shape, and nothing is accepted."""
    answer = await kit.send(**fields)
    assert (400, code) == (answer.status, answer.body["error"]["code"])
    assert {"message", "type", "code", "error_data", "fbtrace_id"} == set(answer.body["error"])
    assert "whatsapp" == answer.body["error"]["error_data"]["messaging_product"]
    assert answer.body["error"]["error_data"]["details"]
    assert [] == (await kit.read_accepted())["accepted"]


async def test_the_longest_text_is_taken(kit: Kit) -> None:
    """4,096 characters are within the limit, and so are 512 of callback data."""
    answer = await kit.send(text={"body": "ñ" * 4096}, biz_opaque_callback_data="x" * 512)
    assert 200 == answer.status


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff", b"[]", b"null"])
async def test_a_body_that_is_no_object_is_refused(kit: Kit, body: bytes) -> None:
    """What cannot be read is error 100, never a crash."""
    headers = {"Authorization": "Bearer echo-token"}
    path = f"/v26.0/{NUMBER}/messages"
    answer = await kit.call("POST", path, data=body, headers=headers)
    assert (400, 100) == (answer.status, answer.body["error"]["code"])


async def test_an_unknown_number_is_error_100_subcode_33(kit: Kit) -> None:
    """A phone_number_id that is no client's does not exist."""
    for number in ("999", "abc"):
        answer = await kit.send(number)
        error = answer.body["error"]
        assert (400, 100, 33) == (answer.status, error["code"], error["error_subcode"])


@pytest.mark.parametrize("token", ["wrong", "", "ñ"])
async def test_a_wrong_token_is_401_with_code_190(kit: Kit, token: str) -> None:
    """Only the right bearer token is taken."""
    answer = await kit.send(token=token)
    error = answer.body["error"]
    assert (401, 190, "OAuthException") == (answer.status, error["code"], error["type"])


async def test_without_a_token_set_any_call_is_taken() -> None:
    """`access_token` None needs no Authorization at all."""
    async with open_kit(access_token=None, mute=True) as kit:
        body = {"messaging_product": "whatsapp", "to": "34600111222", "text": {"body": "x"}}
        assert 200 == (await kit.call("POST", f"/v26.0/{NUMBER}/messages", json=body)).status


async def test_a_number_describes_itself(kit: Kit) -> None:
    """A doctor may ask for a number's name and quality."""
    headers = {"Authorization": "Bearer echo-token"}
    answer = await kit.call("GET", f"/v26.0/{NUMBER}", headers=headers)
    shown = {"id": NUMBER, "verified_name": CLIENTS[0].name, "quality_rating": "GREEN"}
    assert shown == {name: answer.body[name] for name in shown}
    assert answer.body["display_phone_number"].startswith("+")


async def test_any_other_path_of_the_graph_is_refused_in_its_shape(kit: Kit) -> None:
    """A call the sandbox does not play is told so as Meta would."""
    answer = await kit.call("GET", "/v26.0/123/phone_numbers")
    assert (400, 2500) == (answer.status, answer.body["error"]["code"])


async def test_read_and_typing_turn_the_ticks_blue(kit: Kit) -> None:
    """A read call marks what the customer wrote so far, and typing shows until the answer."""
    first = (await kit.write("uno")).body["wamid"]
    second = (await kit.write("dos")).body["wamid"]
    answer = await kit.send(status="read", message_id=second, typing_indicator={"type": "text"})
    assert {"success": True} == answer.body
    transcript = await kit.read_transcript()
    assert [(first, "read"), (second, "read")] == [
        (message["wamid"], message["status"]) for message in transcript["messages"]
    ]
    assert transcript["typing"] is True
    await kit.send()
    assert (await kit.read_transcript())["typing"] is False


async def test_reading_without_typing_shows_none(kit: Kit) -> None:
    """`typing_indicator` is optional."""
    wamid = (await kit.write()).body["wamid"]
    assert 200 == (await kit.send(status="read", message_id=wamid)).status
    assert (await kit.read_transcript())["typing"] is False
    counters = (await kit.read_accepted())["counters"]
    assert (1, 0) == (counters["reads"], counters["typing"])


async def test_a_number_cannot_read_anothers_messages(kit: Kit) -> None:
    """A wamid is known to the number that received it only, and an answer is no such message."""
    wamid = (await kit.write()).body["wamid"]
    sent = (await kit.send()).body["messages"][0]["id"]
    assert 400 == (await kit.send(OTHER_NUMBER, status="read", message_id=wamid)).status
    assert 400 == (await kit.send(status="read", message_id=sent)).status


async def test_accepted_sends_are_listed_in_order(kit: Kit) -> None:
    """Tests can look up what was accepted, and start again from nothing."""
    wamid = (await kit.send(biz_opaque_callback_data="row-7")).body["messages"][0]["id"]
    await kit.send(to=..., recipient="ES.ana1234", context={"message_id": "wamid.q"})
    listed = await kit.read_accepted(count=2)
    first, second = listed["accepted"]
    assert {
        "wamid": wamid,
        "phone_number_id": NUMBER,
        "to": "+34600111222",
        "recipient": None,
        "text": "buenas",
        "biz_opaque_callback_data": "row-7",
        "reply_to": None,
        "at": "2025-11-24T16:00:00.000Z",
    } == first
    assert (None, "ES.ana1234", "wamid.q") == (
        second["to"],
        second["recipient"],
        second["reply_to"],
    )
    assert (2, 2) == (listed["counters"]["sends"], listed["counters"]["accepted"])
    cleared = (await kit.call("DELETE", "/sandbox/accepted")).body
    assert ([], 0) == (cleared["accepted"], cleared["counters"]["accepted"])


async def test_waiting_for_accepted_sends_ends_in_time(kit: Kit) -> None:
    """A wait for what never comes ends when its time is up."""
    answer = await kit.call("GET", "/sandbox/accepted", params={"count": 1, "wait": 0.01})
    assert [] == answer.body["accepted"]


async def test_a_new_client_is_known_at_once() -> None:
    """A number added after the start is found without a restart."""
    clients = list(CLIENTS)
    async with open_kit(mute=True, list_clients=lambda: tuple(clients)) as kit:
        assert 400 == (await kit.send("777")).status
        clients.append(SandboxClient("New", "777"))
        assert 200 == (await kit.send("777")).status


async def test_clients_that_cannot_be_read_are_a_passing_failure() -> None:
    """The Graph API answers a retryable error, the page a plain line."""

    def fail() -> tuple[SandboxClient, ...]:
        raise Retryable("the database is busy")

    async with open_kit(list_clients=fail) as kit:
        answer = await kit.send()
        assert (503, 2) == (answer.status, answer.body["error"]["code"])
        answer = await kit.call("GET", "/chat/clients")
        assert (503, {"error": "the database is busy"}) == (answer.status, answer.body)
