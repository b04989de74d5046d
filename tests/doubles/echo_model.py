"""A model that answers with the numbers it was asked about, so that every answer can be traced.

async with serve_echo_model() as model:
    settings = {"OPENAI_BASE_URL": model.base_url}   # "q7 and q8?" -> "About q7 q8."
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.doubles.model_answers import write_answer
from tests.doubles.model_server import Behaviour, ModelServer, build_model_server

QUESTION = re.compile(r"\bq(\d+)\b")
"""How a question is numbered, in what customers write and in what they are answered."""


@dataclass(slots=True)
class EchoModel(ModelServer):
    """A model server whose every answer names the questions; `delay_s` is how long it thinks."""

    delay_s: float = 0.0
    asked: list[str] = field(default_factory=list)
    """What customers wrote, one entry a call, in the order of the answers."""

    async def handle_responses(self, request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(self.delay_s)
        # Named, because a dataclass with slots is a second class that plain super() does not know.
        return await ModelServer.handle_responses(self, request)

    def _write_response(self, body: dict[str, Any], _behaviour: Behaviour) -> dict[str, Any]:
        asked = [item["content"] for item in body["input"] if item["role"] == "user"][-1]
        self.asked.append(asked)
        numbers = " ".join(f"q{number}" for number in QUESTION.findall(asked))
        echo = write_answer(f"About {numbers or 'nothing'}.", ["F1"], answered=True)
        return ModelServer._write_response(self, body, Behaviour("text", text=echo))


@asynccontextmanager
async def serve_echo_model() -> AsyncIterator[EchoModel]:
    """Serve on a free loopback port until the block ends; `base_url` includes `/v1`."""
    model = EchoModel()
    runner = web.AppRunner(build_model_server(model), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        model.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        yield model
    finally:
        model.release.set()
        await runner.cleanup()
