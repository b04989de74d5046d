"""Turns: what each answer was made from and what it cost, without a word of content.

The history of a conversation is read through them.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from daemon.core.assistants.engine import Exchange, Reply
from daemon.core.store.conversations import Conversation
from daemon.core.store.schema import inbox, outbox, turns

HISTORY_TURNS = 10
"""Earlier turns an engine is given at most: history is what makes token bills grow."""

HISTORY_AGE_S = 24 * 3600
"""A conversation older than WhatsApp's own service window is a new one."""

_INSERT = sa.insert(turns).returning(turns.c.id)
"""What each turn runs stands here, built once: building a statement costs more than running it."""

_OURS = (
    turns.c.conversation_id == sa.bindparam("within"),
    turns.c.client_id == sa.bindparam("owner"),
)
_NTH_LATEST = (
    sa.select(turns.c.created_at)
    .where(*_OURS)
    .order_by(turns.c.id.desc())
    .limit(1)
    .offset(sa.bindparam("skipped", type_=sa.Integer))
)
_RECENT = (
    sa.select(turns.c.id)
    .where(*_OURS, turns.c.created_at > sa.bindparam("since"))
    .order_by(turns.c.id.desc())
    .limit(HISTORY_TURNS)
)


def _select_texts(table: sa.Table, order: sa.Column[int]) -> sa.Select[int, str]:
    return (
        sa.select(table.c.turn_id, table.c.text)
        .where(
            table.c.turn_id.in_(sa.bindparam("turn_ids", expanding=True)),
            table.c.text.is_not(None),
        )
        .order_by(order)
    )


_CUSTOMER_TEXTS = _select_texts(inbox, inbox.c.id)
_BOT_TEXTS = _select_texts(outbox, outbox.c.seq)


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
        "faq_ids": list(record.reply.faq_ids),
        "answered": record.reply.outcome == "answered",
        "handoff": record.reply.handoff,
        "input_tokens": usage.input_tokens,
        "cached_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
        "cost_usd": usage.cost_usd,
        "latency_ms": record.latency_ms,
        "created_at": now,
    }
    return int(conn.execute(_INSERT, values).scalar_one())


def nth_latest_at(conn: sa.Connection, held: Conversation, *, nth: int) -> float | None:
    """Tell when the nth latest turn of a conversation was, counted from 1."""
    keys = {"within": held.id, "owner": held.client_id, "skipped": nth - 1}
    found = conn.execute(_NTH_LATEST, keys).scalar_one_or_none()
    return None if found is None else float(found)


def read_history(conn: sa.Connection, held: Conversation, *, now: float) -> tuple[Exchange, ...]:
    """Read the latest turns of a conversation, oldest first."""
    keys = {"within": held.id, "owner": held.client_id, "since": now - HISTORY_AGE_S}
    turn_ids = sorted(conn.execute(_RECENT, keys).scalars())
    if not turn_ids:
        return ()
    customer = _read_texts(conn, _CUSTOMER_TEXTS, turn_ids)
    bot = _read_texts(conn, _BOT_TEXTS, turn_ids)
    return tuple(
        Exchange(customer=customer[turn_id], bot=bot[turn_id])
        for turn_id in turn_ids
        if turn_id in customer and turn_id in bot
    )


def _read_texts(
    conn: sa.Connection, query: sa.Select[int, str], turn_ids: list[int]
) -> dict[int, str]:
    texts: dict[int, list[str]] = {}
    for turn_id, text in conn.execute(query, {"turn_ids": turn_ids}):
        texts.setdefault(turn_id, []).append(text)
    return {turn_id: "\n".join(lines) for turn_id, lines in texts.items()}
