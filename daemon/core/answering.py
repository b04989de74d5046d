"""Decides what a turn does with what a customer wrote. Pure: rows and a clock in, a plan out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from daemon.core.stopping import wish_of
from daemon.core.store.conversations import PausedBy
from daemon.core.store.inbox import Message

SERVICE_WINDOW_S = 24 * 3600
"""How long after the customer last wrote anything but a template may be sent.

Source: Cloud API, error 131047 (Meta's error codes page, read 2026-11).
"""

CRASH_LIMIT = 3
"""Turns that may die over a message before it is taken for the cause and parked."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`ask` the engine about `text`, send the `fallback`, `park`, or `ignore`; with why not `ask`.

    `stop` and `start` confirm the customer's own wish. `taken` are the messages that this concerns,
    None for all; `stops`: the conversation is set aside without a word, because it is too late.
    """

    action: Literal["ask", "fallback", "park", "ignore", "stop", "start"]
    text: str = ""
    cause: str | None = None
    taken: tuple[Message, ...] | None = None
    stops: bool = False


def plan_turn(
    messages: Sequence[Message],
    *,
    active: bool,
    looping: bool = False,
    paused_by: PausedBy | None = None,
    now: float,
) -> Plan:
    """Choose what becomes of the messages of one turn, oldest first and at least one.

    `looping` and `paused_by` say how the conversation stands; the customer's own wish counts more.
    """
    if not active:
        return Plan("park", cause="client_inactive")
    # In the order of writing: what Meta delivers has no order of its own.
    written = sorted(messages, key=lambda message: (message.sent_at, message.id))
    # Not the last one's time: Meta delivers late what it could not deliver at once.
    is_late = is_window_closed(max(message.sent_at for message in messages), now=now)
    wished = _heed_wishes(written, paused_by=paused_by, can_answer=not (is_late or looping))
    if wished is not None:
        is_mute = is_late and wished.action == "stop"
        return Plan("ignore", cause="stopped", stops=True) if is_mute else wished
    if looping or is_late:
        return Plan("park", cause="loop" if looping else "expired")
    text = "\n".join(message.text.strip() for message in written if message.text).strip()
    if not text:
        return Plan("fallback", cause="no_text")
    return Plan("ask", text=text)


def _heed_wishes(
    written: Sequence[Message], *, paused_by: PausedBy | None, can_answer: bool
) -> Plan | None:
    """Do what the customer last asked of the bot; None where the turn is one like any other."""
    wishes = [wish for wish in map(wish_of, written) if wish is not None]
    last = wishes[-1] if wishes else None
    if last == "stop" and paused_by != "stopped":
        return Plan("stop")
    if paused_by == "person":
        return Plan("ignore", cause="person")
    # Also where they changed their mind before anybody had heard of it.
    is_back = last == "start" and (paused_by == "stopped" or "stop" in wishes)
    if is_back and can_answer:
        return _plan_start(written)
    return Plan("ignore", cause="stopped") if paused_by == "stopped" else None


def _plan_start(written: Sequence[Message]) -> Plan:
    """Confirm it to what was written up to the word; what follows is answered in the next turn."""
    end = max(place for place, one in enumerate(written, start=1) if wish_of(one) == "start")
    return Plan("start", taken=tuple(written[:end]))


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
