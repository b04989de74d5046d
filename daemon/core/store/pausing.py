"""Conversations that are set aside, and what is not sent any more because of it.

Owns these changes to the rows of conversations and outbox, and the events that tell of them.
Whether one is due is `core.handovers`'s and `core.turns`'s to say.
"""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from daemon.core.store.conversations import HOUSE, Conversation, PausedBy
from daemon.core.store.outbox import OPEN
from daemon.core.store.schema import conversations, happenings, inbox, outbox, turns

PAUSED, RESUMED = "conversation.paused", "conversation.resumed"


def pause(
    conn: sa.Connection, known: Conversation, *, by: PausedBy, until: float, now: float
) -> bool:
    """Set a conversation aside; say whether it was not so already, which is an event."""
    _set(conn, known, paused_until=until, paused_by=by)
    is_new = known.pause_at(now) != by
    if is_new:
        _note(conn, known, PAUSED, by, now=now)
    return is_new


def resume(conn: sa.Connection, known: Conversation, *, by: PausedBy | None, now: float) -> None:
    """End what sets a conversation aside; `by` is "stopped" where its customer does, else None."""
    _set(conn, known, paused_until=now, paused_by=by)
    _note(conn, known, RESUMED, known.pause_at(now), now=now)


def lift_loops(conn: sa.Connection, conversation_ids: Collection[int], *, now: float) -> None:
    """Answer again where two bots seemed to talk; a person, and a customer's wish, stay."""
    conn.execute(
        sa.update(conversations)
        .where(
            conversations.c.id.in_(conversation_ids),
            conversations.c.paused_by == "loop",
            conversations.c.paused_until > now,
        )
        .values(paused_until=now)
    )


def wrest(conn: sa.Connection, known: Conversation) -> None:
    """Take a conversation out of the hand of a turn, which then writes nothing any more.

    Not while a message of it is under way: whoever sends it is to write down how that ends.
    """
    is_sending = sa.select(outbox.c.seq).where(*_open_of(known), outbox.c.state == "sending")
    conn.execute(
        sa.update(conversations)
        .where(*_this(known.client_id, known.id), ~is_sending.exists())
        .values(lease_until=None, fence=conversations.c.fence + 1)
    )


def withdraw(conn: sa.Connection, known: Conversation, *, by: PausedBy) -> None:
    """Send nothing of what waits to be sent, but the HOUSE's words; what it answers is let go.

    A message under way goes. One in doubt is not sent again; a status may still prove it sent.
    """
    is_ours = outbox.c.turn_id.in_(
        sa.select(turns.c.id).where(turns.c.conversation_id == known.id, turns.c.engine == HOUSE)
    )
    changed = (
        sa.update(outbox)
        .where(*_open_of(known), outbox.c.state != "sending", ~is_ours)
        .values(state="parked", error=by)
        .returning(outbox.c.turn_id)
    )
    turn_ids = set(conn.execute(changed).scalars())
    if turn_ids:
        conn.execute(
            sa.update(inbox)
            .where(
                inbox.c.turn_id.in_(turn_ids),
                inbox.c.client_id == known.client_id,
                inbox.c.state == "answered",
            )
            .values(state="ignored", error=by)
        )


def _this(client_id: int, conversation_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return conversations.c.client_id == client_id, conversations.c.id == conversation_id


def _open_of(known: Conversation) -> tuple[Any, ...]:
    return (
        OPEN,
        outbox.c.client_id == known.client_id,
        outbox.c.conversation_id == known.id,
    )


def _set(conn: sa.Connection, known: Conversation, **values: object) -> None:
    this = _this(known.client_id, known.id)
    conn.execute(sa.update(conversations).where(*this).values(values))


def _note(
    conn: sa.Connection, known: Conversation, kind: str, cause: str | None, *, now: float
) -> None:
    facts = {"at": now, "kind": kind, "client_id": known.client_id, "row_id": known.id}
    conn.execute(sa.insert(happenings), facts | {"error": cause})
