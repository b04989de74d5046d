"""Lookups of the model against a real server on loopback that has it, lacks it, or says nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from daemon.core.assistants.inspecting import ModelFacts, inspect_model
from daemon.core.errors import Misconfigured
from daemon.core.settings import Settings
from tests.doubles.loopback import serve_handler

MODEL = {"id": "m", "object": "model", "created": 1, "owned_by": "us"}


@dataclass
class Server:
    """`one` and `all` are status and body of the model's address and of the list's."""

    url: str = ""
    one: tuple[int, Any] = (200, MODEL)
    all: tuple[int, Any] = (404, {})
    hangs: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path, request.headers["Authorization"]))
        if self.hangs:
            await self.release.wait()
        status, body = self.all if request.path == "/v1/models" else self.one
        if body is None and request.transport is not None:
            request.transport.abort()
        if isinstance(body, str):
            return web.Response(status=status, text=body, content_type="text/html")
        return web.json_response(body, status=status)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    served = Server()
    async with serve_handler(served.handle, method="GET") as url:
        served.url = f"{url}v1"
        yield served


async def look(server: Server, *, timeout_s: float = 5, **given: Any) -> ModelFacts:
    plain = {"openai_base_url": server.url, "openai_api_key": "sk-test", "openai_model": "m"}
    settings = Settings(_env_file=None, **(plain | {"answer_engine": "chat"} | given))
    return await inspect_model(settings, timeout_s=timeout_s)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, None),
        ({"shutdown_date": None}, None),
        ({"shutdown_date": "2027-01-14"}, date(2027, 1, 14)),
        ({"shutdown_date": "2027-01-14T00:00:00Z"}, date(2027, 1, 14)),
        ({"shutdown_date": "next year"}, None),
        ({"shutdown_date": 5}, None),
    ],
)
async def test_a_model_is_known_and_its_end(
    server: Server, told: dict[str, Any], expected: date | None
) -> None:
    """The vendor's date where it gives one that can be read; other servers give none."""
    server.one = (200, MODEL | told)
    assert ModelFacts("known", shutdown_on=expected) == await look(server)
    assert [("/v1/models/m", "Bearer sk-test")] == server.asked


@pytest.mark.parametrize(
    ("one", "every", "outcome"),
    [
        ((404, {}), (200, {"object": "list", "data": [MODEL]}), "known"),
        ((404, {}), (200, {"object": "list", "data": [MODEL | {"id": "x"}]}), "unknown"),
        ((404, {}), (200, {"object": "list", "data": []}), "unknown"),
        ((404, {}), (404, {}), "unclear"),
        ((404, {}), (200, "<html>"), "unclear"),
        ((404, {}), (200, {"data": 5}), "unclear"),
        ((404, {}), (500, {}), "unreachable"),
        ((401, {}), (404, {}), "key_refused"),
        ((403, {}), (404, {}), "forbidden"),
        ((400, {}), (404, {}), "unclear"),
        ((429, {}), (404, {}), "unreachable"),
        ((503, "<h1>"), (404, {}), "unreachable"),
        ((200, "<html>"), (404, {}), "unclear"),
        ((200, None), (404, {}), "unreachable"),
    ],
)
async def test_what_a_server_says_is_told_apart(
    server: Server, one: tuple[int, Any], every: tuple[int, Any], outcome: str
) -> None:
    """The list decides where one model has no address; key, rights and silence are not mixed up."""
    server.one, server.all = one, every
    assert outcome == (await look(server)).outcome


async def test_json_that_breaks_off_is_unclear(server: Server) -> None:
    """Half an answer is no answer."""

    async def handle(_request: web.Request) -> web.Response:
        return web.Response(text=json.dumps(MODEL)[:-5], content_type="application/json")

    app = web.Application()
    app.router.add_get("/{path:.*}", handle)
    async with TestServer(app, host="127.0.0.1") as started:
        found = await look(server, openai_base_url=str(started.make_url("/v1")))
    assert ModelFacts("unclear") == found


async def test_a_server_that_hangs_is_given_up(server: Server) -> None:
    """The whole lookup has one budget."""
    server.hangs = True
    assert ModelFacts("unreachable") == await look(server, timeout_s=0.05)
    server.release.set()


async def test_a_local_server_needs_no_key(server: Server) -> None:
    """Something is sent all the same: the SDK insists."""
    assert "known" == (await look(server, openai_api_key=None)).outcome


async def test_a_key_that_is_none_is_refused_here(server: Server) -> None:
    """It would fit no header."""
    with pytest.raises(Misconfigured, match="OPENAI_API_KEY"):
        await look(server, openai_api_key="sk-ñ")
    assert [] == server.asked
