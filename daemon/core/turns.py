"""The transactions of a turn: claim what a customer wrote, settle it with one answer.

Each is a plain function over an open transaction. What happens between them (the engine, Meta) is
`daemon.work`'s; what is sent afterwards is `daemon.core.sending`'s.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from daemon.core.answering import Plan, is_suspect, is_window_closed, split_crashed
from daemon.core.assistants.engine import Exchange
from daemon.core.looping import (
    LOOP_PAUSE_S,
    LOOP_TURNS,
    SLOW_LOOP_TURNS,
    SLOW_LOOP_WINDOW_S,
    is_loop,
)
from daemon.core.stopping import last_wish
from daemon.core.store import conversations, inbox, outbox, pausing, turns
from daemon.core.store.conversations import NO_END, Conversation, LeaseLost, PausedBy
from daemon.core.store.engine import Connection
from daemon.core.store.inbox import Message
from daemon.core.store.outbox import Outgoing
from daemon.core.store.turns import TurnRecord


@dataclass(frozen=True, slots=True)
class Hand:
    """A leased conversation and what is to be done: send what is `unsent`, else answer `messages`.

    `last_wrote_at` is when the customer last wrote, by Meta's clock; within the service window it
    may be an earlier message's time. `looping`: the customer seems
    to be a bot, and is to be left alone. `paused_by`: what sets the conversation aside.
    """

    conversation: Conversation
    unsent: tuple[Outgoing, ...]
    messages: tuple[Message, ...]
    history: tuple[Exchange, ...]
    last_wrote_at: float
    looping: bool
    paused_by: PausedBy | None


class HandedOver(LeaseLost):
    """A person took the conversation over while it was in hand; nothing of this turn was kept."""


def claim(
    conn: Connection,
    *,
    client_id: int,
    conversation_id: int,
    now: float,
    until: float,
    leave_suspects: bool = False,
    crashed: set[int] | None = None,
) -> Hand | None:
    """Lease a conversation and read what it needs; None when it needs nothing or is held.

    With `leave_suspects` it also is None when one more death would park what waits there. The ids
    of messages that are parked because turns died over them are put into `crashed`.
    """
    held = conversations.lease(
        conn, client_id=client_id, conversation_id=conversation_id, now=now, until=until
    )
    if held is None:
        return None
    unsent = outbox.open_of(conn, held)
    if unsent:
        unsent = _keep_wanted(conn, held, unsent, now=now)
    messages = () if unsent else _read_messages(conn, held, crashed)
    is_left = leave_suspects and is_suspect(messages)
    if is_left or not (unsent or messages):
        conversations.hold(conn, held, until=None)
        return None
    if messages:
        inbox.count_attempt(conn, messages)
    return Hand(
        conversation=held,
        unsent=unsent,
        messages=messages,
        history=turns.read_history(conn, held, now=now) if messages else (),
        last_wrote_at=_find_last_wrote_at(conn, held, messages, now=now),
        looping=bool(messages) and _is_looping(conn, held, now=now),
        paused_by=held.pause_at(now),
    )


def settle(
    conn: Connection,
    hand: Hand,
    record: TurnRecord,
    parts: Sequence[str],
    *,
    now: float,
    until: float,
) -> tuple[Outgoing, ...]:
    """Write the one answer to all messages of the hand: inbox, outbox and usage together.

    Raises:
        LeaseLost: when somebody else took the conversation over, be it a person, or its lease ran
            out and an operator dropped a message; then nothing is written.

    """
    held = hand.conversation
    try:
        conversations.hold(conn, held, until=until)
    except LeaseLost:
        known = conversations.find(conn, client_id=held.client_id, conversation_id=held.id)
        if known is not None and known.pause_at(now) == "person":
            raise HandedOver from None
        raise
    turn_id = turns.insert_turn(conn, held, record, now=now)
    inbox.mark_answered(conn, hand.messages, turn_id)
    return outbox.insert_parts(conn, held, turn_id=turn_id, parts=parts, now=now)


def settle_wish(
    conn: Connection,
    hand: Hand,
    plan: Plan,
    record: TurnRecord,
    text: str,
    *,
    now: float,
    until: float,
) -> tuple[Outgoing, ...]:
    """Do what the customer wishes, and queue the text that confirms it.

    Raises:
        LeaseLost: as `settle`.

    """
    taken = hand.messages if plan.taken is None else plan.taken
    rows = settle(conn, replace(hand, messages=taken), record, (text,), now=now, until=until)
    inbox.count_attempt(conn, [one for one in hand.messages if one not in taken], by=-1)
    if plan.action == "stop":
        pausing.pause(conn, hand.conversation, by="stopped", until=NO_END, now=now)
    else:
        pausing.resume(conn, hand.conversation, by="stopped", now=now)
    return rows


def ignore(conn: Connection, hand: Hand, plan: Plan, *, now: float) -> None:
    """Let the messages of the hand go unanswered, and with `stops` all that follow.

    Raises:
        LeaseLost: as `settle`.

    """
    conversations.hold(conn, hand.conversation, until=None)
    inbox.ignore(conn, hand.messages, plan.cause or "unknown")
    if plan.stops:
        pausing.pause(conn, hand.conversation, by="stopped", until=NO_END, now=now)


def release(conn: Connection, hand: Hand) -> bool:
    """Give the conversation back after its work is done; say whether messages wait in it."""
    with suppress(LeaseLost):
        conversations.hold(conn, hand.conversation, until=None)
    return inbox.has_pending(conn, hand.conversation)


def park(conn: Connection, hand: Hand, error: str, *, now: float) -> None:
    """Put the messages of the hand aside, and in a loop all that follows for a while.

    Raises:
        LeaseLost: as `settle`.

    """
    conversations.hold(conn, hand.conversation, until=None)
    inbox.park(conn, hand.messages, error)
    if hand.looping and hand.paused_by is None:
        pausing.pause(conn, hand.conversation, by="loop", until=now + LOOP_PAUSE_S, now=now)


def yield_to_stop(conn: Connection, hand: Hand) -> bool:
    """Give the hand back if its customer has asked the bot to stop since; say whether they have.

    Raises:
        LeaseLost: as `settle`.

    """
    if not _asks_to_stop(conn, hand.conversation):
        return False
    give_back(conn, hand)
    return True


def give_back(conn: Connection, hand: Hand) -> None:
    """Undo a claim that came to nothing through no fault of the messages: it never happened."""
    conversations.hold(conn, hand.conversation, until=None)
    inbox.count_attempt(conn, hand.messages, by=-1)


def _keep_wanted(
    conn: Connection, held: Conversation, unsent: tuple[Outgoing, ...], *, now: float
) -> tuple[Outgoing, ...]:
    """Withdraw what must not be sent any more: a person is in charge, or the customer said stop.

    Give what is left. It costs the usual turn nothing: that has nothing unsent when it begins.
    """
    by = held.pause_at(now)
    if by in (None, "loop") and _asks_to_stop(conn, held):
        by = "stopped"
    if by not in ("person", "stopped"):
        return unsent
    pausing.withdraw(conn, held, by=by)
    return outbox.open_of(conn, held)


def _asks_to_stop(conn: Connection, held: Conversation) -> bool:
    waiting = sorted(inbox.pending_of(conn, held), key=lambda one: (one.sent_at, one.id))
    return last_wish(waiting) == "stop"


def _read_messages(
    conn: Connection, held: Conversation, crashed: set[int] | None
) -> tuple[Message, ...]:
    messages, deadly = split_crashed(inbox.pending_of(conn, held))
    if deadly:
        inbox.park(conn, deadly, "crashed")
        # A set: the job may be run a second time, and whoever counts must not count it twice.
        if crashed is not None:
            crashed.update(message.id for message in deadly)
    return messages


def _find_last_wrote_at(
    conn: Connection, held: Conversation, messages: Sequence[Message], *, now: float
) -> float:
    """Tell when the customer last wrote; the whole conversation is asked only when it matters."""
    latest = max((message.sent_at for message in messages), default=0.0)
    if not is_window_closed(latest, now=now):
        return latest
    return inbox.newest_sent_at(conn, held.client_id, held.id)


def _is_looping(conn: Connection, held: Conversation, *, now: float) -> bool:
    if held.pause_at(now) == "loop":
        return True
    # What a person or the customer's own wish interrupts is forgiven by nobody.
    is_forgiven = held.paused_by in (None, "loop")
    since = (held.paused_until or 0.0) if is_forgiven else 0.0
    counted_from = now - SLOW_LOOP_WINDOW_S
    nth_latest_at = turns.nth_latest_at(conn, held, nth=LOOP_TURNS, since=counted_from)
    if is_loop(nth_latest_at, since=since, now=now):
        return True
    if not is_loop(nth_latest_at, since=since, now=now, within_s=SLOW_LOOP_WINDOW_S):
        # So it is with most: they need not be counted further.
        return False
    nth_latest_at = turns.nth_latest_at(conn, held, nth=SLOW_LOOP_TURNS, since=counted_from)
    return is_loop(nth_latest_at, since=since, now=now, within_s=SLOW_LOOP_WINDOW_S)
