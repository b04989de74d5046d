"""The Graph client against a real server on loopback that answers, refuses, hangs and drops."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from daemon.core.meta.client import GraphClient, NotSent, SendInDoubt, SendRefused
from daemon.core.meta.codes import Remedy
from tests.doubles.loopback import Reply, replying, serve_handler

TOKEN = "EAAB-a-secret-token"
PAYLOAD = {"messaging_product": "whatsapp", "text": {"body": "¿Qué tal? 👍"}}


@dataclass
class FakeGraph:
    """Keeps what it was asked, and answers as the test says."""

    answer: Reply
    url: str = ""
    requests: list[tuple[str, str, Any]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        self.requests.append((request.raw_path, request.headers["Authorization"], body))
        return await self.answer(request)


def refusing(status: int, code: object) -> Reply:
    return replying(status, {"error": {"message": f"Malformed token {TOKEN}", "code": code}})


@pytest.fixture
async def graph() -> AsyncIterator[FakeGraph]:
    fake = FakeGraph(replying(200, {"messages": [{"id": "wamid.Sent"}]}))
    async with serve_handler(fake.handle) as fake.url:
        yield fake


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def client(graph: FakeGraph, session: aiohttp.ClientSession) -> GraphClient:
    return GraphClient(session, base_url=graph.url, version="v26.0", timeout_s=10)


async def send(client: GraphClient, *, token: str = TOKEN, number: str = "631") -> str | None:
    return await client.send_message(phone_number_id=number, access_token=token, payload=PAYLOAD)


async def test_a_message_is_sent_and_its_wamid_told(graph: FakeGraph, client: GraphClient) -> None:
    """One POST to the number's own address, the token in its header alone."""
    assert await send(client) == "wamid.Sent"
    assert [("/v26.0/631/messages", f"Bearer {TOKEN}", PAYLOAD)] == graph.requests


async def test_a_strange_number_stays_inside_its_path(
    graph: FakeGraph, client: GraphClient
) -> None:
    """No phone_number_id can reach another address of the API."""
    await send(client, number="1/messages?x#")
    assert graph.requests[0][0] == "/v26.0/1%2Fmessages%3Fx%23/messages"


async def test_read_and_typing_are_shown(graph: FakeGraph, client: GraphClient) -> None:
    """The customer sees the ticks and the typing, in one call."""
    graph.answer = replying(200, {"success": True})
    await client.show_read_and_typing(phone_number_id="631", access_token=TOKEN, wamid="wamid.In")
    ((path, _, body),) = graph.requests
    assert path == "/v26.0/631/messages"
    assert (body["status"], body["message_id"]) == ("read", "wamid.In")


@pytest.mark.parametrize(
    "body", [{}, [], {"messages": []}, {"messages": [{}]}, {"messages": ["x"]}, {"messages": {}}]
)
async def test_taken_without_a_name(graph: FakeGraph, client: GraphClient, body: object) -> None:
    """A 200 means taken, with or without a wamid."""
    graph.answer = replying(200, body)
    assert await send(client) is None


@pytest.mark.parametrize(
    ("status", "code", "remedy"),
    [
        (400, 130429, Remedy.THROTTLED),
        (400, 131056, Remedy.RETRY),
        (401, 190, Remedy.CREDENTIAL),
        (403, "200", Remedy.CREDENTIAL),
        (500, 131000, Remedy.RETRY),
        (503, 2, Remedy.RETRY),
        (429, 4, Remedy.THROTTLED),
        (400, 131047, Remedy.NEVER),
        (200, 368, Remedy.POLICY),
    ],
)
async def test_a_refusal_carries_its_code(
    graph: FakeGraph, client: GraphClient, status: int, code: int | str, remedy: Remedy
) -> None:
    """The code decides what is done, whatever the HTTP status; Meta's words are not repeated."""
    graph.answer = refusing(status, code)
    with pytest.raises(SendRefused) as refusal:
        await send(client)
    assert (int(code), remedy) == (refusal.value.code, refusal.value.remedy)
    assert refusal.value.retry_after_s is None
    assert TOKEN not in repr(refusal.value)


@pytest.mark.parametrize(("given", "expected"), [("30", 30.0), ("9" * 400, 86_400.0), ("x", None)])
async def test_a_refusal_tells_how_long_to_wait(
    graph: FakeGraph, client: GraphClient, given: str, expected: float | None
) -> None:
    """What Meta asks for is handed on, within a day."""
    graph.answer = replying(400, {"error": {"code": 4}}, **{"Retry-After": given})
    with pytest.raises(SendRefused) as refusal:
        await send(client)
    assert expected == refusal.value.retry_after_s


async def test_a_bare_401_is_a_refused_token(graph: FakeGraph, client: GraphClient) -> None:
    """Nobody who answers 401 took the message."""
    graph.answer = replying(401, "<html>no</html>")
    with pytest.raises(SendRefused) as refusal:
        await send(client)
    assert refusal.value.code == 190


@pytest.mark.parametrize("token", ["two\nlines", "with\0nul", "ñandú"])
async def test_a_token_that_is_no_header_is_a_refused_token(
    graph: FakeGraph, client: GraphClient, token: str
) -> None:
    """A damaged token stops the client's sends as a wrong one does, and reaches nobody."""
    with pytest.raises(SendRefused) as refusal:
        await send(client, token=token)
    assert refusal.value.remedy is Remedy.CREDENTIAL
    assert graph.requests == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, "<html>Sorry</html>"),
        (502, ""),
        (503, {"error": "busy"}),
        (400, {"error": {"message": "no code"}}),
        (404, "not here"),
        (201, {"messages": [{"id": "wamid.x"}]}),
        (200, "<html>Welcome to the hotel's network</html>"),
        (200, "[" * 100_000),
        (200, ""),
    ],
)
async def test_an_answer_that_says_nothing_leaves_a_doubt(
    graph: FakeGraph, client: GraphClient, status: int, body: object
) -> None:
    """Without a Graph error nobody knows whether the message was taken."""
    graph.answer = replying(status, body)
    with pytest.raises(SendInDoubt):
        await send(client)


async def test_redirects_are_not_followed(graph: FakeGraph, client: GraphClient) -> None:
    """The token goes to no other place."""
    graph.answer = replying(307, "", Location="/elsewhere")
    with pytest.raises(SendInDoubt):
        await send(client)
    assert len(graph.requests) == 1


async def test_a_dropped_connection_leaves_a_doubt(graph: FakeGraph, client: GraphClient) -> None:
    """Meta read it and was gone: only a status can tell."""

    async def drop(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    graph.answer = drop
    with pytest.raises(SendInDoubt):
        await send(client)
    assert len(graph.requests) == 1


async def test_a_server_that_hangs_leaves_a_doubt(
    graph: FakeGraph, session: aiohttp.ClientSession
) -> None:
    """The budget ends the wait, and what was written may have been taken."""
    never = asyncio.Event()

    async def hang(_request: web.Request) -> web.StreamResponse:
        await never.wait()
        return web.Response()

    graph.answer = hang
    client = GraphClient(session, base_url=graph.url, version="v26.0", timeout_s=0.3)
    with pytest.raises(SendInDoubt):
        await send(client)
    assert len(graph.requests) == 1
    never.set()


async def test_a_half_answer_leaves_a_doubt(graph: FakeGraph, client: GraphClient) -> None:
    """An answer cut off in the middle is no answer."""

    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b'{"messages":')
        assert request.transport is not None
        request.transport.close()
        return response

    graph.answer = half
    with pytest.raises(SendInDoubt):
        await send(client)


async def test_an_answer_that_is_not_http_hides_the_token(session: aiohttp.ClientSession) -> None:
    """Garbage on the wire is a doubt, and its error does not hold our headers."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"220 mail ready\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        client = GraphClient(session, base_url=f"http://127.0.0.1:{port}", version="v26.0")
        with pytest.raises(SendInDoubt) as doubt:
            await send(client)
    assert TOKEN not in repr(doubt.value)
    assert doubt.value.__cause__ is None


async def test_a_refused_connection_was_not_sent(session: aiohttp.ClientSession) -> None:
    """Nobody there: the message may be sent again at once."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(NotSent):
            await send(GraphClient(session, base_url=url, version="v26.0"))


async def test_a_wrong_address_was_not_sent(session: aiohttp.ClientSession) -> None:
    """An address that is none reaches nobody."""
    with pytest.raises(NotSent):
        await send(GraphClient(session, base_url="http://", version="v26.0"))


async def test_waiting_for_a_connection_in_vain_was_not_sent(graph: FakeGraph) -> None:
    """A full pool is told from a silent Meta."""
    reached, never = asyncio.Event(), asyncio.Event()

    async def hang(_request: web.Request) -> web.StreamResponse:
        reached.set()
        await never.wait()
        return web.json_response({"messages": [{"id": "wamid.First"}]})

    graph.answer = hang
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as narrow:
        patient = GraphClient(narrow, base_url=graph.url, version="v26.0")
        hasty = GraphClient(narrow, base_url=graph.url, version="v26.0", timeout_s=0.2)
        first = asyncio.create_task(send(patient))
        await reached.wait()
        with pytest.raises(NotSent):
            await send(hasty)
        never.set()
        assert await first == "wamid.First"
    assert len(graph.requests) == 1
