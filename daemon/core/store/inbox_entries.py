"""The inbox as an operator sees it: what each message is, and how far it has come.

Reads only; `inbox` writes.
"""

from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from daemon.core.store.schema import OF_ANY_CLIENT, clients, conversations, inbox, outbox

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
    conn: sa.Connection,
    *,
    now: float,
    state: InboxState | None = None,
    client_id: int | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> tuple[InboxEntry, ...]:
    """List messages oldest first, of one client or all, those below the id `before`.

    With `limit` only the newest so many of them.
    """
    narrow: list[Any] = []
    if client_id is not None:
        narrow = [inbox.c.client_id == client_id]
        if state is None:
            # Without it the planner walks the whole table for a client that has few messages.
            narrow.append(sa.text(f"inbox.{OF_ANY_CLIENT}"))
    narrow += [] if before is None else [inbox.c.id < before]
    chosen = _newest_ids([part.where(*narrow) for part in _searches(now, state)], limit)
    query = _entries(now).where(inbox.c.id.in_(chosen)).order_by(inbox.c.id)
    return tuple(InboxEntry(**row) for row in conn.execute(query).mappings())


def find_owner(conn: sa.Connection, inbox_id: int) -> int | None:
    """Find whose message it is."""
    query = sa.select(inbox.c.client_id).where(inbox.c.id == inbox_id)
    return conn.execute(query).scalar_one_or_none()


def find_detail(conn: sa.Connection, inbox_id: int, *, now: float) -> InboxDetail | None:
    """Find one message with its text."""
    query = _entries(now).add_columns(inbox.c.text, inbox.c.conversation_id, inbox.c.turn_id)
    row = conn.execute(query.where(inbox.c.id == inbox_id)).mappings().one_or_none()
    if row is None:
        return None
    values = dict(row)
    beyond = {name: values.pop(name) for name in ("text", "conversation_id", "turn_id")}
    return InboxDetail(entry=InboxEntry(**values), **beyond)


def _newest_ids(parts: list[sa.Select[Any]], limit: int | None) -> sa.Select[Any]:
    """Choose messages before anything is joined to them, so that a limit ends the search."""
    if len(parts) == 1:
        return parts[0].order_by(inbox.c.id.desc()).limit(limit)
    # Each part by an index of its own, and no more of it than can be shown.
    limited = [
        sa.select(part.order_by(inbox.c.id.desc()).limit(limit).subquery().c.id) for part in parts
    ]
    both = sa.union_all(*limited).subquery()
    return sa.select(both.c.id).order_by(both.c.id.desc()).limit(limit)


def _searches(now: float, state: InboxState | None) -> list[sa.Select[Any]]:
    """Find the messages of one shown state: a search for each stored state that can look so."""
    every = sa.select(inbox.c.id)
    if state is None:
        return [every]
    if state not in {"pending", "working"}:
        return [every.where(_is_stored_as(state))]
    pending = every.join(conversations, conversations.c.id == inbox.c.conversation_id).where(
        _is_stored_as("pending")
    )
    answered = every.join(clients, clients.c.id == inbox.c.client_id).where(
        _is_stored_as("answered")
    )
    is_stopped = clients.c.stopped_code.is_not(None)
    if state == "working":
        return [pending.where(_is_in_hand(now)), answered.where(~is_stopped)]
    return [pending.where(sa.not_(_is_in_hand(now))), answered.where(is_stopped)]


def _is_stored_as(state: str) -> sa.ColumnElement[bool]:
    # A literal: the planner proves by text that a partial index fits.
    return inbox.c.state == sa.literal_column(f"'{state}'")


def _is_in_hand(now: float) -> sa.ColumnElement[bool]:
    leased = sa.func.coalesce(conversations.c.lease_until, 0.0) > now
    return sa.and_(leased, inbox.c.attempts > 0)


def _is_in_doubt() -> sa.ColumnElement[bool]:
    """Tell whether nobody knows if Meta took the answer, and a status of it is waited for."""
    return sa.exists().where(
        outbox.c.turn_id == inbox.c.turn_id,
        outbox.c.client_id == inbox.c.client_id,
        outbox.c.state == sa.literal_column("'in_doubt'"),
    )


def _entries(now: float) -> sa.Select[Any]:
    """Select what an operator is shown; a stopped client's answers wait like its messages."""
    in_hand = sa.and_(inbox.c.state == "pending", _is_in_hand(now))
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
            sa.case((sa.and_(on_its_way, _is_in_doubt()), "in_doubt"), else_=inbox.c.error).label(
                "error"
            ),
            inbox.c.received_at,
        )
        .join(conversations, conversations.c.id == inbox.c.conversation_id)
        .join(clients, clients.c.id == inbox.c.client_id)
    )
