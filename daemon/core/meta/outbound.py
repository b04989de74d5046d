"""What we send to Meta: builds the bodies of the messages call, and cuts long text.

Pure: it decides shapes and cuts, not what is said or when; `client` carries the result.

Source: Meta's "Messages API reference" and "Typing indicators", read 2026-11.
"""

import re
from typing import Any

from daemon.core.meta.inbound import Customer
from daemon.core.meta.reading import replace_unstorable

TEXT_LIMIT = 4096
"""Characters of one text message."""

AFTER_WELCOME = "\n\n"
"""What stands between the welcome and the answer in one message."""

_BOUNDARIES = (
    (re.compile(r"\n[^\S\n]*\n"), 0.5),
    (re.compile(r"(?<=[.!?…。\uff01\uff1f])[\"'”\u2019»)\]]*\s|\n"), 0.5),
    (re.compile(r"\s"), 0.0),
)
"""Where to cut, best first: before the white space after a paragraph, a sentence or line, a word;
and the share of the room that a part must fill for that boundary to be taken."""


def build_text(*, to: Customer, text: str, callback_id: str) -> dict[str, Any]:
    """Build a text message; `callback_id` comes back in every status of it.

    A customer with a phone is named by `to`, which wins at Meta where both are given; one known by
    user id alone is named by `recipient`.
    """
    named = {"to": f"+{to.wa_id}"} if to.wa_id else {"recipient": to.key}
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **named,
        "type": "text",
        "text": {"preview_url": False, "body": replace_unstorable(text)},
        "biz_opaque_callback_data": callback_id,
    }


def build_read_and_typing(wamid: str) -> dict[str, Any]:
    """Build the call that marks a message read and shows typing for up to 25 seconds."""
    return {
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": wamid,
        "typing_indicator": {"type": "text"},
    }


def split_text(text: str, limit: int = TEXT_LIMIT) -> tuple[str, ...]:
    """Cut text into parts of at most `limit` characters, in order and none of them empty.

    Only white space at a cut is lost. A boundary in the first half of the room is passed over
    for a lesser one further on: every message costs money, so parts are kept few.
    """
    parts = []
    rest = text
    while len(rest) > limit:
        cut = _find_cut(rest, limit)
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    parts.append(rest)
    return tuple(part for part in parts if part.strip())


def compose_parts(welcome: str | None, answer: str) -> tuple[str, ...]:
    """Put the welcome before the answer: in one message where both fit, else in several."""
    if welcome is None or not welcome.strip():
        return split_text(answer)
    if not answer.strip():
        return split_text(welcome)
    together = f"{welcome}{AFTER_WELCOME}{answer}"
    if len(together) <= TEXT_LIMIT:
        return (together,)
    return split_text(welcome) + split_text(answer)


def _find_cut(text: str, limit: int) -> int:
    # One character more than fits is looked at: white space there is lost at the cut anyway.
    room = text[: limit + 1]
    for boundary, least in _BOUNDARIES:
        cut = max((match.end() - 1 for match in boundary.finditer(room)), default=0)
        if cut > least * limit:
            return cut
    return limit
