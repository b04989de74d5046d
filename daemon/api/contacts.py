"""The admin API's contacts: the same use cases as `released contact`, by HTTP."""

import secrets
from functools import partial

from aiohttp import web

from daemon.api.auth import actor_of
from daemon.api.bodies import read_id
from daemon.api.shared import RUNTIME
from daemon.core import contacts


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
