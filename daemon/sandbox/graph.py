"""The simulated Graph API: a number's `/messages`, and who may call anything at all.

Owns that endpoint and the faults that strike it; limits are `sends.py`'s, error shapes
`refusals.py`'s, what is told about numbers and tokens `accounts.py`'s.
"""

import asyncio
from typing import Any

from aiohttp import web

from daemon.sandbox.bodies import read_json
from daemon.sandbox.chats import format_time
from daemon.sandbox.config import SandboxClient
from daemon.sandbox.faults import SendError, Strike
from daemon.sandbox.people import make_wamid
from daemon.sandbox.refusals import GraphRefusal, refuse_number, refuse_parameter, refuse_token
from daemon.sandbox.sends import ReadCall, TextSend, parse_call
from daemon.sandbox.stage import STAGE, Stage
from daemon.sandbox.statuses import AcceptedSend, run_statuses

HANG_S = 600
"""A hanging send gives up in the end, so that nothing is held for ever."""

WINDOW_CLOSED = 131047


async def refuse_path(request: web.Request) -> web.Response:
    """Refuse any other path of the Graph API, as Meta does."""
    raise GraphRefusal(
        2500,
        message=f"Unknown path components: /{request.match_info['path']}",
        details="The sandbox plays /messages, the number itself and what a doctor asks.",
    )


async def post_message(request: web.Request) -> web.StreamResponse:
    """Answer `POST /{version}/{phone_number_id}/messages`: a send, or read and typing."""
    stage, client = await admit_number(request)
    phone_number_id = client.phone_number_id
    call = parse_call(await read_json(request))
    if isinstance(call, ReadCall):
        return _show_read(stage, phone_number_id, call)
    stage.ledger.count("sends")
    struck = stage.faults.take()
    if isinstance(struck, SendError):
        raise GraphRefusal(
            struck.code, details="A fault set in the sandbox.", http_status=struck.http_status
        )
    if struck in {"hang", "drop_before_accept", "html_200"}:
        return await _strike(request, stage, struck)
    answer = _accept(stage, phone_number_id, call)
    return _break_off(request) if struck else web.json_response(answer)


async def admit(request: web.Request) -> Stage:
    """Let a call in that carries the right token.

    Raises:
        GraphRefusal: as Meta refuses any other.

    """
    stage = request.app[STAGE]
    faults = stage.faults.current
    await asyncio.sleep(faults.latency_ms / 1000)
    if faults.token_refused or not stage.wallet.takes(read_bearer(request)):
        raise refuse_token()
    return stage


async def admit_number(request: web.Request) -> tuple[Stage, SandboxClient]:
    """Let a call in that carries the right token, about a number that is a client's.

    Raises:
        GraphRefusal: as Meta refuses any other.

    """
    stage = await admit(request)
    phone_number_id = request.match_info["phone_number_id"]
    client = await stage.directory.find(phone_number_id)
    if client is None:
        raise refuse_number(phone_number_id)
    return stage, client


def read_bearer(request: web.Request) -> str:
    """Give the token that a call carries, empty where there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme == "Bearer" else ""


def _show_read(stage: Stage, phone_number_id: str, call: ReadCall) -> web.Response:
    if not stage.chats.show_read(phone_number_id, call.wamid, typing=call.typing):
        raise refuse_parameter("message_id names no message that this number received.")
    stage.ledger.count("reads")
    if call.typing:
        stage.ledger.count("typing")
    return web.json_response({"success": True})


async def _strike(request: web.Request, stage: Stage, struck: Strike | None) -> web.StreamResponse:
    stage.ledger.count("struck")
    if struck == "html_200":
        page = "<!doctype html><title>Sandbox</title><p>Not the Graph API."
        return web.Response(text=page, content_type="text/html")
    if struck == "hang":
        await stage.bells.wait(object(), HANG_S)
    return _break_off(request)


def _break_off(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    # Goes nowhere: the connection is gone.
    return web.Response(status=500)


def _accept(stage: Stage, phone_number_id: str, send: TextSend) -> dict[str, Any]:
    customer = stage.customers.meet(wa_id=send.wa_id, user_id=send.user_id)
    key = (phone_number_id, customer.user_id)
    wamid = make_wamid()
    is_open = stage.chats.is_window_open(key)
    stage.chats.add_outgoing(
        key,
        wamid=wamid,
        text=send.text,
        callback_data=send.callback_data,
        reply_to=send.reply_to,
        error_code=None if is_open else WINDOW_CLOSED,
    )
    stage.ledger.accept(_describe(stage, phone_number_id, send, wamid))
    stage.tasks.spawn(
        run_statuses(
            stage,
            AcceptedSend(phone_number_id, customer, wamid, send.callback_data),
            failed=not is_open,
        )
    )
    person = {"wa_id": send.wa_id} if send.wa_id else {"user_id": send.user_id}
    return {
        "messaging_product": "whatsapp",
        "contacts": [{"input": send.asked_for, **person}],
        "messages": [{"id": wamid}],
    }


def _describe(stage: Stage, phone_number_id: str, send: TextSend, wamid: str) -> dict[str, Any]:
    return {
        "wamid": wamid,
        "phone_number_id": phone_number_id,
        "to": send.asked_for if send.wa_id else None,
        "recipient": send.user_id,
        "text": send.text,
        "biz_opaque_callback_data": send.callback_data,
        "reply_to": send.reply_to,
        "at": format_time(stage.config.clock()),
    }
