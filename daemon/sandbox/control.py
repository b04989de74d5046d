"""The sandbox's controls for tests and scripts: faults, and what was accepted.

Owns these endpoints; what a fault does is done where it strikes.
"""

from aiohttp import web

from daemon.sandbox.bodies import read_json, read_query_number
from daemon.sandbox.faults import parse_faults
from daemon.sandbox.ledger import MAX_ACCEPTED
from daemon.sandbox.stage import STAGE

MAX_WAIT_S = 60


async def show_faults(request: web.Request) -> web.Response:
    """Answer `GET /sandbox/faults`: what still strikes."""
    return web.json_response(request.app[STAGE].faults.current.model_dump())


async def put_faults(request: web.Request) -> web.Response:
    """Answer `PUT /sandbox/faults`: these strike from now on, and no others."""
    stage = request.app[STAGE]
    stage.faults.replace(parse_faults(await read_json(request)))
    return web.json_response(stage.faults.current.model_dump())


async def show_accepted(request: web.Request) -> web.Response:
    """Answer `GET /sandbox/accepted[?count=&wait=]`: accepted sends in order, and counters.

    With `wait` (seconds) it answers as soon as `count` sends were accepted since the reset.
    """
    ledger = request.app[STAGE].ledger
    count = read_query_number(request, "count", most=MAX_ACCEPTED)
    wait_s = read_query_number(request, "wait", most=MAX_WAIT_S)
    await ledger.wait_for(int(count), timeout_s=wait_s)
    return web.json_response(ledger.as_json())


async def reset_accepted(request: web.Request) -> web.Response:
    """Answer `DELETE /sandbox/accepted`: forget them, and count from nothing."""
    ledger = request.app[STAGE].ledger
    ledger.reset()
    return web.json_response(ledger.as_json())
