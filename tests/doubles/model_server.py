"""A model server on loopback: POST /v1/responses and /v1/chat/completions, as the SDK meets them.

Answers from the FAQs it is sent, so that a whole conversation makes sense, and misbehaves on
command. Every request is kept in `requests`; each way in which one breaks the rules of a call
lands in `violations`, which tests hold against [].

    async with serve_model_server() as server:
        engine = build_responses_engine(api_key="sk-test", base_url=server.base_url, model="m")
        server.misbehave("rate_limited", retry_after="0.01")  # the next request only
        server.always = Behaviour("server_error")             # every one after that
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from tests.doubles.model_answers import pick_answer, write_answer
from tests.doubles.model_rules import find_chat_violations, find_responses_violations

Kind = Literal[
    "ok",
    "rate_limited",
    "insufficient_quota",
    "bad_key",
    "bad_request",
    "odd_error",
    "model_not_found",
    "server_error",
    "proxy_error",
    "hang",
    "hang_up",
    "html",
    "bad_json",
    "json_list",
    "empty_object",
    "refusal",
    "incomplete",
    "failed",
    "foreign_faq_id",
    "no_faq_ids",
    "text",
]

ERRORS: dict[str, tuple[int, str, str]] = {
    "rate_limited": (429, "rate_limit_exceeded", "Rate limit reached."),
    "insufficient_quota": (429, "insufficient_quota", "You exceeded your current quota."),
    "bad_key": (401, "invalid_api_key", "Incorrect API key provided."),
    "bad_request": (400, "invalid_value", "The input is not acceptable."),
    "odd_error": (422, "Words, not a code: +34600111222", "The input is not acceptable."),
    "model_not_found": (404, "model_not_found", "The model does not exist."),
    "server_error": (500, "server_error", "The server had an error."),
}
"""Kind of misbehaviour -> status, vendor's code, message."""

RESPONSES_USAGE = {
    "input_tokens": 1_000,
    "input_tokens_details": {"cached_tokens": 600, "cache_write_tokens": 100},
    "output_tokens": 50,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 1_050,
}
"""The default `usage` of a response."""

CHAT_USAGE = {
    "prompt_tokens": 1_000,
    "prompt_tokens_details": {"cached_tokens": 600, "cache_write_tokens": 100},
    "completion_tokens": 50,
    "total_tokens": 1_050,
}
"""The default `usage` of a completion."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What to do with one request; `text` is the model's raw text for the kind `text`."""

    kind: Kind = "ok"
    retry_after: str | None = None
    text: str = ""


@dataclass(slots=True)
class ModelServer:
    """The server's memory and its switches; all may be changed while it runs."""

    base_url: str = ""
    always: Behaviour = field(default_factory=Behaviour)
    scripted: deque[Behaviour] = field(default_factory=deque)
    requests: list[dict[str, Any]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    received: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by every request; a test clears it to wait for the next."""
    release: asyncio.Event = field(default_factory=asyncio.Event)
    """Ends every `hang`."""
    responses_usage: Any = field(default_factory=lambda: dict(RESPONSES_USAGE))
    chat_usage: Any = field(default_factory=lambda: dict(CHAT_USAGE))

    @property
    def request_count(self) -> int:
        return len(self.requests)

    def misbehave(self, kind: Kind, *, retry_after: str | None = None, times: int = 1) -> None:
        """Let the next `times` requests meet `kind`; several calls queue up."""
        self.scripted.extend([Behaviour(kind, retry_after)] * times)

    def say(self, text: str) -> None:
        """Let the model's raw text of the next request be `text`."""
        self.scripted.append(Behaviour("text", text=text))

    async def handle_responses(self, request: web.Request) -> web.StreamResponse:
        return await self._handle(request, find_responses_violations, self._write_response)

    async def handle_chat(self, request: web.Request) -> web.StreamResponse:
        return await self._handle(request, find_chat_violations, self._write_completion)

    async def _handle(
        self,
        request: web.Request,
        find_violations: Callable[[dict[str, Any]], list[str]],
        write: Callable[[dict[str, Any], Behaviour], dict[str, Any]],
    ) -> web.StreamResponse:
        body = await request.json()
        self.requests.append(body)
        self.violations.extend(find_violations(body))
        if not request.headers.get("Authorization", "").startswith("Bearer "):
            self.violations.append("no bearer key")
        self.received.set()
        behaviour = self.scripted.popleft() if self.scripted else self.always
        spoilt = await self._spoil(request, behaviour)
        return spoilt or web.json_response(write(body, behaviour))

    async def _spoil(self, request: web.Request, behaviour: Behaviour) -> web.Response | None:
        """Answer with what is no answer at all, or None where there is one to write."""
        if behaviour.kind in ERRORS:
            return _write_error(behaviour)
        if behaviour.kind == "hang":
            await self.release.wait()
        if behaviour.kind == "hang_up" and request.transport is not None:
            request.transport.abort()
        if behaviour.kind == "proxy_error":
            return web.Response(status=502, text="<h1>Bad gateway</h1>", content_type="text/html")
        spoilt = {
            "html": ("<html><body>Bad gateway</body></html>", "text/html"),
            "bad_json": ('{"id": "resp_1", "output": [', "application/json"),
            "json_list": ("[1, 2]", "application/json"),
            "empty_object": ("{}", "application/json"),
        }.get(behaviour.kind)
        return web.Response(text=spoilt[0], content_type=spoilt[1]) if spoilt else None

    def _write_response(self, body: dict[str, Any], behaviour: Behaviour) -> dict[str, Any]:
        asked = [item["content"] for item in body["input"] if item["role"] == "user"][-1]
        text = _choose_text(body.get("instructions") or "", asked, behaviour)
        part: dict[str, Any] = {"type": "output_text", "text": text, "annotations": []}
        if behaviour.kind == "refusal":
            part = {"type": "refusal", "refusal": "I cannot help with that."}
        statuses = {"incomplete": "incomplete", "failed": "failed"}
        return {
            "id": f"resp_{self.request_count}",
            "object": "response",
            "created_at": 1_790_000_000,
            "status": statuses.get(behaviour.kind, "completed"),
            "incomplete_details": (
                {"reason": "max_output_tokens"} if behaviour.kind == "incomplete" else None
            ),
            "error": None,
            "model": body["model"],
            "output": [
                {"id": "rs_1", "type": "reasoning", "summary": []},
                _write_message(
                    "commentary", {**part, "type": "output_text", "text": "Let me see."}
                ),
                _write_message("final_answer", part),
            ],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": self.responses_usage,
        }

    def _write_completion(self, body: dict[str, Any], behaviour: Behaviour) -> dict[str, Any]:
        messages = body["messages"]
        text = _choose_text(messages[0]["content"], messages[-1]["content"], behaviour)
        refusal = "I cannot help with that." if behaviour.kind == "refusal" else None
        message = {"role": "assistant", "content": None if refusal else text, "refusal": refusal}
        finish_reason = "length" if behaviour.kind == "incomplete" else "stop"
        return {
            "id": f"chatcmpl-{self.request_count}",
            "object": "chat.completion",
            "created": 1_790_000_000,
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
            "usage": self.chat_usage,
        }


def build_model_server(server: ModelServer) -> web.Application:
    """Make the app that speaks for `server`."""
    app = web.Application()
    app.router.add_post("/v1/responses", server.handle_responses)
    app.router.add_post("/v1/chat/completions", server.handle_chat)
    return app


@asynccontextmanager
async def serve_model_server() -> AsyncIterator[ModelServer]:
    """Serve on a free loopback port until the block ends; `base_url` includes `/v1`."""
    server = ModelServer()
    runner = web.AppRunner(build_model_server(server), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        yield server
    finally:
        server.release.set()
        await runner.cleanup()


def _choose_text(instructions: str, asked: str, behaviour: Behaviour) -> str:
    if behaviour.kind == "text":
        return behaviour.text
    if behaviour.kind == "foreign_faq_id":
        return write_answer("From nowhere.", ["F999"], answered=True)
    if behaviour.kind == "no_faq_ids":
        return write_answer("From memory.", [], answered=True)
    return pick_answer(instructions, asked)


def _write_message(phase: str, part: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"msg_{phase}",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "phase": phase,
        "content": [part],
    }


def _write_error(behaviour: Behaviour) -> web.Response:
    status, code, message = ERRORS[behaviour.kind]
    headers = {} if behaviour.retry_after is None else {"Retry-After": behaviour.retry_after}
    error = {"message": message, "type": code, "param": None, "code": code}
    return web.json_response({"error": error}, status=status, headers=headers)
