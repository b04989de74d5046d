"""Decides what a turn does with what a customer wrote. Pure: rows and a clock in, a plan out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from daemon.core.store.inbox import Message

SERVICE_WINDOW_S = 24 * 3600
"""How long after the customer last wrote anything but a template may be sent.

Source: Cloud API, error 131047 (Meta's error codes page, read 2026-11).
"""

CRASH_LIMIT = 3
"""Turns that may die over a message before it is taken for the cause and parked."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`ask` the engine about `text`, send the `fallback`, or `park`; `cause` says why not `ask`."""

    action: Literal["ask", "fallback", "park"]
    text: str = ""
    cause: str | None = None


def plan_turn(
    messages: Sequence[Message], *, active: bool, looping: bool = False, now: float
) -> Plan:
    """Choose what becomes of the messages of one turn, oldest first and at least one."""
    if not active:
        return Plan("park", cause="client_inactive")
    if looping:
        return Plan("park", cause="loop")
    # Not the last one's time: Meta delivers late what it could not deliver at once.
    if is_window_closed(max(message.sent_at for message in messages), now=now):
        return Plan("park", cause="expired")
    # In the order of writing: what Meta delivers has no order of its own.
    written = sorted(messages, key=lambda message: (message.sent_at, message.id))
    text = "\n".join(message.text.strip() for message in written if message.text).strip()
    if not text:
        return Plan("fallback", cause="no_text")
    return Plan("ask", text=text)


def is_window_closed(last_wrote_at: float, *, now: float) -> bool:
    """Tell whether it is too late for a free-form answer."""
    return now - last_wrote_at > SERVICE_WINDOW_S


SUSPECT_ATTEMPTS = CRASH_LIMIT - 1
"""Turns that died over a message before it is only taken while no other such message is in work.

When a message kills the process, all that are in work die with it; the last try, which decides,
is each one's own.
"""


def is_suspect(messages: Sequence[Message]) -> bool:
    """Tell whether one more death would park any of these messages."""
    return any(message.attempts >= SUSPECT_ATTEMPTS for message in messages)


def split_crashed(
    messages: Sequence[Message],
) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """Tell the messages to answer from those over which too many turns have died."""
    crashed = tuple(message for message in messages if message.attempts >= CRASH_LIMIT)
    return tuple(message for message in messages if message not in crashed), crashed
