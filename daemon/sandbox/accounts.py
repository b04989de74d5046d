"""What the simulated Graph API tells about a token, a number, an account and an app.

All is well unless a fault says otherwise. Owns these answers; who may ask is `graph.py`'s, which
tokens there are `wallet.py`'s. All clients of a sandbox are numbers of one WhatsApp Business
account, to which one app is subscribed. Their owners can write in the WhatsApp Business app.

Sources as `core.meta.inspecting` has them, read 2026-11.
"""

import hmac
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from daemon.sandbox.config import SandboxClient
from daemon.sandbox.graph import admit, admit_number, read_bearer
from daemon.sandbox.refusals import GraphRefusal, refuse_number, refuse_parameter, refuse_token
from daemon.sandbox.stage import STAGE, Stage
from daemon.sandbox.wallet import SCOPES
from daemon.sandbox.webhooks import display_number

APP_ID = "600700800900"
ACCOUNT_ID = "900800700600"
BUSINESS_ID = "500400300200"

DEFAULT_FIELDS = (
    "display_phone_number",
    "verified_name",
    "code_verification_status",
    "quality_rating",
    "platform_type",
)
"""What Meta tells of a number when no field is named; the id comes with every answer."""


async def show_number(request: web.Request) -> web.Response:
    """Answer `GET /{version}/{phone_number_id}[?fields=]`."""
    stage, client = await admit_number(request)
    known = _describe_number(stage, client)
    named = request.query.get("fields")
    fields = DEFAULT_FIELDS if named is None else tuple(named.split(","))
    for field in fields:
        if field not in known:
            raise refuse_parameter(f"Tried accessing nonexisting field ({field})")
    return web.json_response({field: known[field] for field in fields} | {"id": known["id"]})


async def show_token(request: web.Request) -> web.Response:
    """Answer `GET /{version}/debug_token`, to the token itself and to the app."""
    stage = await _admit_token_or_app(request)
    token = request.query.get("input_token")
    if not token:
        raise refuse_parameter("The parameter input_token is required.")
    is_valid = stage.wallet.takes(token)
    told = _describe_token(stage, token) if is_valid else _describe_wrong_token()
    return web.json_response({"data": told})


async def list_subscribed_apps(request: web.Request) -> web.Response:
    """Answer `GET /{version}/{account_id}/subscribed_apps`."""
    await admit(request)
    account_id = request.match_info["account_id"]
    if account_id != ACCOUNT_ID:
        raise refuse_number(account_id)
    app = {"id": APP_ID, "name": "Sandbox", "link": "https://www.facebook.com/games/"}
    return web.json_response({"data": [{"whatsapp_business_api_data": app}]})


async def list_subscriptions(request: web.Request) -> web.Response:
    """Answer `GET /{version}/{app_id}/subscriptions`, to the app alone.

    Source: Meta's "Graph API Reference /{app-id}/subscriptions" and "Webhooks: Subscriptions Edge",
    read 2026-11. Other products of Meta's stand in the same list.
    """
    if "|" not in read_bearer(request):
        raise GraphRefusal(
            15,
            message="(#15) This method must be called with an app access_token.",
            details="The app's id and its secret, with | between them.",
        )
    stage = await _admit_token_or_app(request)
    app_id = request.match_info["app_id"]
    if app_id != APP_ID:
        raise refuse_number(app_id)
    version = request.match_info["version"]
    subscriptions = [_describe_subscription(stage, "permissions", ["connected"], version=version)]
    faults = stage.faults.current
    if faults.webhook_state != "missing":
        subscriptions.append(
            _describe_subscription(
                stage,
                "whatsapp_business_account",
                faults.subscribed_fields,
                version=version,
                active=faults.webhook_state == "active",
            )
        )
    return web.json_response({"data": subscriptions})


async def _admit_token_or_app(request: web.Request) -> Stage:
    stage, given = request.app[STAGE], read_bearer(request)
    # Where any token is taken, so is the app's.
    if not given.startswith(f"{APP_ID}|") or stage.config.access_token is None:
        return await admit(request)
    right = f"{APP_ID}|{stage.config.app_secret}"
    if stage.faults.current.token_refused:
        raise refuse_token()
    if not hmac.compare_digest(given.encode(), right.encode()):
        raise GraphRefusal(
            1,
            message="Error validating client secret.",
            details="The app's secret is not the one the sandbox signs with.",
        )
    return stage


def _describe_subscription(
    stage: Stage, kind: str, fields: Sequence[str], *, version: str, active: bool = True
) -> dict[str, Any]:
    return {
        "object": kind,
        "callback_url": stage.config.webhook_url,
        "active": active,
        "fields": [{"name": field, "version": version} for field in fields],
    }


def _describe_number(stage: Stage, client: SandboxClient) -> dict[str, Any]:
    made_up = "+" + display_number(client.phone_number_id)
    return {
        "id": client.phone_number_id,
        "display_phone_number": client.phone_number or made_up,
        "verified_name": client.name,
        "code_verification_status": "VERIFIED",
        "quality_rating": stage.faults.current.quality_rating,
        "platform_type": "CLOUD_API",
        "is_on_biz_app": True,
        "status": "CONNECTED",
        "name_status": "APPROVED",
        "throughput": {"level": "STANDARD"},
        "whatsapp_business_manager_messaging_limit": "TIER_250",
        "health_status": {
            "can_send_message": "AVAILABLE",
            "entities": [
                {"entity_type": kind, "id": known, "can_send_message": "AVAILABLE"}
                for kind, known in (
                    ("PHONE_NUMBER", client.phone_number_id),
                    ("WABA", ACCOUNT_ID),
                    ("BUSINESS", BUSINESS_ID),
                    ("APP", APP_ID),
                )
            ],
        },
        "webhook_configuration": {"application": stage.config.webhook_url},
    }


def _describe_token(stage: Stage, token: str) -> dict[str, Any]:
    return {
        "app_id": APP_ID,
        "application": "Sandbox",
        "is_valid": True,
        **stage.wallet.describe(token),
        "granular_scopes": [{"scope": scope, "target_ids": [ACCOUNT_ID]} for scope in SCOPES],
        "user_id": "100200300400",
    }


def _describe_wrong_token() -> dict[str, Any]:
    error = {"code": 190, "message": "Malformed access token"}
    return {"error": error, "is_valid": False, "scopes": []}
