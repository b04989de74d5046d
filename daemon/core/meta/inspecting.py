"""Asks the Graph API about itself: tokens, numbers, who hears of what. Changes nothing at Meta.

Owns these calls, and tells an answer from none. What stands in one is read by `facts`, and what
is wrong with a number is the doctor's to judge.

Sources, read 2026-11: Meta's "Debug-Token", "WhatsApp Business Account Phone Number API",
"Messaging and Calling Health Status", "Messaging Limits", "Override webhooks", "Onboard WhatsApp
Business app users" for `is_on_biz_app`, "Graph API Reference /{app-id}/subscriptions", "Webhooks:
Subscriptions Edge" and the OpenAPI file `business-messaging-api_v23.0.yaml` for `subscribed_apps`.
"""

import asyncio
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import aiohttp

from daemon.core.errors import ReleasedError, Retryable
from daemon.core.meta.client import connect_timeout, fits_header
from daemon.core.meta.codes import NO_TOKEN, TOKEN_REFUSED, Remedy, classify
from daemon.core.meta.facts import (
    NumberFacts,
    TokenFacts,
    WebhookFacts,
    read_app_ids,
    read_number,
    read_token,
    read_webhook,
)
from daemon.core.meta.reading import read_code, read_object

LOOKUP_BUDGET_S = 10.0
"""Seconds for one lookup, from the wait for a connection to the last byte of the answer."""

NO_SUCH_OBJECT = 33
"""Graph's subcode: the id does not exist, or this token may not see it."""

_OLD_FIELDS = "display_phone_number,status,platform_type,code_verification_status,quality_rating"
_FIELDS = (
    f"{_OLD_FIELDS},whatsapp_business_manager_messaging_limit,health_status,webhook_configuration"
    ",is_on_biz_app"
)
"""The messaging limit has this name from v24.0 on."""


class LookupRefused(ReleasedError):
    """Meta answered and told us nothing. Its own words are left out: they may quote the token."""

    def __init__(self, code: int, *, subcode: int | None = None) -> None:
        """Take Meta's code, and the subcode where there is one."""
        super().__init__(f"Meta error {code}")
        self.code = code
        self.subcode = subcode
        self.remedy = classify(code)

    @property
    def is_about_token(self) -> bool:
        """Whether the token is void: with another one the same lookup might do."""
        return self.code in {NO_TOKEN, TOKEN_REFUSED}

    @property
    def is_passing(self) -> bool:
        """Whether the same lookup may do later."""
        return self.remedy in {Remedy.RETRY, Remedy.THROTTLED}


class NoAnswer(Retryable):
    """Meta gave no answer that can be read."""


class GraphInspector:
    """Looks things up through a session that its maker closes."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        base_url: str,
        version: str,
        timeout_s: float = LOOKUP_BUDGET_S,
    ) -> None:
        """Take the URL without the version, and the budget of one lookup in seconds."""
        self._session = session
        self._root = f"{base_url.rstrip('/')}/{version}"
        self._timeout_s = timeout_s

    async def fetch_token(self, access_token: str, *, asking_with: str | None = None) -> TokenFacts:
        """Look a token up, with itself unless `asking_with` another one of the same app.

        Raises:
            LookupRefused, NoAnswer: as every lookup here.

        """
        answer = await self._get(
            "debug_token", asking_with or access_token, {"input_token": access_token}
        )
        return read_token(read_object(answer.get("data")))

    async def fetch_number(self, phone_number_id: str, *, access_token: str) -> NumberFacts:
        """Look a number up; where a Graph version or a token has not all fields, the basic ones."""
        path = quote(phone_number_id, safe="")
        try:
            answer = await self._get(path, access_token, {"fields": _FIELDS})
        except LookupRefused as refused:
            if refused.subcode == NO_SUCH_OBJECT or refused.is_about_token or refused.is_passing:
                raise
            answer = await self._get(path, access_token, {"fields": _OLD_FIELDS})
        return read_number(answer)

    async def list_subscribed_apps(self, account_id: str, *, access_token: str) -> frozenset[str]:
        """List the ids of the apps that hear of an account's messages."""
        path = f"{quote(account_id, safe='')}/subscribed_apps"
        answer = await self._get(path, access_token, {})
        return read_app_ids(answer.get("data"))

    async def fetch_webhook(self, app_id: str, *, asking_with: str) -> WebhookFacts | None:
        """Look up what an app is subscribed to, `asking_with` its own token, `id|secret`.

        None: it has no webhook for WhatsApp. An answer without a list says nothing of the kind.
        """
        answer = await self._get(f"{quote(app_id, safe='')}/subscriptions", asking_with, {})
        data = answer.get("data")
        if not isinstance(data, list):
            raise NoAnswer("an answer without subscriptions")
        return read_webhook(data)

    async def _get(
        self, path: str, access_token: str, query: Mapping[str, str]
    ) -> Mapping[str, Any]:
        if not fits_header(access_token):
            raise LookupRefused(TOKEN_REFUSED)
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._session.get(
                    f"{self._root}/{path}",
                    params=query,
                    headers={"Authorization": f"Bearer {access_token}"},
                    timeout=connect_timeout(self._timeout_s),
                    allow_redirects=False,
                ) as response,
            ):
                return _read_answer(response.status, await response.read())
        except (aiohttp.ClientError, OSError) as error:
            # Not chained: such an error carries the address, and `debug_token` has a token in it.
            raise NoAnswer(f"no answer ({type(error).__name__})") from None


def _read_answer(status: int, body: bytes) -> Mapping[str, Any]:
    try:
        answer = read_object(json.loads(body))
    except (ValueError, RecursionError):
        answer = {}
    error = read_object(answer.get("error"))
    code = read_code(error.get("code"))
    if code is None and status == HTTPStatus.UNAUTHORIZED:
        code = TOKEN_REFUSED
    if code is not None:
        raise LookupRefused(code, subcode=read_code(error.get("error_subcode")))
    if status != HTTPStatus.OK or not answer:
        raise NoAnswer(f"HTTP {status} that is no answer of the Graph API")
    return answer
