"""The bodies of Meta's webhooks, as they look in 2026.

Pure: values in, the exact bytes that are signed and posted out. Posting is `posting.py`'s.
Source: Meta's published webhook examples with business-scoped user ids (whatsapp.md's samples,
read 2026-11).
"""

import json
from typing import Any

from daemon.sandbox.people import Customer

WABA_ID = "100200300400500"
"""One WhatsApp Business Account holds all the numbers of the sandbox."""

_MEDIA: dict[str, str] = {
    "image": "image/jpeg",
    "video": "video/mp4",
    "document": "application/pdf",
    "sticker": "image/webp",
    "audio": "audio/ogg; codecs=opus",
}

PRICING = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "service"}


def encode_body(document: dict[str, Any]) -> bytes:
    """Write JSON as Meta does: non-ASCII and slashes escaped, so the signature is over that."""
    return json.dumps(document, separators=(",", ":")).replace("/", "\\/").encode()


def find_field(document: dict[str, Any]) -> str:
    """Give the field that a webhook is about; each of ours is about one."""
    field: str = document["entry"][0]["changes"][0]["field"]
    return field


def display_number(phone_number_id: str) -> str:
    """Make up a display number for a business, the same one every time."""
    return "1555" + phone_number_id[-7:].zfill(7)


def build_message_webhook(
    phone_number_id: str, customer: Customer, *, wamid: str, at: float, kind: str, text: str
) -> dict[str, Any]:
    """Build the webhook of one message from a customer."""
    sender = {"from": customer.wa_id} if customer.wa_id else {}
    message = {
        **sender,
        "from_user_id": customer.user_id,
        "id": wamid,
        "timestamp": str(int(at)),
        "type": kind,
        kind: _build_content(kind, text),
    }
    if kind == "unsupported":
        message["errors"] = [_build_error(131051, "Message type is currently not supported.")]
    return _wrap(phone_number_id, customer, "messages", message)


def build_echo_webhook(
    phone_number_id: str, customer: Customer, *, wamid: str, at: float, kind: str, text: str
) -> dict[str, Any]:
    """Build the webhook of what the owner wrote to a customer in the WhatsApp Business app."""
    echo = {
        "from": display_number(phone_number_id),
        **({"to": customer.wa_id} if customer.wa_id else {}),
        "to_user_id": customer.user_id,
        "id": wamid,
        "timestamp": str(int(at)),
        "type": kind,
        kind: _build_content(kind, text),
    }
    return _wrap(phone_number_id, customer, "message_echoes", echo, field="smb_message_echoes")


def build_status_webhook(
    phone_number_id: str,
    customer: Customer,
    *,
    wamid: str,
    at: float,
    status: str,
    callback_data: str | None,
) -> dict[str, Any]:
    """Build the webhook of one status; `failed` carries the error of the closed 24-hour window."""
    entry: dict[str, Any] = {
        "id": wamid,
        "status": status,
        "timestamp": str(int(at)),
        "recipient_user_id": customer.user_id,
    }
    if customer.wa_id:
        entry["recipient_id"] = customer.wa_id
    if callback_data is not None:
        entry["biz_opaque_callback_data"] = callback_data
    if status in {"sent", "delivered"}:
        entry["pricing"] = PRICING
    if status == "failed":
        details = "More than 24 hours have passed since the customer last replied to this number."
        entry["errors"] = [_build_error(131047, "Re-engagement message", details)]
    return _wrap(phone_number_id, customer, "statuses", entry)


def _wrap(
    phone_number_id: str,
    customer: Customer,
    what: str,
    entry: dict[str, Any],
    *,
    field: str = "messages",
) -> dict[str, Any]:
    value = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": display_number(phone_number_id),
            "phone_number_id": phone_number_id,
        },
        "contacts": [_build_contact(customer)],
        what: [entry],
    }
    change = {"value": value, "field": field}
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": WABA_ID, "changes": [change]}],
    }


def _build_contact(customer: Customer) -> dict[str, Any]:
    profile = {"name": customer.name}
    if customer.wa_id is None:
        username = "@" + customer.user_id.rpartition(".")[2].lower()
        return {"profile": {**profile, "username": username}, "user_id": customer.user_id}
    return {"profile": profile, "wa_id": customer.wa_id, "user_id": customer.user_id}


def _build_content(kind: str, text: str) -> Any:
    if kind in _MEDIA:
        media = {"id": "900800700600500", "mime_type": _MEDIA[kind], "sha256": "c2FuZGJveA=="}
        return {**media, "caption": text} if text else media
    shapes: dict[str, Any] = {
        "text": {"body": text},
        "button": {"payload": text, "text": text},
        "reaction": {"message_id": "wamid.HBgLc2FuZGJveA==", "emoji": text},
        "location": {"latitude": 40.4155, "longitude": -3.7074, "name": text},
        "interactive": {"type": "button_reply", "button_reply": {"id": text, "title": text}},
        "contacts": [{"name": {"formatted_name": text}, "phones": []}],
    }
    return shapes.get(kind, {})


def _build_error(code: int, title: str, details: str | None = None) -> dict[str, Any]:
    return {
        "code": code,
        "title": title,
        "message": title,
        "error_data": {"details": details or title},
        "href": "/documentation/business-messaging/whatsapp/support/error-codes",
    }
