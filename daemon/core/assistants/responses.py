"""The engine on OpenAI's Responses API: one stateless call an answer.

Owns the request's parameters and which response may be looked into. The words are `prompt`'s,
the judging of the text is `checks`', errors and retries are `calling`'s.
"""

from collections.abc import Iterator
from typing import Any

from openai import AsyncOpenAI
from openai.types.responses import Response

from daemon.core.assistants.calling import FIRST_PAUSE_S, build_client, call_model
from daemon.core.assistants.checks import accept_answer
from daemon.core.assistants.engine import EngineFailed, Question, Reply, Usage
from daemon.core.assistants.pricing import build_usage, read_count
from daemon.core.assistants.prompt import ANSWER_SCHEMA, ANSWER_SCHEMA_NAME, build_input

MAX_OUTPUT_TOKENS = 1_500
"""Tokens of one answer at most: a full WhatsApp message of 4,096 characters with its JSON."""

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
    """Answers by `responses.create`; safe to share between all conversations of one event loop."""

    name = "responses"
    calls_model = True

    def __init__(
        self, client: AsyncOpenAI, *, model: str, first_pause_s: float = FIRST_PAUSE_S
    ) -> None:
        """Take over `client`; `close` closes it."""
        self._client = client
        self._model = model
        self._first_pause_s = first_pause_s

    async def answer(self, question: Question) -> Reply:
        """Ask the model, and check what it says against the question's own FAQs."""
        response = await call_model(lambda: self._send(question), first_pause_s=self._first_pause_s)
        if not isinstance(response, Response):
            # Anything that is no JSON object reaches us as it is, a proxy's HTML page as a str.
            raise EngineFailed("not_json", "The model server answered with something else.")
        usage = _read_usage(response, self._model)
        raw_text = _read_text(response, usage)
        return accept_answer(raw_text, faq_count=len(question.assistant.faqs), usage=usage)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _send(self, question: Question) -> object:
        assistant = question.assistant
        return await self._client.responses.create(
            model=self._model,
            instructions=assistant.instructions,
            store=False,
            reasoning={"effort": "none"},
            max_output_tokens=MAX_OUTPUT_TOKENS,
            truncation="disabled",
            prompt_cache_key=f"{question.client_id}:{assistant.version}",
            prompt_cache_options={"ttl": "30m"},
            safety_identifier=question.customer_hash,
            metadata={"client": str(question.client_id), "version": str(assistant.version)},
            # Not `input` and `text`: the SDK transforms what it is given item by item, and that
            # costs more CPU than all the rest of the call.
            extra_body={"input": build_input(question), "text": TEXT_CONFIG},
        )


def build_responses_engine(*, api_key: str, base_url: str | None, model: str) -> ResponsesEngine:
    """Make the engine; `base_url` includes `/v1`, None means OpenAI's own.

    Raises:
        Misconfigured: the key cannot be one.

    """
    return ResponsesEngine(build_client(api_key=api_key, base_url=base_url), model=model)


def _read_usage(response: Response, model: str) -> Usage:
    return build_usage(
        model,
        read=read_count(response, "usage", "input_tokens"),
        cached=read_count(response, "usage", "input_tokens_details", "cached_tokens"),
        written=read_count(response, "usage", "input_tokens_details", "cache_write_tokens"),
        output=read_count(response, "usage", "output_tokens"),
    )


def _read_text(response: Response, usage: Usage) -> str:
    """Join the answer's text parts.

    Raises:
        EngineFailed: `incomplete` (or `server`, where the vendor failed after its 200) or
            `refusal`.

    """
    status = getattr(response, "status", None)
    if status == "failed":
        raise EngineFailed("server", "The model failed to make an answer.", usage=usage)
    if status != "completed":
        raise EngineFailed("incomplete", "The model did not finish its answer.", usage=usage)
    parts = list(_parts(response))
    if any(getattr(part, "type", None) == "refusal" for part in parts):
        raise EngineFailed("refusal", "The model refused to answer.", usage=usage)
    texts = [getattr(part, "text", None) for part in parts]
    return "".join(text for text in texts if isinstance(text, str))


def _parts(response: Response) -> Iterator[object]:
    """Walk the content of the answer's messages; the SDK does not check what servers send."""
    for item in _listed(getattr(response, "output", None)):
        if getattr(item, "type", None) != "message":
            continue
        if getattr(item, "phase", None) != "commentary":
            yield from _listed(getattr(item, "content", None))


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []
