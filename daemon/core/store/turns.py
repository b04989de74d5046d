"""Turns: what each answer was made from and what it cost, without a word of content.

The history of a conversation is read through them.
"""

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from daemon.core.assistants.engine import Exchange, Reply
from daemon.core.store.conversations import Conversation
from daemon.core.store.prepared import Prepared
from daemon.core.store.schema import inbox, outbox, turns

HISTORY_TURNS = 10
"""Earlier turns an engine is given at most: history is what makes token bills grow."""

HISTORY_AGE_S = 24 * 3600
"""A conversation older than WhatsApp's own service window is a new one."""

_INSERT = Prepared(
    sa.insert(turns).returning(turns.c.id),
    columns=[column.name for column in turns.columns if not column.primary_key],
)
_OURS = (
    turns.c.conversation_id == sa.bindparam("within"),
    turns.c.client_id == sa.bindparam("owner"),
)
_NTH_LATEST = Prepared(
    sa.select(turns.c.created_at)
    .where(*_OURS, turns.c.created_at > sa.bindparam("since"))
    .order_by(turns.c.id.desc())
    .limit(1)
    .offset(sa.bindparam("skipped", type_=sa.Integer))
)
_RECENT = (
    sa.select(turns.c.id)
    .where(*_OURS, turns.c.created_at > sa.bindparam("since"))
    .order_by(turns.c.id.desc())
    .limit(HISTORY_TURNS)
    .subquery()
)
_CUSTOMER, _BOT = 0, 1


def _select_said(
    table: sa.Table, *only: sa.ColumnElement[bool], side: int, order: sa.Column[int]
) -> sa.Select[Any]:
    return sa.select(
        table.c.turn_id, sa.literal(side).label("side"), table.c.text, order.label("place")
    ).where(table.c.turn_id.in_(sa.select(_RECENT.c.id)), table.c.text.is_not(None), *only)


_HISTORY = Prepared(
    sa.union_all(
        _select_said(inbox, side=_CUSTOMER, order=inbox.c.id),
        _select_said(outbox, outbox.c.state != "parked", side=_BOT, order=outbox.c.seq),
    ).order_by("turn_id", "side", "place")
)


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """One answer: who made it, from which version, with what outcome, in how many milliseconds.

    `cause` says why it is not an answer: what the engine failed with, or why it was not asked.
    """

    engine: str
    assistant_version: int
    reply: Reply
    cause: str | None
    latency_ms: int


def insert_turn(conn: sa.Connection, held: Conversation, record: TurnRecord, *, now: float) -> int:
    """Add the record of one answer and return its id."""
    usage = record.reply.usage
    values = {
        "client_id": held.client_id,
        "conversation_id": held.id,
        "engine": record.engine,
        "model": usage.model,
        "assistant_version": record.assistant_version,
        "outcome": record.reply.outcome,
        "cause": record.cause,
        "faq_ids": json.dumps(record.reply.faq_ids),
        "answered": record.reply.outcome == "answered",
        "handoff": record.reply.handoff,
        "input_tokens": usage.input_tokens,
        "cached_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
        "cost_usd": usage.cost_usd,
        "latency_ms": record.latency_ms,
        "created_at": now,
    }
    ((turn_id,),) = _INSERT.rows(conn, **values)
    return int(turn_id)


def nth_latest_at(
    conn: sa.Connection, held: Conversation, *, nth: int, since: float
) -> float | None:
    """Tell when the nth latest turn of a conversation was, counted from 1; None if before."""
    keys = {"within": held.id, "owner": held.client_id, "since": since}
    row = _NTH_LATEST.first(conn, **keys, skipped=nth - 1)
    return None if row is None else float(row[0])


def read_history(conn: sa.Connection, held: Conversation, *, now: float) -> tuple[Exchange, ...]:
    """Read the latest turns of a conversation, oldest first, without what was never sent."""
    keys = {"within": held.id, "owner": held.client_id, "since": now - HISTORY_AGE_S}
    said: dict[int, tuple[list[str], list[str]]] = {}
    for turn_id, side, text, _ in _HISTORY.rows(conn, **keys):
        said.setdefault(turn_id, ([], []))[side].append(text)
    return tuple(
        Exchange(customer="\n".join(customer), bot="\n".join(bot))
        for customer, bot in said.values()
        if customer and bot
    )
