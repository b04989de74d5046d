"""A daemon in miniature: checks the signature, keeps each webhook, echoes texts by the Graph API.

`answers` holds the statuses that the next webhooks are answered with (200 once it is empty);
`mute` stops the echo. `wait_until` waits for webhooks without sleeping.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from daemon.core.meta.wire import sign_body

SECRET = "echo-secret"
TOKEN = "echo-token"


@dataclass(slots=True)
class EchoDaemon:
    graph_url: str = ""
    url: str = ""
    mute: bool = False
    answers: deque[int] = field(default_factory=deque)
    forged: int = 0
    bodies: list[bytes] = field(default_factory=list)
    values: list[dict[str, Any]] = field(default_factory=list)
    at_typing: asyncio.Event | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [message for value in self.values for message in value.get("messages", [])]

    @property
    def statuses(self) -> list[dict[str, Any]]:
        return [status for value in self.values for status in value.get("statuses", [])]

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await self._changed.wait()
                self._changed.clear()

    async def handle(self, request: web.Request) -> web.Response:
        raw = await request.read()
        self.bodies.append(raw)
        if request.headers.get("X-Hub-Signature-256") != sign_body(SECRET, raw):
            self.forged += 1
            return web.Response(status=401)
        if self.answers and (status := self.answers.popleft()) != 200:
            self._changed.set()
            return web.Response(status=status)
        value = json.loads(raw)["entry"][0]["changes"][0]["value"]
        self.values.append(value)
        self._changed.set()
        if not self.mute:
            request.app[TASKS].update(
                asyncio.create_task(self._echo(value, message))
                for message in value.get("messages", [])
            )
        return web.Response()

    async def _echo(self, value: dict[str, Any], message: dict[str, Any]) -> None:
        path = f"/v26.0/{value['metadata']['phone_number_id']}/messages"
        person = (
            {"to": "+" + message["from"]}
            if "from" in message
            else {"recipient": message["from_user_id"]}
        )
        read = {"status": "read", "message_id": message["id"], "typing_indicator": {"type": "text"}}
        text = {"body": f"Echo: {message['text']['body']}"}
        async with aiohttp.ClientSession(self.graph_url) as session:
            await self._call(session, path, read)
            if self.at_typing is not None:
                await self.at_typing.wait()
            await self._call(
                session, path, {**person, "text": text, "biz_opaque_callback_data": "row-1"}
            )

    async def _call(self, session: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> None:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        whole = {"messaging_product": "whatsapp", **body}
        async with session.post(path, json=whole, headers=headers) as answer:
            await answer.read()


TASKS = web.AppKey("tasks", set)


@asynccontextmanager
async def serve_echo_daemon(*, port: int = 0) -> AsyncIterator[EchoDaemon]:
    daemon = EchoDaemon()
    app = web.Application()
    app[TASKS] = set()
    app.router.add_post("/webhook", daemon.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        daemon.url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhook"
        yield daemon
    finally:
        for task in app[TASKS]:
            task.cancel()
        await asyncio.gather(*app[TASKS], return_exceptions=True)
        await runner.cleanup()
