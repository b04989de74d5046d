"""The admin API's contacts: the same use cases as `released contact`, by HTTP."""

import secrets
from functools import partial

from aiohttp import web

from daemon.api.auth import actor_of
from daemon.api.bodies import read_body_if_any, read_id
from daemon.api.contact_models import Contact, Pause, PauseState, Receipt
from daemon.api.route import Route
from daemon.api.shared import RUNTIME
from daemon.core import contacts, handovers


async def export(request: web.Request) -> web.Response:
    """Give everything that is held about a customer, by phone number or user id."""
    client_id = read_id(request, "client")
    runtime = request.app[RUNTIME]
    job = partial(
        contacts.export_contact,
        client_id=client_id,
        customer=request.match_info["customer"],
        now=runtime.clock(),
    )
    return web.json_response(await runtime.store.read(job))


async def erase(request: web.Request) -> web.Response:
    """Delete everything that is held about a customer, and give a receipt."""
    client_id = read_id(request, "client")
    runtime = request.app[RUNTIME]
    job = partial(
        contacts.erase_contact,
        client_id=client_id,
        customer=request.match_info["customer"],
        receipt=contacts.name_receipt(secrets.token_hex(8)),
        now=runtime.clock(),
        actor=actor_of(request),
    )
    return web.json_response(await runtime.store.write(job))


async def pause(request: web.Request) -> web.Response:
    """Take a customer's conversation over: from now on the bot says nothing in it."""
    client_id = read_id(request, "client")
    given = await read_body_if_any(request, Pause)
    runtime = request.app[RUNTIME]
    job = partial(
        handovers.pause_contact,
        client_id=client_id,
        customer=request.match_info["customer"],
        hours=given.hours,
        now=runtime.clock(),
        actor=actor_of(request),
    )
    return web.json_response(await runtime.store.write(job))


async def resume(request: web.Request) -> web.Response:
    """Give a customer's conversation back to the bot."""
    client_id = read_id(request, "client")
    runtime = request.app[RUNTIME]
    job = partial(
        handovers.resume_contact,
        client_id=client_id,
        customer=request.match_info["customer"],
        now=runtime.clock(),
        actor=actor_of(request),
    )
    return web.json_response(await runtime.store.write(job))


CONTACT_ROUTES = (
    Route(
        "GET",
        "/clients/{id}/contacts/{customer}",
        export,
        answer=Contact,
        errors=(404,),
        reach="client",
    ),
    Route(
        "DELETE",
        "/clients/{id}/contacts/{customer}",
        erase,
        answer=Receipt,
        errors=(404,),
        reach="client",
    ),
    Route(
        "PUT",
        "/clients/{id}/contacts/{customer}/pause",
        pause,
        answer=PauseState,
        body=Pause,
        errors=(400, 404, 413, 415, 422),
        needs_body=False,
        reach="client",
    ),
    Route(
        "DELETE",
        "/clients/{id}/contacts/{customer}/pause",
        resume,
        answer=PauseState,
        errors=(404, 409),
        reach="client",
    ),
)
