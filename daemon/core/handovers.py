"""A conversation in a person's hands: the owner writes in the app, or an operator takes it over.

Owns when that is so, and what becomes of what waits by then: what is not answered yet is left to
the person, for good; what is not sent yet is not sent. How rows change is `store.pausing`'s.
"""

import logging
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from daemon.core.contacts import find_customer
from daemon.core.documents import timestamp
from daemon.core.errors import Conflict, FieldProblem, Invalid
from daemon.core.meta.wire import Echo
from daemon.core.stopping import wish_of
from daemon.core.store import audit, conversations, inbox, outbox, pausing
from daemon.core.store.audit import Actor
from daemon.core.store.conversations import NO_END, Conversation
from daemon.core.store.engine import Connection
from daemon.core.store.inbox import ConversationGone

log = logging.getLogger(__name__)

PAUSE_HOURS = 24.0
"""For how long an operator takes a conversation over who does not say: for as long as Meta lets
anybody answer what a customer wrote (whatsapp.md, Outbound)."""

LONGEST_HOURS = 87_600.0
"""Ten years: longer is a slip."""

HOUR_S = 3600.0


class _Whose(NamedTuple):
    """A client, and its customer as an operator names them."""

    client_id: int
    customer: str


def heed_echo(
    conn: Connection,
    echo: Echo,
    *,
    client_id: int,
    conversation_id: int,
    person_s: float,
    now: float,
) -> None:
    """Hand a conversation to its owner, who has written in the app, for `person_s` from then on.

    An old echo, or one that comes again, changes nothing.

    Raises:
        ConversationGone: when it was erased since it was looked up.

    """
    known = conversations.find(conn, client_id=client_id, conversation_id=conversation_id)
    if known is None:
        raise ConversationGone
    until = decide_end(known, wrote_at=echo.sent_at, person_s=person_s, now=now)
    if until is None or _is_ours(conn, echo, client_id):
        return
    if _hand_over(conn, known, until=until, now=now):
        log.info("handed over", extra={"client": client_id, "conversation": conversation_id})


def decide_end(
    known: Conversation, *, wrote_at: float, person_s: float, now: float
) -> float | None:
    """Decide until when a conversation is its owner's, who wrote at that time; None: it is not.

    Meta delivers late, and again: what counts is when the owner wrote, unless that is unusable.
    What an operator or the customer has ended since is over; a customer's stop goes on.
    """
    wrote_at = min(wrote_at or now, now)
    until = wrote_at + person_s
    paused_by = known.pause_at(now)
    if until <= now or paused_by == "stopped":
        return None
    if paused_by == "person":
        return max(until, known.paused_until or 0.0)
    was_given_back = known.paused_until is not None and known.paused_by in (None, "stopped")
    if was_given_back and wrote_at <= (known.paused_until or 0.0):
        return None
    return until


def pause_contact(
    conn: Connection,
    *,
    client_id: int,
    customer: str,
    hours: float = PAUSE_HOURS,
    now: float,
    actor: Actor,
) -> dict[str, Any]:
    """Take a customer's conversation over, for so many hours from now; say how it stands.

    One that its customer has stopped stays so.

    Raises:
        NotFound: when there is no such client, or it holds nothing about the customer.
        Invalid: when nobody can mean so many hours.

    """
    if not 0 < hours <= LONGEST_HOURS:
        reason = f"must be {LONGEST_HOURS:.0f} or less" if hours > 0 else "must be more than 0"
        raise Invalid(f"hours: {reason}", problems=(FieldProblem("hours", reason),))

    def take_over(known: Conversation) -> bool:
        is_open = known.pause_at(now) != "stopped"
        if is_open:
            _hand_over(conn, known, until=now + hours * HOUR_S, now=now)
        return is_open

    whose = _Whose(client_id, customer)
    return _change(conn, "contact.pause", take_over, whose, now=now, actor=actor)


def resume_contact(
    conn: Connection, *, client_id: int, customer: str, now: float, actor: Actor
) -> dict[str, Any]:
    """Give a customer's conversation back to the bot, whoever has it; say how it stands.

    What was written meanwhile stays unanswered.

    Raises:
        NotFound: as `pause_contact`.
        Conflict: when the customer has asked the bot to stop.

    """

    def give_back(known: Conversation) -> bool:
        paused_by = known.pause_at(now)
        if paused_by == "stopped":
            raise Conflict(
                "This customer has asked the bot to stop. Only they can let it answer again, with"
                " the word that it told them."
            )
        if paused_by is not None:
            pausing.resume(conn, known, by=None, now=now)
        return paused_by is not None

    whose = _Whose(client_id, customer)
    return _change(conn, "contact.resume", give_back, whose, now=now, actor=actor)


def _change(
    conn: Connection,
    action: str,
    work: Callable[[Conversation], bool],
    whose: _Whose,
    *,
    now: float,
    actor: Actor,
) -> dict[str, Any]:
    """Do work on a customer's conversations that says of each whether there was any to do."""
    client_id = whose.client_id
    ids = find_customer(conn, client_id, whose.customer)
    before = _read(conn, client_id, ids)
    done = [work(known) for known in before]
    has_changed = any(done)
    after = _read(conn, client_id, ids)
    if has_changed:
        audit.append(
            conn,
            actor=actor,
            action=action,
            client_id=client_id,
            now=now,
            before=_describe(before, now=now),
            after=_describe(after, now=now),
        )
    return {"client_id": client_id, **_describe(after, now=now), "changed": has_changed}


def _hand_over(conn: Connection, known: Conversation, *, until: float, now: float) -> bool:
    """Set it aside for a person; say whether it was not so before."""
    is_new = pausing.pause(conn, known, by="person", until=until, now=now)
    pausing.withdraw(conn, known, by="person")
    pausing.wrest(conn, known)
    # What the customer wishes of the bot itself is no question to the person.
    while left := [one for one in inbox.pending_of(conn, known) if wish_of(one) is None]:
        inbox.ignore(conn, left, "person")
    return is_new


def _is_ours(conn: Connection, echo: Echo, client_id: int) -> bool:
    """Tell whether the bot itself has sent it: Meta says that such do not come, and it must not."""
    known = outbox.find_known(conn, client_id=client_id, outbox_id=None, wamid=echo.wamid)
    return known is not None


def _read(conn: Connection, client_id: int, ids: Collection[int]) -> list[Conversation]:
    found = (conversations.find(conn, client_id=client_id, conversation_id=one) for one in ids)
    return [one for one in found if one is not None]


def _describe(known: list[Conversation], *, now: float) -> dict[str, Any]:
    """Describe what sets a customer's conversation aside; of two rows of one person the longer."""
    longest = max(known, key=lambda one: one.paused_until or 0.0)
    paused_by = longest.pause_at(now)
    has_end = paused_by is not None and longest.paused_until != NO_END
    until = timestamp(longest.paused_until or 0.0) if has_end else None
    return {"paused_by": paused_by, "paused_until": until}
