"""The simulated `/oauth/access_token`: a new access token for one that is still valid.

Owns this endpoint alone; which tokens there are is `wallet.py`'s. It takes GET and POST, as Meta's.
"""

import asyncio
import hmac
from collections.abc import Mapping

from aiohttp import web

from daemon.sandbox.accounts import APP_ID
from daemon.sandbox.graph import HANG_S
from daemon.sandbox.refusals import GraphRefusal, refuse_parameter, refuse_token
from daemon.sandbox.stage import STAGE, Stage


async def exchange_token(request: web.Request) -> web.Response:
    """Answer `/{version}/oauth/access_token` for `grant_type=fb_exchange_token`."""
    stage = request.app[STAGE]
    await asyncio.sleep(stage.faults.current.latency_ms / 1000)
    given = request.query if request.method == "GET" else await request.post()
    fields = {name: text for name, text in given.items() if isinstance(text, str)}
    code = stage.faults.current.exchange_error
    if code is not None:
        raise GraphRefusal(code, details="A fault set in the sandbox.")
    if stage.faults.current.exchange_hangs:
        await stage.bells.wait(object(), HANG_S)
    _check(stage, fields)
    token, life_s = stage.wallet.mint()
    stage.ledger.count("exchanges")
    return web.json_response({"access_token": token, "token_type": "bearer", "expires_in": life_s})


def _check(stage: Stage, fields: Mapping[str, str]) -> None:
    if fields.get("grant_type") != "fb_exchange_token":
        raise refuse_parameter("The sandbox plays grant_type=fb_exchange_token only.")
    if fields.get("client_id") != APP_ID:
        raise GraphRefusal(
            101, message="Error validating application.", details="client_id is not the sandbox's."
        )
    secret = fields.get("client_secret", "")
    if not hmac.compare_digest(secret.encode(), stage.config.app_secret.encode()):
        raise GraphRefusal(
            1,
            message="Error validating client secret.",
            details="The app's secret is not the one the sandbox signs with.",
        )
    token = fields.get("fb_exchange_token", "")
    if stage.faults.current.token_refused or not token or not stage.wallet.takes(token):
        raise refuse_token()
