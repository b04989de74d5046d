"""What Meta tells of tokens, numbers, accounts and an app's webhook, read from JSON. Pure.

Owns the reading, of any shape and without ever raising; the asking is `inspecting`'s, what a fact
means the doctor's. A fact that Meta leaves out is None or empty.

Sources as `inspecting` has them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daemon.core.meta.reading import (
    read_code,
    read_epoch,
    read_identifier,
    read_object,
    read_phone,
    read_text,
    read_word,
)

SENDING_SCOPE = "whatsapp_business_messaging"
MANAGING_SCOPE = "whatsapp_business_management"
WHATSAPP_OBJECT = "whatsapp_business_account"
"""What a webhook for WhatsApp is subscribed to, among other products of Meta's."""

_WHATSAPP_SCOPES = frozenset({MANAGING_SCOPE, SENDING_SCOPE})


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
    `webhook_url` is where messages to this number go. `is_in_app`: its owner can also write in the
    WhatsApp Business app (coexistence).
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
    is_in_app: bool | None = None


@dataclass(frozen=True, slots=True)
class WebhookFacts:
    """What an app's webhook for WhatsApp is subscribed to; None where Meta does not say."""

    is_active: bool | None
    fields: frozenset[str] | None


def read_token(data: Mapping[str, Any]) -> TokenFacts:
    """Read what `debug_token` tells of a token."""
    scopes = data.get("scopes")
    granted = {
        account: None
        for grant in _objects(data.get("granular_scopes"))
        if read_word(grant.get("scope")) in _WHATSAPP_SCOPES
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


def read_number(answer: Mapping[str, Any]) -> NumberFacts:
    """Read the fields of a number, whichever of them are there."""
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
        is_in_app=_read_bool(answer.get("is_on_biz_app")),
    )


def read_app_ids(data: object) -> frozenset[str]:
    """Read the ids of the apps that are subscribed to an account."""
    ids = (
        read_identifier(read_object(app.get("whatsapp_business_api_data")).get("id"))
        for app in _objects(data)
    )
    return frozenset(found for found in ids if found)


def read_webhook(data: object) -> WebhookFacts | None:
    """Read the subscriptions of an app, those to other products among them; None: none to ours."""
    ours = (one for one in _objects(data) if one.get("object") == WHATSAPP_OBJECT)
    found = next(ours, None)
    if found is None:
        return None
    return WebhookFacts(_read_bool(found.get("active")), _read_fields(found.get("fields")))


def _read_fields(value: object) -> frozenset[str] | None:
    """Read field names; Meta's reference has them as strings, its example as objects.

    A list in which no name can be read tells nothing, and an empty one that there is no field.
    """
    if not isinstance(value, list):
        return None
    names = (read_word(item.get("name") if isinstance(item, dict) else item) for item in value)
    fields = frozenset(name for name in names if name)
    return fields if fields or not value else None


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


def _read_bool(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _objects(value: object) -> list[Mapping[str, Any]]:
    found = value if isinstance(value, list) else []
    return [item for item in found if isinstance(item, dict)]


def _identifiers(value: object) -> list[str]:
    found = value if isinstance(value, list) else []
    read = (read_identifier(item) for item in found)
    return [item for item in read if item]
