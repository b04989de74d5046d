"""The exchange of an access token against a real server on loopback, and what it never tells."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web

from daemon.core.meta.exchanging import Exchanged, ExchangeRefused, GraphExchanger
from daemon.core.meta.inspecting import NoAnswer
from tests.doubles.loopback import Reply, replying, serve_handler

OLD, NEW, SECRET = "EAAold-secret", "EAAnew-secret", "app-secret"
FORM = {
    "grant_type": "fb_exchange_token",
    "client_id": "600",
    "client_secret": SECRET,
    "fb_exchange_token": OLD,
}
SIXTY = {"set_token_expires_in_60_days": "true"}


@dataclass
class FakeGraph:
    """Keeps what it was asked; answers with what the test puts there, one after the other."""

    replies: list[Reply] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.path, dict(request.query)))
        self.forms.append({name: str(text) for name, text in (await request.post()).items()})
        return await self.replies.pop(0)(request)


def refusing(code: object, *, status: int = 400) -> Reply:
    return replying(status, {"error": {"message": f"Malformed {OLD} {SECRET}", "code": code}})


@pytest.fixture
async def graph() -> AsyncIterator[FakeGraph]:
    fake = FakeGraph()
    async with serve_handler(fake.handle) as fake.url:
        yield fake


@pytest.fixture
async def exchanger(graph: FakeGraph) -> AsyncIterator[GraphExchanger]:
    async with aiohttp.ClientSession() as session:
        yield GraphExchanger(session, base_url=graph.url, version="v26.0", timeout_s=5)


async def exchange(exchanger: GraphExchanger, *, in_60_days: bool = True) -> Exchanged:
    return await exchanger.exchange(OLD, app_id="600", app_secret=SECRET, in_60_days=in_60_days)


async def test_secrets_stand_in_the_body(graph: FakeGraph, exchanger: GraphExchanger) -> None:
    """None of them in the address, which proxies log."""
    answer = {"access_token": NEW, "token_type": "bearer", "expires_in": 5183944}
    graph.replies = [replying(200, answer)]
    assert Exchanged(NEW, 5183944.0) == await exchange(exchanger)
    assert [("POST", "/v26.0/oauth/access_token", {})] == graph.asked
    assert [FORM | SIXTY] == graph.forms


async def test_a_persons_token_is_not_asked_to_end(
    graph: FakeGraph, exchanger: GraphExchanger
) -> None:
    """Only a system user's is; a life that Meta does not tell is not made up."""
    graph.replies = [replying(200, {"access_token": NEW, "expires_in": "soon"})]
    assert Exchanged(NEW, None) == await exchange(exchanger, in_60_days=False)
    assert [FORM] == graph.forms


@pytest.mark.parametrize("refusal", [refusing(100), replying(405, "")])
async def test_where_no_post_is_taken_it_is_asked_as_the_pages_show_it(
    graph: FakeGraph, exchanger: GraphExchanger, refusal: Reply
) -> None:
    """A GET with a query is what Meta documents."""
    graph.replies = [refusal, replying(200, {"access_token": NEW})]
    assert NEW == (await exchange(exchanger)).access_token
    assert ["POST", "GET"] == [method for method, _, _ in graph.asked]
    assert FORM | SIXTY == graph.asked[1][2]


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (refusing(190, status=401), ("190", "expired")),
        (replying(401, "<p>who are you?"), ("190",)),
        (refusing(1), ("META_APP_SECRET",)),
        (refusing("101"), ("does not know the app",)),
        (refusing(77), ("77", "not a code that we know")),
    ],
)
async def test_a_refusal_says_why_and_quotes_nothing(
    graph: FakeGraph, exchanger: GraphExchanger, reply: Reply, words: tuple[str, ...]
) -> None:
    """Meta's own words may hold the token."""
    graph.replies = [reply]
    with pytest.raises(ExchangeRefused) as refused:
        await exchange(exchanger)
    assert [] == [word for word in words if word not in str(refused.value)]
    assert [] == [secret for secret in (OLD, SECRET) if secret in str(refused.value)]


@pytest.mark.parametrize(
    "reply",
    [
        replying(200, "<p>hello"),
        replying(200, {"access_token": ""}),
        replying(200, {"access_token": "two words"}),
        replying(200, {"access_token": "líne\n"}),
        replying(200, {"access_token": 5}),
        replying(200, []),
        replying(500, {"access_token": NEW}),
        replying(302, ""),
    ],
)
async def test_what_is_no_token_is_no_answer(
    graph: FakeGraph, exchanger: GraphExchanger, reply: Reply
) -> None:
    """Nothing but a word that can be sent is taken for a token."""
    graph.replies = [reply]
    with pytest.raises(NoAnswer) as silent:
        await exchange(exchanger)
    assert NEW not in str(silent.value)


async def test_a_broken_connection_tells_no_secret(graph: FakeGraph) -> None:
    """Neither in its words nor in what caused it; one that hangs ends."""

    async def hang(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async def abort(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    graph.replies = [hang, abort]
    async with aiohttp.ClientSession() as session:
        hasty = GraphExchanger(session, base_url=graph.url, version="v26.0", timeout_s=0.05)
        patient = GraphExchanger(session, base_url=graph.url, version="v26.0", timeout_s=5)
        for one in (hasty, patient):
            with pytest.raises(NoAnswer) as silent:
                await exchange(one)
            assert (None, True) == (silent.value.__cause__, silent.value.__suppress_context__)
            assert SECRET not in str(silent.value)


def test_a_new_token_shows_up_in_no_trace() -> None:
    """Printing what was exchanged tells nothing."""
    assert NEW not in repr(Exchanged(NEW, 1.0))
