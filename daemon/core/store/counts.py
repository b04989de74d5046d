"""How each client stands, counted along its own part of an index: no whole table is read.

Reads only. Owns figures, and not what they mean.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from daemon.core.store.conversations import PausedBy
from daemon.core.store.outbox import OPEN
from daemon.core.store.schema import (
    OF_ANY_CLIENT,
    clients,
    conversations,
    inbox,
    outbox,
    tokens,
    turns,
)

MODEL_TURNS = 20
"""Turns that tell whether the model answers at all."""

RECENT_TURNS = 50
"""Turns that tell whether a client's FAQs cover what its customers ask."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How one client stands. Times are seconds since the epoch.

    `pending` is not yet done, `oldest_at` when the oldest of it came in, `in_doubt` how many sends
    wait for a status that tells whether Meta took them; while a client is stopped none does.
    `paused` is how many conversations are left alone because two bots seemed to talk, `with_person`
    how many a person has in charge, `asked_to_stop` how many customers want no answers. `answers`
    and `unanswered` are turns since the moment asked about; `recent` and `recent_unanswered` are of
    the newest RECENT_TURNS; what failed for another reason than the FAQs is not counted in the
    latter.
    """

    client_id: int
    name: str
    active: bool
    is_stopped: bool
    has_own_token: bool
    phone_number: str
    business_hours: str | None
    parked: int
    in_doubt: int
    paused: int
    with_person: int
    asked_to_stop: int
    last_message_at: float | None
    last_answer_at: float | None
    pending: int
    oldest_at: float | None
    answers: int
    unanswered: int
    recent: int
    recent_unanswered: int


def _theirs(table: Any) -> tuple[Any, ...]:
    # With what a statement must say to use the index of a client's rows.
    return sa.text(f"{table.name}.{OF_ANY_CLIENT}"), table.c.client_id == clients.c.id


def _waiting(state: str, *figures: Any) -> sa.Select[Any]:
    # A literal: the planner proves by text that a partial index fits.
    is_in_state = sa.text(f"inbox.state = '{state}'")
    return sa.select(*figures).where(is_in_state, inbox.c.client_id == clients.c.id)


def _newest(column: sa.Column[Any]) -> sa.ScalarSelect[Any]:
    query = sa.select(column).where(*_theirs(column.table)).order_by(column.table.c.id.desc())
    return query.limit(1).scalar_subquery()


def _count_paused(by: PausedBy) -> sa.ScalarSelect[Any]:
    query = sa.select(sa.func.count()).where(
        conversations.c.client_id == clients.c.id,
        conversations.c.paused_by == by,
        conversations.c.paused_until > sa.bindparam("now"),
    )
    return query.scalar_subquery()


_NEWEST_TURNS = turns.alias("newest")
_NTH_NEWEST_TURN = (
    sa.select(_NEWEST_TURNS.c.id)
    .where(*_theirs(_NEWEST_TURNS))
    .order_by(_NEWEST_TURNS.c.id.desc())
    .limit(1)
    .offset(RECENT_TURNS - 1)
    .correlate(clients)
    .scalar_subquery()
)
_COUNT = sa.func.count()
_FIRST = sa.func.min(inbox.c.id)
_IN_DOUBT = sa.select(_COUNT).where(
    OPEN,
    outbox.c.client_id == clients.c.id,
    outbox.c.state == sa.literal_column("'in_doubt'"),
    clients.c.stopped_code.is_(None),
)
_TURNS = sa.select(_COUNT).where(*_theirs(turns))
_UNANSWERED = sa.select(_COUNT).where(
    sa.text("turns.outcome = 'unanswered'"), turns.c.client_id == clients.c.id
)
_IS_LATE = turns.c.id >= sa.bindparam("first_turn")
_IS_RECENT = turns.c.id >= sa.func.coalesce(_NTH_NEWEST_TURN, 0)

_FIGURES = sa.select(
    clients.c.id,
    clients.c.name,
    clients.c.active,
    clients.c.stopped_code.is_not(None),
    clients.c.access_token.is_not(None),
    clients.c.phone_number,
    clients.c.business_hours,
    _waiting("parked", _COUNT).scalar_subquery(),
    _IN_DOUBT.scalar_subquery(),
    *(_count_paused(by) for by in ("loop", "person", "stopped")),
    _newest(inbox.c.received_at),
    _newest(turns.c.created_at),
    _waiting("pending", _COUNT).scalar_subquery(),
    _waiting("pending", _FIRST).scalar_subquery(),
    _waiting("answered", _COUNT).scalar_subquery(),
    _waiting("answered", _FIRST).scalar_subquery(),
    _TURNS.where(_IS_LATE).scalar_subquery(),
    _UNANSWERED.where(_IS_LATE).scalar_subquery(),
    _TURNS.where(_IS_RECENT).scalar_subquery(),
    _UNANSWERED.where(_IS_RECENT, turns.c.cause.is_(None)).scalar_subquery(),
).order_by(clients.c.id)


def measure_clients(
    conn: sa.Connection, *, now: float, since: float, client_id: int | None = None
) -> tuple[Figures, ...]:
    """Count how each client stands, or one of them, by id; `since` is when to count answers from.

    Costs some seeks for each client, and a step for each message that waits and each turn since.
    """
    query = _FIGURES if client_id is None else _FIGURES.where(clients.c.id == client_id)
    keys = {"now": now, "first_turn": _first_turn_since(conn, since)}
    rows = conn.execute(query, keys).all()
    firsts = [first for row in rows for first in (row[-7], row[-5]) if first is not None]
    received = _received_at(conn, firsts)
    return tuple(_read_figures(row, received) for row in rows)


def recent_causes(
    conn: sa.Connection, *, since: float, client_id: int | None = None
) -> tuple[str | None, ...]:
    """List why the newest MODEL_TURNS turns went unanswered, None for what went well; newest first.

    Older ones than `since` say nothing of now.
    """
    # The lower bound makes a search of what the planner would call a scan, though it ends as soon.
    query = sa.select(turns.c.cause, turns.c.created_at).where(turns.c.id > 0)
    query = query.order_by(turns.c.id.desc())
    if client_id is not None:
        query = query.where(sa.text(f"turns.{OF_ANY_CLIENT}"), turns.c.client_id == client_id)
    rows = conn.execute(query.limit(MODEL_TURNS))
    return tuple(row.cause for row in rows if row.created_at >= since)


def expiring_tokens(
    conn: sa.Connection, *, now: float, until: float
) -> tuple[tuple[str, float], ...]:
    """List name and expires_at of the admin tokens that work now and not for longer than that."""
    rows = conn.execute(
        sa.select(tokens.c.name, tokens.c.expires_at)
        .where(
            tokens.c.revoked_at.is_(None), tokens.c.expires_at > now, tokens.c.expires_at <= until
        )
        .order_by(tokens.c.expires_at)
    )
    return tuple((row.name, row.expires_at) for row in rows)


def _read_figures(row: Sequence[Any], received: dict[int, float]) -> Figures:
    *values, pending, first_pending, on_its_way, first_on_its_way = row[:-4]
    lately, unanswered, *recent = row[-4:]
    firsts = [received[first] for first in (first_pending, first_on_its_way) if first is not None]
    values += [pending + on_its_way, min(firsts, default=None)]
    values += [lately - unanswered, unanswered, *recent]
    return Figures(*values)


def _first_turn_since(conn: sa.Connection, since: float) -> int:
    # Times grow with ids, so twenty looks find it among a million without an index on time.
    newest = conn.execute(sa.select(sa.func.max(turns.c.id))).scalar_one() or 0
    made_at = (
        sa.select(turns.c.created_at)
        .where(turns.c.id >= sa.bindparam("place"))
        .order_by(turns.c.id)
        .limit(1)
    )

    def look(turn_id: int) -> float:
        return float(conn.execute(made_at, {"place": turn_id}).scalar_one())

    return 1 + bisect_left(range(1, newest + 1), since, key=look)


def _received_at(conn: sa.Connection, ids: Sequence[int]) -> dict[int, float]:
    query = sa.select(inbox.c.id, inbox.c.received_at).where(inbox.c.id.in_(ids))
    return {row.id: row.received_at for row in conn.execute(query)}
