"""Lookups at Meta against a real server on loopback: what is read, refused, broken, and hidden."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from daemon.core.meta.facts import NumberFacts, TokenFacts, WebhookFacts
from daemon.core.meta.inspecting import GraphInspector, LookupRefused, NoAnswer
from tests.doubles.loopback import Reply, replying, serve_handler

TOKEN = "EAAB-a-secret-token"
HEALTH = {
    "can_send_message": "BLOCKED",
    "entities": [
        {"entity_type": "PHONE_NUMBER", "id": "631", "errors": [{"error_code": 138024}, {}, "x"]},
        {"entity_type": "WABA", "id": 900, "errors": [{"error_code": 141006}, {"error_code": 5}]},
        {"entity_type": "APP", "id": "600"},
        "nonsense",
    ],
}


@dataclass
class FakeGraph:
    """Keeps what it was asked; answers with what the test puts there, the last one for ever."""

    replies: list[Reply] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        query = dict(request.query)
        self.asked.append((request.path, query, request.headers["Authorization"]))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return await reply(request)


def refusing(code: object, *, status: int = 400, **more: Any) -> Reply:
    return replying(status, {"error": {"message": f"Malformed {TOKEN}", "code": code, **more}})


@pytest.fixture
async def graph() -> AsyncIterator[FakeGraph]:
    fake = FakeGraph()
    async with serve_handler(fake.handle, method="GET") as fake.url:
        yield fake


@pytest.fixture
async def inspector(graph: FakeGraph) -> AsyncIterator[GraphInspector]:
    async with aiohttp.ClientSession() as session:
        yield GraphInspector(session, base_url=graph.url, version="v26.0", timeout_s=5)


async def test_a_token_is_read(graph: FakeGraph, inspector: GraphInspector) -> None:
    """Its app, its end, its permissions, and the WhatsApp accounts it was given, each once."""
    grants = [
        {"scope": "whatsapp_business_management", "target_ids": ["900", "901", None]},
        {"scope": "whatsapp_business_messaging", "target_ids": ["900"]},
        {"scope": "pages_show_list", "target_ids": ["7"]},
        {"scope": ["whatsapp_business_messaging"], "target_ids": ["8"]},
        "nonsense",
    ]
    data = {
        "app_id": "600",
        "expires_at": 1_800_000_000,
        "is_valid": True,
        "scopes": ["whatsapp_business_messaging", 5, None],
        "granular_scopes": grants,
    }
    graph.replies = [replying(200, {"data": data})]
    expected = TokenFacts(
        True,
        "600",
        1_800_000_000.0,
        frozenset({"whatsapp_business_messaging", "5"}),
        ("900", "901"),
    )
    assert expected == await inspector.fetch_token(TOKEN)
    assert [("/v26.0/debug_token", {"input_token": TOKEN}, f"Bearer {TOKEN}")] == graph.asked


async def test_a_token_that_tells_nothing_is_not_valid(
    graph: FakeGraph, inspector: GraphInspector
) -> None:
    """Only Meta's clear yes is one; `expires_at` 0 is never; another may ask."""
    graph.replies = [replying(200, {"data": {"is_valid": "yes", "expires_at": 0, "scopes": 1}})]
    found = await inspector.fetch_token(TOKEN, asking_with="600|secret")
    assert TokenFacts(False, None, None, frozenset(), ()) == found
    assert "Bearer 600|secret" == graph.asked[0][2]


async def test_a_number_is_read(graph: FakeGraph, inspector: GraphInspector) -> None:
    """Digits only; Meta's words as they are; the narrowest callback wins."""
    answer = {
        "id": "631",
        "display_phone_number": "+1 (555) 010-2030",
        "status": "CONNECTED",
        "platform_type": "CLOUD_API",
        "code_verification_status": "VERIFIED",
        "quality_rating": "GREEN",
        "whatsapp_business_manager_messaging_limit": "TIER_250",
        "health_status": HEALTH,
        "webhook_configuration": {
            "application": "https://app.example.com",
            "whatsapp_business_account": "https://account.example.com",
        },
        "is_on_biz_app": True,
    }
    graph.replies = [replying(200, answer)]
    expected = NumberFacts(
        phone="15550102030",
        status="CONNECTED",
        platform="CLOUD_API",
        verification="VERIFIED",
        quality="GREEN",
        limit="TIER_250",
        sending="BLOCKED",
        error_codes=(5, 138024, 141006),
        account_id="900",
        app_id="600",
        webhook_url="https://account.example.com",
        is_in_app=True,
    )
    assert expected == await inspector.fetch_number("631/x", access_token=TOKEN)
    assert "/v26.0/631/x" == graph.asked[0][0]


NOTHING = NumberFacts(None, None, None, None, None, None, None, (), None, None, None)


@pytest.mark.parametrize(
    "answer",
    [
        {"id": "1"},
        {"display_phone_number": "none", "status": 5, "health_status": [], "quality_rating": None},
        {"health_status": {"entities": {}}, "webhook_configuration": "x", "is_on_biz_app": "yes"},
        {"health_status": {"entities": [{"entity_type": "WABA", "id": None, "errors": {}}]}},
    ],
)
async def test_what_meta_leaves_out_is_none(
    graph: FakeGraph, inspector: GraphInspector, answer: object
) -> None:
    """No shape of an answer is an error."""
    graph.replies = [replying(200, answer)]
    assert NOTHING == await inspector.fetch_number("631", access_token=TOKEN)


@pytest.mark.parametrize("code", [100, 10, 200])
async def test_basic_fields_do_where_the_newer_ones_are_refused(
    graph: FakeGraph, inspector: GraphInspector, code: int
) -> None:
    """An older Graph version, or a token with fewer rights, still tells the number."""
    graph.replies = [refusing(code), replying(200, {"display_phone_number": "+34 600"})]
    assert "34600" == (await inspector.fetch_number("631", access_token=TOKEN)).phone
    first, second = (query["fields"].split(",") for _, query, _ in graph.asked)
    assert "health_status" in first
    assert "health_status" not in second


@pytest.mark.parametrize(
    ("code", "subcode"), [(100, 33), (190, None), (0, None), (4, None), (80007, None)]
)
async def test_what_no_other_fields_would_mend_is_refused_at_once(
    graph: FakeGraph, inspector: GraphInspector, code: int, subcode: int | None
) -> None:
    """An unknown number, a void token and a busy Meta are not asked twice."""
    graph.replies = [refusing(code, error_subcode=subcode)]
    with pytest.raises(LookupRefused) as refused:
        await inspector.fetch_number("631", access_token=TOKEN)
    assert (code, subcode, 1) == (refused.value.code, refused.value.subcode, len(graph.asked))
    assert (code in {0, 190}) is refused.value.is_about_token
    assert (code in {4, 80007}) is refused.value.is_passing
    assert TOKEN not in str(refused.value)


async def test_subscribed_apps_are_listed(graph: FakeGraph, inspector: GraphInspector) -> None:
    """By id; what is no app is left out."""
    apps = [{"whatsapp_business_api_data": {"id": "600"}}, {"whatsapp_business_api_data": 1}, 5]
    graph.replies = [replying(200, {"data": apps})]
    assert frozenset({"600"}) == await inspector.list_subscribed_apps("900", access_token=TOKEN)
    assert "/v26.0/900/subscribed_apps" == graph.asked[0][0]
    graph.replies = [replying(200, {"data": []})]
    assert frozenset() == await inspector.list_subscribed_apps("900", access_token=TOKEN)


OURS = {"object": "whatsapp_business_account"}
OTHERS = {"object": "page", "active": False, "fields": [{"name": "feed", "version": "v26.0"}]}


async def test_a_webhook_is_read(graph: FakeGraph, inspector: GraphInspector) -> None:
    """The one for WhatsApp, whatever others there are; the app asks with its own token."""
    names = ("messages", "smb_message_echoes")
    fields = [{"name": name, "version": "v26.0"} for name in names]
    graph.replies = [replying(200, {"data": [OTHERS, OURS | {"active": True, "fields": fields}]})]
    expected = WebhookFacts(is_active=True, fields=frozenset(names))
    assert expected == await inspector.fetch_webhook("600/x", asking_with="600|secret")
    assert [("/v26.0/600/x/subscriptions", {}, "Bearer 600|secret")] == graph.asked


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ([], None),
        ([OTHERS, "nonsense", {}], None),
        ([OURS], WebhookFacts(None, None)),
        ([OURS | {"active": "yes", "fields": {"messages": 1}}], WebhookFacts(None, None)),
        ([OURS | {"active": 0, "fields": [5, None, {}]}], WebhookFacts(None, None)),
        ([OURS | {"active": False, "fields": []}], WebhookFacts(False, frozenset())),
        ([OURS | {"fields": ["messages", 5]}], WebhookFacts(None, frozenset({"messages"}))),
        ([OURS | {"fields": [{"name": ["x"]}, {"name": "y"}]}], WebhookFacts(None, frozenset("y"))),
    ],
)
async def test_rubbish_in_a_webhook_is_no_fact(
    graph: FakeGraph, inspector: GraphInspector, data: object, expected: WebhookFacts | None
) -> None:
    """No shape of it is an error; names of fields may be strings, as in Meta's reference."""
    graph.replies = [replying(200, {"data": data})]
    assert expected == await inspector.fetch_webhook("600", asking_with="600|secret")


@pytest.mark.parametrize("answer", [{"id": "600"}, {"data": None}, {"data": {}}, {"data": "x"}])
async def test_an_answer_without_subscriptions_says_nothing(
    graph: FakeGraph, inspector: GraphInspector, answer: object
) -> None:
    """Least of all that the app has none."""
    graph.replies = [replying(200, answer)]
    with pytest.raises(NoAnswer):
        await inspector.fetch_webhook("600", asking_with="600|secret")


@pytest.mark.parametrize("token", ["ñ", "two\nlines"])
async def test_a_token_that_fits_no_header_is_never_sent(
    graph: FakeGraph, inspector: GraphInspector, token: str
) -> None:
    """It is refused here, as Meta would refuse it."""
    with pytest.raises(LookupRefused) as refused:
        await inspector.fetch_token(token)
    assert (190, []) == (refused.value.code, graph.asked)


async def test_401_without_a_code_is_a_void_token(
    graph: FakeGraph, inspector: GraphInspector
) -> None:
    """Whoever answers so will not take the token."""
    graph.replies = [replying(401, "no")]
    with pytest.raises(LookupRefused) as refused:
        await inspector.fetch_token(TOKEN)
    assert refused.value.is_about_token


@pytest.mark.parametrize(
    "reply",
    [
        replying(200, "<html>"),
        replying(200, "[" * 100_000),
        replying(200, "[]"),
        replying(200, "{}"),
        replying(502, "<h1>Bad gateway</h1>"),
        replying(302, {"data": {}}),
    ],
)
async def test_what_is_no_answer_of_metas_is_none(
    graph: FakeGraph, inspector: GraphInspector, reply: Reply
) -> None:
    """A gateway's page is not taken for a fact."""
    graph.replies = [reply]
    with pytest.raises(NoAnswer, match="HTTP"):
        await inspector.fetch_token(TOKEN)


async def test_silence_is_told_without_the_address(graph: FakeGraph) -> None:
    """The address of a token's lookup holds the token: neither message nor cause may quote it."""
    hang = asyncio.Event()

    async def reply(_request: web.Request) -> web.StreamResponse:
        await hang.wait()
        return web.Response()

    graph.replies = [reply]
    async with aiohttp.ClientSession() as session:
        for url, timeout_s in ((graph.url, 0.05), ("http://127.0.0.1:9", 5)):
            asked = GraphInspector(session, base_url=url, version="v26.0", timeout_s=timeout_s)
            with pytest.raises(NoAnswer) as silent:
                await asked.fetch_token(TOKEN)
            assert TOKEN not in str(silent.value)
            assert silent.value.__cause__ is None
            assert silent.value.__suppress_context__
    hang.set()
