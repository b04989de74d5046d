"""The engine on OpenAI's Responses API: one stateless call an answer.

Owns the request's parameters and which response may be looked into. The words are `prompt`'s,
the judging of the text is `checks`', errors and retries are `calling`'s.
"""

from collections.abc import Iterator
from typing import Any

from openai import AsyncOpenAI

from daemon.core.assistants.calling import (
    FIRST_PAUSE_S,
    MAX_OUTPUT_TOKENS,
    build_client,
    call_model,
)
from daemon.core.assistants.checks import accept_answer
from daemon.core.assistants.engine import EngineFailed, Question, Reply, Usage
from daemon.core.assistants.posting import Poster
from daemon.core.assistants.pricing import build_usage, read_count
from daemon.core.assistants.prompt import ANSWER_SCHEMA, ANSWER_SCHEMA_NAME, build_input

Answer = dict[str, Any]
"""A response as the server sent it (its shape: the SDK's `types.responses.Response`)."""

TEXT_CONFIG: dict[str, Any] = {
    "format": {
        "type": "json_schema",
        "name": ANSWER_SCHEMA_NAME,
        "strict": True,
        "schema": ANSWER_SCHEMA,
    }
}
"""The `text` parameter of every call."""


class ResponsesEngine:
    """Answers by `responses.create` in all but name; safe to share within one event loop."""

    name = "responses"
    calls_model = True

    def __init__(
        self, client: AsyncOpenAI, *, model: str, first_pause_s: float = FIRST_PAUSE_S
    ) -> None:
        """Take over `client`; `close` closes it."""
        self._client = client
        self._poster = Poster(client)
        self._model = model
        self._first_pause_s = first_pause_s

    async def answer(self, question: Question) -> Reply:
        """Ask the model, and check what it says against the question's own FAQs."""
        response = await call_model(
            lambda: self._send(question),
            first_pause_s=self._first_pause_s,
            pace=question.pace,
            heed=question.heed,
        )
        if not isinstance(response, dict):
            # A proxy's HTML page reaches us as a str, whatever was asked for.
            raise EngineFailed("not_json", "The model server answered with something else.")
        usage = _read_usage(response, self._model)
        raw_text = _read_text(response, usage)
        return accept_answer(raw_text, faq_count=len(question.assistant.faqs), usage=usage)

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()
        await self._client.close()

    async def _send(self, question: Question) -> object:
        assistant = question.assistant
        return await self._poster.post(
            "/responses",
            {
                "model": self._model,
                "instructions": assistant.instructions,
                "input": build_input(question),
                "text": TEXT_CONFIG,
                "store": False,
                "reasoning": {"effort": "none"},
                "max_output_tokens": MAX_OUTPUT_TOKENS,
                "truncation": "disabled",
                "prompt_cache_key": f"{question.client_id}:{assistant.version}",
                "prompt_cache_options": {"ttl": "30m"},
                "safety_identifier": question.customer_hash,
                "metadata": {
                    "client": str(question.client_id),
                    "version": str(assistant.version),
                },
            },
        )


def build_responses_engine(*, api_key: str, base_url: str | None, model: str) -> ResponsesEngine:
    """Make the engine; `base_url` includes `/v1`, None means OpenAI's own.

    Raises:
        Misconfigured: the key cannot be one.

    """
    return ResponsesEngine(build_client(api_key=api_key, base_url=base_url), model=model)


def _read_usage(response: Answer, model: str) -> Usage:
    return build_usage(
        model,
        read=read_count(response, "usage", "input_tokens"),
        cached=read_count(response, "usage", "input_tokens_details", "cached_tokens"),
        written=read_count(response, "usage", "input_tokens_details", "cache_write_tokens"),
        output=read_count(response, "usage", "output_tokens"),
    )


def _read_text(response: Answer, usage: Usage) -> str:
    """Join the answer's text parts.

    Raises:
        EngineFailed: `incomplete` (or `server`, where the vendor failed after its 200) or
            `refusal`.

    """
    status = response.get("status")
    if status == "failed":
        raise EngineFailed("server", "The model failed to make an answer.", usage=usage)
    if status != "completed":
        raise EngineFailed("incomplete", "The model did not finish its answer.", usage=usage)
    parts = list(_parts(response))
    if any(part.get("type") == "refusal" for part in parts):
        raise EngineFailed("refusal", "The model refused to answer.", usage=usage)
    return "".join(part["text"] for part in parts if isinstance(part.get("text"), str))


def _parts(response: Answer) -> Iterator[Answer]:
    """Walk the content of the answer's messages; nothing has checked what the server sent."""
    for item in _objects(response.get("output")):
        if item.get("type") == "message" and item.get("phase") != "commentary":
            yield from _objects(item.get("content"))


def _objects(value: object) -> list[Answer]:
    found = value if isinstance(value, list) else []
    return [item for item in found if isinstance(item, dict)]
