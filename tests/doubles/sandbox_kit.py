"""A sandbox, an echo daemon behind its webhook, and a client to call it with, on free ports."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from daemon.sandbox import Pace, SandboxClient, SandboxConfig, serve_sandbox
from tests.doubles.echo_daemon import SECRET, TOKEN, EchoDaemon, serve_echo_daemon

NUMBER = "631261586727899"
OTHER_NUMBER = "111222333"
CLIENTS = (SandboxClient("Restaurante La Plaza", NUMBER), SandboxClient("Sol", OTHER_NUMBER))
QUESTIONS = {
    NUMBER: ("¿Cuál es vuestro horario?", "¿Puedo reservar?", "¿Hay menú?", "¿Hay terraza?")
}
AT_ONCE = Pace(status_delays_s=(0, 0, 0), retry_pauses_s=(0, 0.01, 0.01), heartbeat_s=0.05)
NOW = 1_764_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@dataclass(slots=True)
class Answer:
    status: int
    body: Any
    headers: Any


@dataclass(slots=True)
class Kit:
    url: str
    echo: EchoDaemon
    http: aiohttp.ClientSession
    clock: Clock

    async def call(self, method: str, path: str, **options: Any) -> Answer:
        async with self.http.request(method, self.url + path, **options) as answer:
            is_json = answer.content_type == "application/json"
            body = await answer.json() if is_json else await answer.text()
            return Answer(answer.status, body, answer.headers)

    async def write(self, text: str = "hola", **fields: Any) -> Answer:
        whole = {"phone_number_id": NUMBER, "from": "+34 600-111-222", "text": text, **fields}
        return await self.call("POST", "/chat/messages", json=whole)

    async def send(self, number: str = NUMBER, token: str = TOKEN, **fields: Any) -> Answer:
        whole = {
            "messaging_product": "whatsapp",
            "to": "+34600111222",
            "type": "text",
            "text": {"body": "buenas"},
            **fields,
        }
        body = {name: value for name, value in whole.items() if value is not ...}
        headers = {"Authorization": f"Bearer {token}"}
        return await self.call("POST", f"/v26.0/{number}/messages", json=body, headers=headers)

    async def read_transcript(self, customer: str = "34600111222", **query: Any) -> Any:
        params = {"phone_number_id": NUMBER, "customer": customer, **query}
        return (await self.call("GET", "/chat/messages", params=params)).body

    async def set_faults(self, **faults: Any) -> Answer:
        return await self.call("PUT", "/sandbox/faults", json=faults)

    async def read_accepted(self, count: int = 0) -> Any:
        params = {"count": count, "wait": 10}
        return (await self.call("GET", "/sandbox/accepted", params=params)).body


@asynccontextmanager
async def open_kit(
    *,
    access_token: str | None = TOKEN,
    pace: Pace = AT_ONCE,
    mute: bool = False,
    webhook_url: str | None = None,
    list_clients: Callable[[], tuple[SandboxClient, ...]] = lambda: CLIENTS,
) -> AsyncIterator[Kit]:
    clock = Clock()
    async with serve_echo_daemon() as echo:
        echo.mute = mute
        config = SandboxConfig(
            webhook_url=webhook_url or echo.url,
            app_secret=SECRET,
            access_token=access_token,
            list_clients=list_clients,
            list_questions=lambda number: QUESTIONS.get(number, ()),
            clock=clock,
            pace=pace,
        )
        async with aiohttp.ClientSession() as http, serve_sandbox(config, port=0) as url:
            echo.graph_url = url
            yield Kit(url, echo, http, clock)
