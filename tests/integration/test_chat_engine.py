"""The Chat Completions engine through the real SDK, against the loopback model server."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from daemon.core.assistants.calling import build_client
from daemon.core.assistants.chat import ChatEngine, build_chat_engine, strip_fence
from daemon.core.assistants.engine import Engine, Usage
from tests.doubles.model_answers import write_answer
from tests.doubles.model_server import Behaviour, Kind, ModelServer, serve_model_server
from tests.doubles.questions import FAQS, QUESTION, fail

PAUSE_S = 0.001


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with serve_model_server() as server:
        yield server


@pytest.fixture
async def engine(server: ModelServer) -> AsyncIterator[ChatEngine]:
    client = build_client(api_key="sk-test", base_url=server.base_url)
    engine = ChatEngine(client, model="llama3", at_openai=False, first_pause_s=PAUSE_S)
    yield engine
    await engine.close()


async def test_answers_without_a_key(server: ModelServer) -> None:
    """A local server needs no key, gets only what it understands, and costs nothing known."""
    engine: Engine = build_chat_engine(api_key=None, base_url=server.base_url, model="llama3")
    reply = await engine.answer(QUESTION)
    await engine.close()
    assert ("answered", FAQS[1].answer, ("F2",)) == (reply.outcome, reply.text, reply.faq_ids)
    assert Usage("llama3", 1_000, 600, 50, None) == reply.usage
    assert server.violations == []
    assert (engine.name, engine.calls_model) == ("chat", True)


async def test_openai_gets_its_own_words(server: ModelServer) -> None:
    """OpenAI refuses `max_tokens`, stores and thinks by default: it is told otherwise."""
    client = build_client(api_key="sk-test", base_url=server.base_url)
    engine = ChatEngine(client, model="gpt-6-luna", at_openai=True)
    await engine.answer(QUESTION)
    await engine.close()
    [body] = server.requests
    assert "max_tokens" not in body
    expected = {
        "store": False,
        "reasoning_effort": "none",
        "max_completion_tokens": 1_500,
        "prompt_cache_key": "2:3",
        "safety_identifier": "5f3c0a",
    }
    assert expected == {key: body.get(key) for key in expected}


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        (None, True),
        ("https://api.openai.com/v1", True),
        ("http://127.0.0.1:11434/v1", False),
    ],
)
async def test_knows_openai(base_url: str | None, expected: bool) -> None:  # noqa: FBT001 - pytest's parameter
    """Which of the two dialects is spoken follows from the address."""
    engine = build_chat_engine(api_key="sk-test", base_url=base_url, model="m")
    await engine.close()
    assert expected is engine._at_openai


@pytest.mark.parametrize(
    ("kind", "cause", "alert", "calls"),
    [
        ("rate_limited", "rate_limited", False, 3),
        ("server_error", "server", False, 3),
        ("insufficient_quota", "quota", True, 1),
        ("bad_key", "key", True, 1),
        ("model_not_found", "bad_request", True, 1),
        ("html", "not_json", False, 1),
        ("bad_json", "not_json", False, 1),
        ("json_list", "not_json", False, 1),
        ("empty_object", "incomplete", False, 1),
        ("incomplete", "incomplete", False, 1),
        ("refusal", "refusal", False, 1),
        ("foreign_faq_id", "bad_faq_id", False, 1),
        ("no_faq_ids", "bad_faq_id", False, 1),
    ],
)
async def test_failures(
    server: ModelServer,
    engine: ChatEngine,
    kind: Kind,
    cause: str,
    alert: bool,  # noqa: FBT001 - pytest's parameter
    calls: int,
) -> None:
    """Failures mean the same here as with the Responses engine."""
    server.always = Behaviour(kind)
    failed = await fail(engine)
    assert (cause, alert, calls) == (failed.cause, failed.alert, server.request_count)


@pytest.mark.parametrize("fence", ["```json\n{}\n```", "```\n{}```", "\n```JSON \n{}\n```\n"])
async def test_fence(server: ModelServer, engine: ChatEngine, fence: str) -> None:
    """An answer in a Markdown fence is an answer."""
    server.say(fence.replace("{}", write_answer("14 €", ["F2"], answered=True)))
    assert (await engine.answer(QUESTION)).text == "14 €"


@pytest.mark.parametrize("text", ["", "Here:\n```json\n{}\n```", "```json\n{}", "Sí"])
def test_no_fence(text: str) -> None:
    """Only a fence around everything is taken off; prose beside it makes it no answer."""
    assert text == strip_fence(text)


async def test_talk_is_no_answer(server: ModelServer, engine: ChatEngine) -> None:
    """A model that ignores the schema never reaches the customer."""
    server.say("¡Claro! Cuesta 14 €.")
    assert (await fail(engine)).cause == "not_json"


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": 0, "prompt_tokens_details": None}])
async def test_careless_usage(server: ModelServer, engine: ChatEngine, usage: Any) -> None:
    """A server that counts nothing still answers."""
    server.chat_usage = usage
    assert Usage("llama3") == (await engine.answer(QUESTION)).usage


async def test_off_topic(engine: ChatEngine) -> None:
    """What no FAQ covers comes back unanswered."""
    reply = await engine.answer(replace(QUESTION, text="Capital of France?"))
    assert (reply.outcome, reply.text) == ("unanswered", "")
