"""The body of a Graph call to `/messages`, read and held against Meta's limits.

Pure: a decoded JSON object in, what is asked for out, or the refusal Meta would answer with.
Source: Meta's pages on text messages, read receipts and typing indicators (whatsapp.md, Outbound,
read 2026-11).
"""

from dataclasses import dataclass
from typing import Any

from daemon.sandbox.people import USER_ID, read_number
from daemon.sandbox.refusals import GraphRefusal, refuse_parameter

MAX_TEXT = 4096
"""Characters of a text message's body."""

MAX_CALLBACK_DATA = 512
"""Characters of `biz_opaque_callback_data`."""


@dataclass(frozen=True, slots=True)
class TextSend:
    """A text to one customer; exactly one of `wa_id` and `user_id` is set."""

    asked_for: str
    wa_id: str | None
    user_id: str | None
    text: str
    callback_data: str | None
    reply_to: str | None


@dataclass(frozen=True, slots=True)
class ReadCall:
    """A message to show as read, and whether typing shows too."""

    wamid: str
    typing: bool


def parse_call(body: object) -> TextSend | ReadCall:
    """Read the body of a call.

    Raises:
        GraphRefusal: with the code Meta answers.

    """
    if not isinstance(body, dict):
        raise refuse_parameter("The body must be a JSON object.")
    if body.get("messaging_product") != "whatsapp":
        raise refuse_parameter("The parameter messaging_product must be whatsapp.")
    return _parse_read(body) if "status" in body else _parse_text(body)


def _parse_read(body: dict[str, Any]) -> ReadCall:
    wamid = body.get("message_id")
    if body["status"] != "read" or not isinstance(wamid, str):
        raise refuse_parameter("A read call has status read and a message_id.")
    typing = body.get("typing_indicator")
    if typing is not None and typing != {"type": "text"}:
        raise refuse_parameter("typing_indicator must be an object with type text.")
    return ReadCall(wamid, typing=typing is not None)


def _parse_text(body: dict[str, Any]) -> TextSend:
    asked_for, wa_id, user_id = _parse_recipient(body)
    if body.get("type", "text") != "text":
        raise GraphRefusal(131051, details="The sandbox takes messages of type text only.")
    return TextSend(
        asked_for,
        wa_id,
        user_id,
        text=_parse_body(body.get("text")),
        callback_data=_parse_callback_data(body.get("biz_opaque_callback_data")),
        reply_to=_parse_context(body.get("context")),
    )


def _parse_recipient(body: dict[str, Any]) -> tuple[str, str | None, str | None]:
    # Where both are given, `to` wins.
    to, recipient = body.get("to"), body.get("recipient")
    if to is None and recipient is None:
        raise refuse_parameter("The parameter to or recipient is required.")
    if to is not None:
        wa_id = read_number(to) if isinstance(to, str) else None
        if wa_id is None:
            raise GraphRefusal(131009, details="to is not a phone number with its country code.")
        return to, wa_id, None
    if not isinstance(recipient, str) or not USER_ID.fullmatch(recipient):
        raise GraphRefusal(131009, details="recipient is not a business-scoped user id.")
    return recipient, None, recipient


def _parse_body(text: object) -> str:
    body = text.get("body") if isinstance(text, dict) else None
    if body is None:
        raise GraphRefusal(131008, details="The parameter text['body'] is required.")
    if not isinstance(body, str) or not body.strip():
        raise GraphRefusal(131009, details="text['body'] must be a text that is not empty.")
    if len(body) > MAX_TEXT:
        raise refuse_parameter(f"Param text['body'] must be at most {MAX_TEXT} characters long.")
    return body


def _parse_callback_data(data: object) -> str | None:
    if data is None:
        return None
    if not isinstance(data, str) or len(data) > MAX_CALLBACK_DATA:
        raise refuse_parameter(
            f"biz_opaque_callback_data must be a text of at most {MAX_CALLBACK_DATA} characters."
        )
    return data


def _parse_context(context: object) -> str | None:
    if context is None:
        return None
    wamid = context.get("message_id") if isinstance(context, dict) else None
    if not isinstance(wamid, str):
        raise refuse_parameter("context must be an object with a message_id.")
    return wamid
