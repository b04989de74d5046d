"""Asks the Graph API about itself: a token, a number, who is subscribed. Changes nothing at Meta.

Owns these calls and the reading of their answers; what is wrong with a number is the doctor's to
judge. A fact that Meta leaves out is None or empty, never an error.

Sources, read 2026-11: Meta's "Debug-Token", "WhatsApp Business Account Phone Number API",
"Messaging and Calling Health Status", "Messaging Limits", "Override webhooks" and the OpenAPI file
`business-messaging-api_v23.0.yaml` for `subscribed_apps`.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import aiohttp

from daemon.core.errors import ReleasedError, Retryable
from daemon.core.meta.client import connect_timeout, fits_header
from daemon.core.meta.codes import NO_TOKEN, TOKEN_REFUSED, Remedy, classify
from daemon.core.meta.reading import (
    read_code,
    read_epoch,
    read_identifier,
    read_object,
    read_phone,
    read_text,
    read_word,
)

LOOKUP_BUDGET_S = 10.0
"""Seconds for one lookup, from the wait for a connection to the last byte of the answer."""

NO_SUCH_OBJECT = 33
"""Graph's subcode: the id does not exist, or this token may not see it."""

_OLD_FIELDS = "display_phone_number,status,platform_type,code_verification_status,quality_rating"
_FIELDS = (
    f"{_OLD_FIELDS},whatsapp_business_manager_messaging_limit,health_status,webhook_configuration"
)
"""The messaging limit has this name from v24.0 on."""

SENDING_SCOPE = "whatsapp_business_messaging"
MANAGING_SCOPE = "whatsapp_business_management"
_WHATSAPP_SCOPES = frozenset({MANAGING_SCOPE, SENDING_SCOPE})


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


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What Meta knows of an access token.

    Times are seconds since the epoch; `expires_at` None is never, the others None where Meta does
    not say. `account_ids` are the WhatsApp Business accounts it was given, as far as Meta names
    them. `kind` is Meta's word, such as SYSTEM_USER or USER.
    """

    is_valid: bool
    app_id: str | None
    expires_at: float | None
    scopes: frozenset[str]
    account_ids: tuple[str, ...]
    kind: str | None = None
    issued_at: float | None = None
    data_access_expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class NumberFacts:
    """What Meta knows of a number; words are Meta's own, None where it does not say.

    `phone` is digits only. `sending` is AVAILABLE, LIMITED or BLOCKED, and `error_codes` why.
    `webhook_url` is where messages to this number go.
    """

    phone: str | None
    status: str | None
    platform: str | None
    verification: str | None
    quality: str | None
    limit: str | None
    sending: str | None
    error_codes: tuple[int, ...]
    account_id: str | None
    app_id: str | None
    webhook_url: str | None


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
        return _read_token(read_object(answer.get("data")))

    async def fetch_number(self, phone_number_id: str, *, access_token: str) -> NumberFacts:
        """Look a number up; where a Graph version or a token has not all fields, the basic ones."""
        path = quote(phone_number_id, safe="")
        try:
            answer = await self._get(path, access_token, {"fields": _FIELDS})
        except LookupRefused as refused:
            if refused.subcode == NO_SUCH_OBJECT or refused.is_about_token or refused.is_passing:
                raise
            answer = await self._get(path, access_token, {"fields": _OLD_FIELDS})
        return _read_number(answer)

    async def list_subscribed_apps(self, account_id: str, *, access_token: str) -> frozenset[str]:
        """List the ids of the apps that hear of an account's messages."""
        path = f"{quote(account_id, safe='')}/subscribed_apps"
        answer = await self._get(path, access_token, {})
        apps = _objects(answer.get("data"))
        ids = (
            read_identifier(read_object(app.get("whatsapp_business_api_data")).get("id"))
            for app in apps
        )
        return frozenset(found for found in ids if found)

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


def _read_token(data: Mapping[str, Any]) -> TokenFacts:
    scopes = data.get("scopes")
    granted = {
        account: None
        for grant in _objects(data.get("granular_scopes"))
        if grant.get("scope") in _WHATSAPP_SCOPES
        for account in _identifiers(grant.get("target_ids"))
    }
    return TokenFacts(
        is_valid=data.get("is_valid") is True,
        app_id=read_identifier(data.get("app_id")),
        expires_at=read_epoch(data.get("expires_at")) or None,
        scopes=frozenset(_identifiers(scopes)),
        account_ids=tuple(granted),
        kind=read_word(data.get("type")),
        issued_at=read_epoch(data.get("issued_at")) or None,
        data_access_expires_at=read_epoch(data.get("data_access_expires_at")) or None,
    )


def _read_number(answer: Mapping[str, Any]) -> NumberFacts:
    health = read_object(answer.get("health_status"))
    entities = _objects(health.get("entities"))
    hooks = read_object(answer.get("webhook_configuration"))
    # The narrowest of Meta's three levels wins.
    levels = ("phone_number", "whatsapp_business_account", "application")
    webhooks = (read_text(hooks.get(level)) for level in levels)
    return NumberFacts(
        phone=_read_digits(answer.get("display_phone_number")),
        status=read_word(answer.get("status")),
        platform=read_word(answer.get("platform_type")),
        verification=read_word(answer.get("code_verification_status")),
        quality=read_word(answer.get("quality_rating")),
        limit=read_word(answer.get("whatsapp_business_manager_messaging_limit")),
        sending=read_word(health.get("can_send_message")),
        error_codes=_read_health_codes(entities),
        account_id=_find_entity(entities, "WABA"),
        app_id=_find_entity(entities, "APP"),
        webhook_url=next((url for url in webhooks if url), None),
    )


def _read_health_codes(entities: list[Mapping[str, Any]]) -> tuple[int, ...]:
    codes = (
        read_code(error.get("error_code"))
        for entity in entities
        for error in _objects(entity.get("errors"))
    )
    return tuple(sorted({code for code in codes if code is not None}))


def _find_entity(entities: list[Mapping[str, Any]], kind: str) -> str | None:
    found = (entity for entity in entities if entity.get("entity_type") == kind)
    return next((read_identifier(entity.get("id")) for entity in found), None)


def _read_digits(value: object) -> str | None:
    """Read a number that Meta prints with spaces, dashes and brackets."""
    text = read_text(value) or ""
    return read_phone("".join(char for char in text if char.isdigit()))


def _objects(value: object) -> list[Mapping[str, Any]]:
    found = value if isinstance(value, list) else []
    return [item for item in found if isinstance(item, dict)]


def _identifiers(value: object) -> list[str]:
    found = value if isinstance(value, list) else []
    read = (read_identifier(item) for item in found)
    return [item for item in read if item]
