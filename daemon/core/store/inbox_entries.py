"""The inbox as an operator sees it: what each message is, and how far it has come.

Reads only; `inbox` writes.
"""

from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from daemon.core.store.schema import clients, conversations, inbox

InboxState = Literal["pending", "working", "done", "parked", "ignored"]
"""What an operator is shown; `working` covers what is in hand and what is on its way out."""


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """A message as an operator sees it, without its text."""

    id: int
    wamid: str
    client_id: int
    customer: str
    type: str
    state: InboxState
    attempts: int
    error: str | None
    received_at: float


@dataclass(frozen=True, slots=True)
class InboxDetail:
    """A message with what an operator may ask beyond the list."""

    entry: InboxEntry
    text: str | None
    conversation_id: int
    turn_id: int | None


def list_entries(
    conn: sa.Connection, *, now: float, state: InboxState | None = None, limit: int | None = None
) -> tuple[InboxEntry, ...]:
    """List messages oldest first; with `limit` only the newest so many."""
    query = _entries(now)
    if state is not None:
        shown = query.subquery()
        query = sa.select(shown).where(shown.c.state == state)
    newest = query.order_by(query.selected_columns.id.desc()).limit(limit).subquery()
    rows = conn.execute(sa.select(newest).order_by(newest.c.id)).mappings()
    return tuple(InboxEntry(**row) for row in rows)


def find_detail(conn: sa.Connection, inbox_id: int, *, now: float) -> InboxDetail | None:
    """Find one message with its text."""
    query = _entries(now).add_columns(inbox.c.text, inbox.c.conversation_id, inbox.c.turn_id)
    row = conn.execute(query.where(inbox.c.id == inbox_id)).mappings().one_or_none()
    if row is None:
        return None
    values = dict(row)
    beyond = {name: values.pop(name) for name in ("text", "conversation_id", "turn_id")}
    return InboxDetail(entry=InboxEntry(**values), **beyond)


def _entries(now: float) -> sa.Select[Any]:
    """Select what an operator is shown; a stopped client's answers wait like its messages."""
    in_hand = sa.and_(
        inbox.c.state == "pending",
        conversations.c.lease_until > now,
        inbox.c.attempts > 0,
    )
    on_its_way = sa.and_(inbox.c.state == "answered", clients.c.stopped_code.is_(None))
    shown_state = sa.case(
        (sa.or_(in_hand, on_its_way), "working"),
        (inbox.c.state == "answered", "pending"),
        else_=inbox.c.state,
    )
    return (
        sa.select(
            inbox.c.id,
            inbox.c.wamid,
            inbox.c.client_id,
            sa.func.coalesce(conversations.c.wa_id, conversations.c.user_id).label("customer"),
            inbox.c.type,
            shown_state.label("state"),
            inbox.c.attempts,
            inbox.c.error,
            inbox.c.received_at,
        )
        .join(conversations, conversations.c.id == inbox.c.conversation_id)
        .join(clients, clients.c.id == inbox.c.client_id)
    )
