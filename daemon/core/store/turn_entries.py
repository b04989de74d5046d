"""Turns as an operator reads them: what was asked, what was answered, how far that has come.

Reads only; `turns` writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import sqlalchemy as sa

from daemon.core.store.outbox import LET_GO
from daemon.core.store.schema import OF_ANY_CLIENT, conversations, inbox, outbox, turns

Only = Literal["unanswered", "handoff"]
"""What of the turns: those whose customer got no answer, or asked for a person."""


@dataclass(frozen=True, slots=True)
class TurnEntry:
    """One turn, without what was said in it."""

    id: int
    at: float
    client_id: int
    customer: str
    outcome: str
    cause: str | None
    handoff: bool
    engine: str
    model: str | None
    assistant_version: int
    faq_ids: Sequence[str]
    latency_ms: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None


@dataclass(slots=True)
class Said:
    """What the customer and the bot wrote in one turn, in order, and (state, status) of each send.

    Texts that retention took are left out. What nobody wants sent any more, as the conversation was
    set aside, it is too old or an operator dropped it, is `withdrawn`: the outbox has no such word.
    """

    questions: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    sends: list[tuple[str, str | None]] = field(default_factory=list)


def newest_ids(
    conn: sa.Connection,
    *,
    client_id: int | None,
    only: Only | None = None,
    before: int | None,
    limit: int,
) -> list[int]:
    """List ids of the newest turns, newest first: of a client or of all, older than `before`."""
    query = sa.select(turns.c.id)
    if only == "handoff":
        query = query.where(turns.c.handoff)
    elif only is not None:
        query = query.where(turns.c.outcome == only)
    if client_id is not None:
        query = query.where(sa.text(f"turns.{OF_ANY_CLIENT}"), turns.c.client_id == client_id)
    if before is not None:
        query = query.where(turns.c.id < before)
    return list(conn.execute(query.order_by(turns.c.id.desc()).limit(limit)).scalars())


def read_entries(conn: sa.Connection, ids: Sequence[int]) -> tuple[TurnEntry, ...]:
    """Read these turns, oldest first."""
    customer = sa.func.coalesce(conversations.c.wa_id, conversations.c.user_id)
    rows = conn.execute(
        sa.select(
            turns.c.id,
            turns.c.created_at.label("at"),
            turns.c.client_id,
            customer.label("customer"),
            turns.c.outcome,
            turns.c.cause,
            turns.c.handoff,
            turns.c.engine,
            turns.c.model,
            turns.c.assistant_version,
            turns.c.faq_ids,
            turns.c.latency_ms,
            turns.c.input_tokens,
            turns.c.output_tokens,
            turns.c.cost_usd,
        )
        .join(conversations, conversations.c.id == turns.c.conversation_id)
        .where(turns.c.id.in_(ids))
        .order_by(turns.c.id)
    ).mappings()
    return tuple(TurnEntry(**row) for row in rows)


def read_said(conn: sa.Connection, ids: Sequence[int]) -> dict[int, Said]:
    """Read what was said in these turns; each of them is in the result."""
    said = {turn_id: Said() for turn_id in ids}
    for turn_id, text in conn.execute(_rows_of(inbox, ids, inbox.c.text)):
        if text is not None:
            said[turn_id].questions.append(text)
    is_withdrawn = sa.and_(outbox.c.state == "parked", outbox.c.error.in_(LET_GO))
    state = sa.case((is_withdrawn, "withdrawn"), else_=outbox.c.state).label("state")
    parts = _rows_of(outbox, ids, outbox.c.text, state, outbox.c.status)
    for turn_id, text, state, status in conn.execute(parts):
        if text is not None:
            said[turn_id].answers.append(text)
        said[turn_id].sends.append((state, status))
    return said


def _rows_of(
    table: sa.Table, ids: Sequence[int], *columns: sa.ColumnElement[Any]
) -> sa.Select[Any]:
    # By turn, then in the order of writing: both keys count up.
    order = (table.c.turn_id, *table.primary_key)
    return sa.select(table.c.turn_id, *columns).where(table.c.turn_id.in_(ids)).order_by(*order)
