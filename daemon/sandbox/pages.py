"""The chat page and what it and scripts call: clients, transcripts, writing, events.

Owns these endpoints; what a customer's message becomes is `writing.py`'s.
"""

import asyncio
from pathlib import Path
from typing import Any

from aiohttp import web

from daemon.core.errors import Invalid
from daemon.sandbox.bodies import read_json, read_query_number
from daemon.sandbox.events import stream_events
from daemon.sandbox.people import USER_ID, read_number
from daemon.sandbox.stage import STAGE, Stage
from daemon.sandbox.writing import parse_message, write_message

STATIC = Path(__file__).parent / "static"

EXAMPLES = 3
"""Questions that an empty chat offers to ask."""

MAX_WAIT_S = 60
"""How long a script may wait for news in one request."""


async def show_page(_request: web.Request) -> web.FileResponse:
    """Answer `GET /` with the chat page."""
    return web.FileResponse(STATIC / "chat.html")


async def list_clients(request: web.Request) -> web.Response:
    """Answer `GET /chat/clients`: the clients, and whether the webhook can be reached."""
    stage = request.app[STAGE]
    clients, _ = await asyncio.gather(stage.directory.list(), stage.poster.look())
    return web.json_response(
        {
            "clients": [
                {"name": client.name, "phone_number_id": client.phone_number_id}
                for client in clients
            ],
            "webhook": stage.poster.describe(),
        }
    )


async def list_examples(request: web.Request) -> web.Response:
    """Answer `GET /chat/examples?phone_number_id=`: what a customer may ask that client."""
    stage = request.app[STAGE]
    questions = await asyncio.to_thread(stage.config.list_questions, _read_number_id(request))
    return web.json_response({"examples": list(questions[:EXAMPLES])})


async def post_message(request: web.Request) -> web.Response:
    """Answer `POST /chat/messages`: 200 when the webhook was answered 200, else 202."""
    message = parse_message(await read_json(request))
    stage = request.app[STAGE]
    written = await write_message(stage, message)
    if written.delivery.acknowledged:
        return web.json_response(written.as_json())
    problem = stage.poster.describe()["problem"]
    return web.json_response({**written.as_json(), "problem": problem}, status=202)


async def show_transcript(request: web.Request) -> web.Response:
    """Answer `GET /chat/messages?phone_number_id=&customer=[&after=&wait=&direction=in|out]`.

    With `wait` (seconds) it answers as soon as something has changed since change `after`.
    """
    stage = request.app[STAGE]
    phone_number_id = _read_number_id(request)
    reference = _read_customer(request.query.get("customer", ""))
    direction = request.query.get("direction")
    if direction not in {None, "in", "out"}:
        raise Invalid("direction: must be in or out")
    key = (phone_number_id, stage.customers.resolve(reference))
    after = read_query_number(request, "after", most=float("inf"))
    wait_s = read_query_number(request, "wait", most=MAX_WAIT_S)
    messages = await _wait_for_news(stage, key, after=int(after), wait_s=wait_s, only=direction)
    customer = stage.customers.find(reference)
    return web.json_response(
        {
            "phone_number_id": phone_number_id,
            "user_id": key[1],
            "customer": customer.as_json() if customer else None,
            "typing": stage.chats.is_typing(key),
            "seq": stage.chats.seq,
            "messages": messages,
        }
    )


async def stream(request: web.Request) -> web.StreamResponse:
    """Answer `GET /chat/events` with server-sent events."""
    stage = request.app[STAGE]
    return await stream_events(request, stage.events, heartbeat_s=stage.config.pace.heartbeat_s)


async def _wait_for_news(
    stage: Stage, key: tuple[str, str], *, after: int, wait_s: float, only: str | None
) -> list[dict[str, Any]]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    while True:
        news = [
            message.as_json()
            for message in stage.chats.list_changed(key, after=after)
            if only in {None, message.direction}
        ]
        left_s = deadline - loop.time()
        if news or left_s <= 0 or not await stage.bells.wait(key, left_s):
            return news


def _read_number_id(request: web.Request) -> str:
    phone_number_id = request.query.get("phone_number_id", "")
    if not phone_number_id:
        raise Invalid("phone_number_id: is missing")
    return phone_number_id


def _read_customer(text: str) -> str:
    # A + that nobody escaped arrives as a space.
    reference = text if USER_ID.fullmatch(text) else read_number(text)
    if reference is None:
        raise Invalid("customer: must be a phone number or a user id")
    return reference
