"""The Responses engine through the real SDK, against the loopback model server."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from daemon.core.assistants.calling import LONGEST_PAUSE_S, build_client, read_retry_after
from daemon.core.assistants.engine import Engine, Usage
from daemon.core.assistants.responses import ResponsesEngine, build_responses_engine
from daemon.core.errors import Misconfigured
from tests.doubles.model_answers import write_answer
from tests.doubles.model_server import Behaviour, Kind, ModelServer, serve_model_server
from tests.doubles.questions import FAQS, QUESTION, fail

HOURS = replace(QUESTION, text="¿Qué horario tenéis?")
SPENT = Usage("gpt-6-luna", 1_000, 600, 50, (300 * 0.10 + 6 + 12.5 + 25) / 1_000_000)
PAUSE_S = 0.001


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with serve_model_server() as server:
        yield server


@pytest.fixture
async def engine(server: ModelServer) -> AsyncIterator[ResponsesEngine]:
    client = build_client(api_key="sk-test", base_url=server.base_url)
    engine = ResponsesEngine(client, model="gpt-6-luna", first_pause_s=PAUSE_S)
    yield engine
    await engine.close()


async def test_answers(server: ModelServer) -> None:
    """A question is answered from its FAQ by a call that keeps every rule, and is paid for."""
    engine: Engine = build_responses_engine(
        api_key=" sk-test\n", base_url=server.base_url, model="gpt-6-luna"
    )
    reply = await engine.answer(HOURS)
    await engine.close()
    assert ("answered", FAQS[0].answer, ("F1",)) == (reply.outcome, reply.text, reply.faq_ids)
    assert reply.usage == SPENT
    assert server.violations == []
    assert (engine.name, engine.calls_model) == ("responses", True)


async def test_request(server: ModelServer, engine: ResponsesEngine) -> None:
    """The call names the client's version and the customer's hash, and carries the history."""
    await engine.answer(QUESTION)
    [body] = server.requests
    assert body["prompt_cache_key"] == "2:3"
    assert body["safety_identifier"] == "5f3c0a"
    assert body["metadata"] == {"client": "2", "version": "3"}
    assert QUESTION.assistant.instructions == body["instructions"]
    roles = [item["role"] for item in body["input"]]
    assert roles == ["user", "assistant", "developer", "user"]


async def test_off_topic(engine: ResponsesEngine) -> None:
    """What no FAQ covers comes back unanswered, and paid for."""
    reply = await engine.answer(replace(QUESTION, text="Capital of France?"))
    assert (reply.outcome, reply.text, reply.usage.output_tokens) == ("unanswered", "", 50)


async def test_wish_for_a_person(engine: ResponsesEngine) -> None:
    """The wish for a person comes through."""
    reply = await engine.answer(replace(QUESTION, text="Quiero hablar con una persona"))
    assert (reply.outcome, reply.handoff) == ("unanswered", True)


@pytest.mark.parametrize(
    ("kind", "cause", "alert", "calls"),
    [
        ("rate_limited", "rate_limited", False, 3),
        ("server_error", "server", False, 3),
        ("proxy_error", "server", False, 3),
        ("odd_error", "bad_request", False, 1),
        ("hang_up", "connection", False, 3),
        ("insufficient_quota", "quota", True, 1),
        ("bad_key", "key", True, 1),
        ("model_not_found", "bad_request", True, 1),
        ("bad_request", "bad_request", False, 1),
        ("html", "not_json", False, 1),
        ("bad_json", "not_json", False, 1),
        ("json_list", "not_json", False, 1),
        ("empty_object", "incomplete", False, 1),
        ("failed", "server", False, 1),
        ("incomplete", "incomplete", False, 1),
        ("refusal", "refusal", False, 1),
        ("foreign_faq_id", "bad_faq_id", False, 1),
        ("no_faq_ids", "bad_faq_id", False, 1),
    ],
)
async def test_failures(
    server: ModelServer,
    engine: ResponsesEngine,
    kind: Kind,
    cause: str,
    alert: bool,  # noqa: FBT001 - pytest's parameter
    calls: int,
) -> None:
    """Each failure has its word; what may pass is tried three times, and nothing else twice."""
    server.always = Behaviour(kind)
    failed = await fail(engine)
    assert (cause, alert, calls) == (failed.cause, failed.alert, server.request_count)


async def test_failure_keeps_what_was_spent(server: ModelServer, engine: ResponsesEngine) -> None:
    """An answer that is refused by us was billed all the same."""
    server.misbehave("refusal")
    assert (await fail(engine)).usage.output_tokens == 50


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("bad_request", "The model server answered 400 (invalid_value)."),
        ("odd_error", "The model server answered 422."),
    ],
)
async def test_failure_says_nothing_private(
    server: ModelServer, engine: ResponsesEngine, kind: Kind, message: str
) -> None:
    """The vendor's own words, which may quote the customer, do not reach a log."""
    server.misbehave(kind)
    failed = await fail(engine)
    assert message == str(failed)
    assert failed.__suppress_context__ is True


async def test_recovers(server: ModelServer, engine: ResponsesEngine) -> None:
    """Two bad moments do not cost the customer the answer."""
    server.misbehave("server_error")
    server.misbehave("rate_limited", retry_after="0")
    reply = await engine.answer(QUESTION)
    assert (reply.outcome, server.request_count) == ("answered", 3)


async def test_honours_retry_after(server: ModelServer) -> None:
    """The next call waits as long as the server asked, not our own pause."""
    client = build_client(api_key="sk-test", base_url=server.base_url)
    engine = ResponsesEngine(client, model="m", first_pause_s=3_600)
    server.misbehave("rate_limited", retry_after="0.2")
    loop = asyncio.get_running_loop()
    started = loop.time()
    await engine.answer(QUESTION)
    waited_s = loop.time() - started
    await engine.close()
    assert 0.2 <= waited_s < 60


async def test_gives_up_on_a_long_retry_after(server: ModelServer, engine: ResponsesEngine) -> None:
    """A customer is not kept waiting for a server that says it will not answer in time."""
    server.misbehave("rate_limited", retry_after=str(LONGEST_PAUSE_S + 1))
    assert ((await fail(engine)).cause, server.request_count) == ("rate_limited", 1)


async def test_deadline(server: ModelServer, engine: ResponsesEngine) -> None:
    """A caller's deadline ends a hanging call, and the engine answers the next one."""
    server.misbehave("hang")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await engine.answer(QUESTION)
    assert (await engine.answer(QUESTION)).outcome == "answered"


async def test_unreachable(server: ModelServer) -> None:
    """A server that is not there is a connection failure."""
    nowhere = server.base_url.replace("/v1", "").rsplit(":", 1)[0] + ":1/v1"
    client = build_client(api_key="sk-test", base_url=nowhere)
    engine = ResponsesEngine(client, model="m", first_pause_s=PAUSE_S)
    assert (await fail(engine)).cause == "connection"
    await engine.close()


async def test_no_http_at_all() -> None:
    """A peer that does not speak HTTP is a connection failure too."""

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"220 mail ready\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as mail:
        port = mail.sockets[0].getsockname()[1]
        client = build_client(api_key="sk-test", base_url=f"http://127.0.0.1:{port}/v1")
        engine = ResponsesEngine(client, model="m", first_pause_s=PAUSE_S)
        assert (await fail(engine)).cause == "connection"
        await engine.close()


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, Usage("gpt-6-luna")),
        (
            {"input_tokens": 10, "input_tokens_details": None, "output_tokens": 2},
            Usage("gpt-6-luna", 10, 0, 2, 2e-6),
        ),
    ],
)
async def test_careless_usage(
    server: ModelServer, engine: ResponsesEngine, usage: Any, expected: Usage
) -> None:
    """A compatible server that counts nothing, or without details, still answers."""
    server.responses_usage = usage
    reply = await engine.answer(QUESTION)
    assert expected == reply.usage


async def test_answer_as_it_stands(server: ModelServer, engine: ResponsesEngine) -> None:
    """Line breaks and emoji of an answer reach the customer unchanged."""
    server.say(write_answer("Sí 😀\n\n*14 €*", ["F2"], answered=True))
    assert (await engine.answer(QUESTION)).text == "Sí 😀\n\n*14 €*"


@pytest.mark.parametrize("api_key", ["", " \n", "sk-ñ", "sk-a\nb"])
def test_odd_key(api_key: str) -> None:
    """A key that no header can carry is refused before the first customer writes."""
    with pytest.raises(Misconfigured):
        build_responses_engine(api_key=api_key, base_url=None, model="m")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "-1"}, 0.0),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        (
            {
                "date": "Sat, 21 Nov 2026 10:00:00 GMT",
                "retry-after": "Sat, 21 Nov 2026 10:00:07 GMT",
            },
            7.0,
        ),
        (
            {
                "date": "Sat, 21 Nov 2026 10:00:00 -0000",
                "retry-after": "Sat, 21 Nov 2026 10:00 GMT",
            },
            None,
        ),
    ],
)
def test_retry_after(headers: dict[str, str], expected: float | None) -> None:
    """Seconds, OpenAI's milliseconds and dates are read; what cannot be read is no wish."""
    assert expected == read_retry_after(headers)
