"""What the sandbox does wrong on purpose, and how it repeats webhooks as Meta does."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from daemon.sandbox import Pace
from daemon.sandbox.faults import Faults
from tests.doubles.sandbox_kit import Kit, open_kit

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    async with open_kit(mute=True) as opened:
        yield opened


async def wait_until_read(kit: Kit) -> None:
    """Wait for the bot's only message to have been read on the phone."""
    after = 0
    while True:
        transcript = await kit.read_transcript(after=after, wait=10, direction="out")
        after = transcript["seq"]
        if transcript["messages"][0]["status"] == "read":
            break


async def test_no_fault_is_set_at_first(kit: Kit) -> None:
    """A new sandbox behaves."""
    assert Faults().model_dump() == (await kit.call("GET", "/sandbox/faults")).body


async def test_put_replaces_all_faults(kit: Kit) -> None:
    """What is not named goes back to none."""
    await kit.set_faults(hang=2, mute_statuses=True)
    answer = await kit.set_faults(latency_ms=5)
    assert (200, Faults(latency_ms=5).model_dump()) == (answer.status, answer.body)


async def test_what_the_readme_sets_can_be_set(kit: Kit) -> None:
    """Its example is taken as it stands, and every other fault that it names is one."""
    text = (ROOT / "README.md").read_text().partition("`PUT /sandbox/faults`")[2]
    example, _, others = text.partition("\nOthers are ")
    (document,) = re.findall(r"-d '(.+)'", example)
    assert 200 == (await kit.set_faults(**json.loads(document))).status
    named = re.findall(r"`([a-z][a-z0-9_]+)`", others.partition(".\n")[0])
    assert len(named) > 5
    assert set() == set(named) - {"true"} - set(Faults.model_fields)


@pytest.mark.parametrize(
    ("faults", "named"),
    [
        ({"colour": 1}, "colour"),
        ({"hang": -1}, "hang"),
        ({"hang": "1"}, "hang"),
        ({"error": {"http_status": 500}}, "error.code"),
        ({"error": {"code": 1, "http_status": 200}}, "error.http_status"),
        ({"duplicate_webhooks": 21}, "duplicate_webhooks"),
        ({"missing_fields": ["mesages"]}, "missing_fields.0"),
        ({"webhook_state": "off"}, "webhook_state"),
    ],
)
async def test_a_bad_fault_is_refused_whole(kit: Kit, faults: dict[str, Any], named: str) -> None:
    """400 names the key, and the faults of before stand."""
    await kit.set_faults(hang=2)
    answer = await kit.set_faults(**faults)
    assert 400 == answer.status
    assert answer.body["error"].startswith(f"{named}:")
    assert 2 == (await kit.call("GET", "/sandbox/faults")).body["hang"]


async def test_faults_must_be_a_json_object(kit: Kit) -> None:
    """No body, no change."""
    answer = await kit.call("PUT", "/sandbox/faults", json=[])
    assert (400, True) == (answer.status, answer.body["error"].startswith("body:"))


async def test_an_error_strikes_as_often_as_asked(kit: Kit) -> None:
    """Two sends fail with the code, the third is accepted."""
    await kit.set_faults(error={"code": 131016, "http_status": 500, "count": 2})
    answers = [await kit.send() for _ in range(3)]
    assert [500, 500, 200] == [answer.status for answer in answers]
    assert 131016 == answers[0].body["error"]["code"]
    assert (await kit.call("GET", "/sandbox/faults")).body["error"] is None


async def test_an_error_without_a_count_stays_until_it_is_cleared(kit: Kit) -> None:
    """A code without a name is told apart."""
    await kit.set_faults(error={"code": 424242})
    assert [400, 400] == [(await kit.send()).status for _ in range(2)]
    await kit.set_faults()
    assert 200 == (await kit.send()).status


async def test_a_break_after_accepting_leaves_the_sender_in_doubt(kit: Kit) -> None:
    """The connection breaks, yet the message is out and its statuses say so."""
    await kit.set_faults(drop_after_accept=1)
    with pytest.raises(aiohttp.ClientError):
        await kit.send(biz_opaque_callback_data="row-9")
    await kit.echo.wait_until(lambda: len(kit.echo.statuses) == 3)
    assert "row-9" == kit.echo.statuses[0]["biz_opaque_callback_data"]
    assert 1 == len((await kit.read_accepted())["accepted"])
    assert 200 == (await kit.send()).status


async def test_a_break_before_accepting_sends_nothing(kit: Kit) -> None:
    """The sender sees the same, and nothing is out."""
    await kit.set_faults(drop_before_accept=1)
    with pytest.raises(aiohttp.ClientError):
        await kit.send()
    listed = await kit.read_accepted()
    assert ([], 1) == (listed["accepted"], listed["counters"]["struck"])


async def test_a_page_instead_of_json(kit: Kit) -> None:
    """A 200 that is not the Graph API's accepts nothing."""
    await kit.set_faults(html_200=1)
    answer = await kit.send()
    assert (200, "text/html") == (answer.status, answer.headers["Content-Type"].split(";")[0])
    assert [] == (await kit.read_accepted())["accepted"]


async def test_a_hanging_send_is_never_answered(kit: Kit) -> None:
    """The sender's own time limit ends it; nothing is accepted."""
    await kit.set_faults(hang=1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await kit.send()
    assert 1 == (await kit.read_accepted())["counters"]["struck"]


async def test_latency_delays_the_answer(kit: Kit) -> None:
    """An answer takes at least what is set."""
    await kit.set_faults(latency_ms=60)
    loop = asyncio.get_running_loop()
    started = loop.time()
    await kit.send()
    assert 0.06 <= loop.time() - started


async def test_a_token_can_be_refused(kit: Kit) -> None:
    """The right token is refused until the fault is cleared."""
    await kit.set_faults(token_refused=True)
    assert 401 == (await kit.send()).status
    await kit.set_faults()
    assert 200 == (await kit.send()).status


async def test_webhooks_can_come_more_than_once(kit: Kit) -> None:
    """Copies are posted beside each webhook."""
    await kit.set_faults(duplicate_webhooks=2)
    wamid = (await kit.write()).body["wamid"]
    assert [wamid] * 3 == [message["id"] for message in kit.echo.messages]


async def test_statuses_can_come_backwards(kit: Kit) -> None:
    """Read first; the chat's own ticks never turn back."""
    await kit.set_faults(reorder_statuses=True)
    await kit.send()
    await kit.echo.wait_until(lambda: len(kit.echo.statuses) == 3)
    assert ["read", "delivered", "sent"] == [status["status"] for status in kit.echo.statuses]
    assert "read" == (await kit.read_transcript())["messages"][0]["status"]


async def test_statuses_can_be_muted(kit: Kit) -> None:
    """They happen on the phone, and no webhook tells."""
    await kit.set_faults(mute_statuses=True)
    await kit.send()
    await wait_until_read(kit)
    assert [] == kit.echo.statuses


@pytest.mark.parametrize(
    "faults", [{"missing_fields": ["messages"]}, {"webhook_state": "inactive"}]
)
async def test_what_is_not_subscribed_to_is_not_posted(kit: Kit, faults: dict[str, Any]) -> None:
    """The message is in the chat with one tick, and nobody is blamed; no status comes either."""
    await kit.set_faults(**faults)
    answer = await kit.write()
    assert (202, None, None) == (
        answer.status,
        answer.body["webhook_status"],
        answer.body["problem"],
    )
    await kit.send()
    await wait_until_read(kit)
    assert [] == kit.echo.bodies
    await kit.set_faults()
    assert 200 == (await kit.write()).status


async def test_an_owners_messages_are_a_field_of_their_own(kit: Kit) -> None:
    """Without it customers' messages come and the owner's do not."""
    await kit.set_faults(missing_fields=["smb_message_echoes"])
    assert 202 == (await kit.write(**{"as": "owner"})).status
    assert 200 == (await kit.write()).status
    assert 1 == len(kit.echo.bodies)


async def test_a_webhook_not_answered_200_is_posted_again(kit: Kit) -> None:
    """The script learns the status at once; the message arrives in the end, signed as before."""
    kit.echo.answers.extend([503, 302])
    answer = await kit.write()
    assert (202, 503) == (answer.status, answer.body["webhook_status"])
    assert "answered 503" in answer.body["problem"]
    await kit.echo.wait_until(lambda: bool(kit.echo.messages))
    assert 1 == len(set(kit.echo.bodies))
    transcript = await kit.read_transcript(after=answer.body["after"], wait=10)
    assert "delivered" == transcript["messages"][0]["status"]
    assert 2 == (await kit.read_accepted())["counters"]["webhooks_repeated"]


async def test_repeating_ends_some_time(kit: Kit) -> None:
    """After the last pause a webhook is given up, and counted."""
    kit.echo.answers.extend([500] * 4)
    await kit.write()
    await kit.echo.wait_until(lambda: len(kit.echo.bodies) == 4)
    await kit.write()
    counters = (await kit.read_accepted())["counters"]
    assert (1, 3) == (counters["webhooks_given_up"], counters["webhooks_repeated"])
    assert 1 == counters["webhooks_acknowledged"]


async def test_an_app_secret_that_differs_is_named(kit: Kit) -> None:
    """A 401 points at the secret."""
    kit.echo.answers.extend([401])
    assert "META_APP_SECRET" in (await kit.write()).body["problem"]


async def test_a_daemon_that_is_not_running_is_named() -> None:
    """The page and the script are told where nobody answers, and when somebody does again."""
    async with open_kit() as lender:
        url = lender.echo.url
    async with open_kit(webhook_url=url, pace=Pace(retry_pauses_s=())) as kit:
        problem = f"The webhook answers nothing at {url}: is released-daemon running?"
        assert problem == (await kit.call("GET", "/chat/clients")).body["webhook"]["problem"]
        answer = await kit.write()
        assert (202, None, problem) == (
            answer.status,
            answer.body["webhook_status"],
            answer.body["problem"],
        )
        port = int(url.split(":")[2].split("/")[0])
        server = await asyncio.start_server(
            lambda _reader, writer: writer.close(), "127.0.0.1", port
        )
        async with server:
            assert (await kit.call("GET", "/chat/clients")).body["webhook"]["problem"] is None


async def test_a_daemon_that_says_nothing_is_given_up_in_time() -> None:
    """A webhook that hangs ends with its own time limit."""
    pace = Pace(webhook_timeout_s=0.05, retry_pauses_s=())

    async def listen_only(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(listen_only, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with open_kit(webhook_url=f"http://127.0.0.1:{port}/webhook", pace=pace) as kit:
            assert (await kit.write()).body["webhook_status"] is None
