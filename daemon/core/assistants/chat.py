"""The engine on Chat Completions, which Ollama, vLLM, llama.cpp and OpenAI itself speak.

Sends only what all of them take. The words are `prompt`'s, the judging of the text is `checks`',
errors and retries are `calling`'s.
"""

import re
from typing import Any
from urllib.parse import urlsplit

from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion

from daemon.core.assistants.calling import (
    FIRST_PAUSE_S,
    MAX_OUTPUT_TOKENS,
    OPENAI_BASE_URL,
    build_client,
    call_model,
)
from daemon.core.assistants.checks import accept_answer
from daemon.core.assistants.engine import EngineFailed, Question, Reply, Usage
from daemon.core.assistants.pricing import build_usage, read_count
from daemon.core.assistants.prompt import ANSWER_SCHEMA, ANSWER_SCHEMA_NAME, build_messages

NO_KEY = "none"
"""Sent where no key is set: local servers ask for none, the SDK insists on one."""

FENCE = re.compile(r"\s*```(?:json)?\s*\n(?P<inside>.*?)\n?\s*```\s*", re.DOTALL | re.IGNORECASE)
"""A Markdown code fence around the whole answer, as servers without grammars let models write."""

RESPONSE_FORMAT: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {"name": ANSWER_SCHEMA_NAME, "strict": True, "schema": ANSWER_SCHEMA},
}
"""The `response_format` parameter of every call."""


class ChatEngine:
    """Answers by `chat.completions.create`; safe to share within one event loop."""

    name = "chat"
    calls_model = True

    def __init__(
        self,
        client: AsyncOpenAI,
        *,
        model: str,
        at_openai: bool,
        first_pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        """Take over `client`; `at_openai` adds what OpenAI wants and other servers refuse."""
        self._client = client
        self._model = model
        self._at_openai = at_openai
        self._first_pause_s = first_pause_s

    async def answer(self, question: Question) -> Reply:
        """Ask the model, and check what it says against the question's own FAQs."""
        completion = await call_model(
            lambda: self._send(question),
            first_pause_s=self._first_pause_s,
            pace=question.pace,
            heed=question.heed,
        )
        if not isinstance(completion, ChatCompletion):
            raise EngineFailed("not_json", "The model server answered with something else.")
        usage = _read_usage(completion, self._model)
        raw_text = strip_fence(_read_text(completion, usage))
        return accept_answer(raw_text, faq_count=len(question.assistant.faqs), usage=usage)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _send(self, question: Question) -> object:
        body: dict[str, Any] = {
            "messages": build_messages(question),
            "response_format": RESPONSE_FORMAT,
            **(_openai_only(question) if self._at_openai else {"max_tokens": MAX_OUTPUT_TOKENS}),
        }
        # The SDK wants `messages` as a parameter; the body's own win over it, and skip the
        # SDK's costly transform.
        return await self._client.chat.completions.create(
            model=self._model, messages=[], extra_body=body
        )


def build_chat_engine(*, api_key: str | None, base_url: str | None, model: str) -> ChatEngine:
    """Make the engine; `base_url` includes `/v1`, None means OpenAI's own.

    Raises:
        Misconfigured: the key cannot be one.

    """
    client = build_client(api_key=api_key or NO_KEY, base_url=base_url)
    host = urlsplit(base_url or OPENAI_BASE_URL).hostname
    return ChatEngine(client, model=model, at_openai=host == urlsplit(OPENAI_BASE_URL).hostname)


def strip_fence(raw_text: str) -> str:
    """Take the text out of a Markdown fence that holds all of it; leave any other as it is."""
    fenced = FENCE.fullmatch(raw_text)
    return fenced["inside"] if fenced else raw_text


def _openai_only(question: Question) -> dict[str, Any]:
    """Ask for what the Responses engine does, in this API's words (openai 3.54, read 2026-11)."""
    assistant = question.assistant
    return {
        "store": False,
        "reasoning_effort": "none",
        "max_completion_tokens": MAX_OUTPUT_TOKENS,
        "prompt_cache_key": f"{question.client_id}:{assistant.version}",
        "safety_identifier": question.customer_hash,
    }


def _read_usage(completion: ChatCompletion, model: str) -> Usage:
    return build_usage(
        model,
        read=read_count(completion, "usage", "prompt_tokens"),
        cached=read_count(completion, "usage", "prompt_tokens_details", "cached_tokens"),
        written=read_count(completion, "usage", "prompt_tokens_details", "cache_write_tokens"),
        output=read_count(completion, "usage", "completion_tokens"),
    )


def _read_text(completion: ChatCompletion, usage: Usage) -> str:
    """Give the first choice's text; an absent one is empty, and no JSON.

    Raises:
        EngineFailed: `incomplete` or `refusal`.

    """
    choices = getattr(completion, "choices", None)
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = getattr(choice, "message", None)
    reason = getattr(choice, "finish_reason", None)
    if reason == "content_filter" or getattr(message, "refusal", None):
        raise EngineFailed("refusal", "The model refused to answer.", usage=usage)
    if reason != "stop":
        raise EngineFailed("incomplete", "The model did not finish its answer.", usage=usage)
    text = getattr(message, "content", None)
    return text if isinstance(text, str) else ""
