"""What happened, read forward from four sources: rows that are only ever added, each by its id.

Messages, turns and the audit trail are such rows themselves. What changes in place (a message that
is parked, a send and its statuses, a conversation that is set aside) is noted in `happenings`, of
which the newest 100,000 are kept. Reads only.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from daemon.core.store.schema import (
    OF_ANY_CLIENT,
    audit,
    clients,
    happenings,
    inbox,
    outbox,
    turns,
)


@dataclass(frozen=True, slots=True)
class Happening:
    """One event: `place` is its row's id in its source, `facts` what there is to say of it."""

    place: int
    at: float
    kind: str
    client_id: int
    facts: Mapping[str, Any]


def _read_messages(conn: sa.Connection, query: sa.Select[Any]) -> list[Happening]:
    rows = conn.execute(
        query.add_columns(inbox.c.id, inbox.c.received_at, inbox.c.client_id, inbox.c.type)
    )
    return [
        Happening(
            row.id,
            row.received_at,
            "message.received",
            row.client_id,
            {"inbox_id": row.id, "type": row.type},
        )
        for row in rows
    ]


def _read_turns(conn: sa.Connection, query: sa.Select[Any]) -> list[Happening]:
    facts = (turns.c.outcome, turns.c.cause, turns.c.handoff, turns.c.latency_ms)
    rows = conn.execute(
        query.add_columns(turns.c.id, turns.c.created_at, turns.c.client_id, *facts)
    )
    return [
        Happening(
            row.id,
            row.created_at,
            "turn.unanswered" if row.outcome == "unanswered" else "turn.answered",
            row.client_id,
            {
                "turn_id": row.id,
                "outcome": row.outcome,
                "cause": row.cause,
                "handoff": row.handoff,
                "latency_ms": row.latency_ms,
            },
        )
        for row in rows
    ]


def _read_changes(conn: sa.Connection, query: sa.Select[Any]) -> list[Happening]:
    is_send = sa.and_(happenings.c.kind.startswith("send."), outbox.c.seq == happenings.c.row_id)
    rows = conn.execute(
        query.add_columns(happenings, outbox.c.id.label("outbox_id"), outbox.c.turn_id)
        .select_from(happenings)
        .outerjoin(outbox, is_send)
        .where(happenings.c.row_id > 0)
    )
    return [Happening(row.id, row.at, row.kind, row.client_id, _tell(row)) for row in rows]


def _tell(row: sa.Row[Any]) -> dict[str, Any]:
    if row.kind == "message.parked":
        return {"inbox_id": row.row_id, "error": row.error}
    if row.kind.startswith("conversation."):
        return {"conversation_id": row.row_id, "cause": row.error}
    return {"outbox_id": row.outbox_id, "turn_id": row.turn_id, "error": row.error}


def _read_trail(conn: sa.Connection, query: sa.Select[Any]) -> list[Happening]:
    rows = conn.execute(
        query.add_columns(
            audit.c.id, audit.c.at, audit.c.client_id, audit.c.action, audit.c.actor
        ).where(audit.c.client_id.is_not(None), audit.c.action.startswith("client."))
    )
    return [
        Happening(
            row.id,
            row.at,
            "client.changed",
            row.client_id,
            {"action": row.action, "actor": row.actor},
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class _Source:
    table: sa.Table
    read: Callable[[sa.Connection, sa.Select[Any]], list[Happening]]
    is_indexed: bool


_SOURCES = (
    _Source(inbox, _read_messages, is_indexed=True),
    _Source(turns, _read_turns, is_indexed=True),
    _Source(happenings, _read_changes, is_indexed=False),
    _Source(audit, _read_trail, is_indexed=False),
)
SOURCES = len(_SOURCES)
"""How many numbers say where a reader stands."""

CHANGES = 2
"""Which of them is the place in `happenings`, the one source that forgets."""


def newest_places(conn: sa.Connection) -> tuple[int, ...]:
    """Tell where each source ends, in their order."""
    return tuple(_newest_place(conn, source.table) for source in _SOURCES)


def _newest_place(conn: sa.Connection, table: sa.Table) -> int:
    if table is happenings:
        return int(conn.execute(sa.select(sa.func.max(table.c.id))).scalar_one() or 0)
    # Not the highest id that is left: the newest rows may have been erased.
    given = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name")
    return int(conn.execute(given, {"name": table.name}).scalar_one_or_none() or 0)


def oldest_change(conn: sa.Connection) -> int:
    """Tell where the kept changes begin; 0 when there are none."""
    return int(conn.execute(sa.select(sa.func.min(happenings.c.id))).scalar_one() or 0)


def read_after(
    conn: sa.Connection, places: Sequence[int], *, client_id: int | None, limit: int
) -> list[list[Happening]]:
    """Read what comes after these places from each source, at most `limit` from each."""
    return [
        source.read(conn, _after(source, place, client_id).limit(limit))
        for source, place in zip(_SOURCES, places, strict=True)
    ]


def read_names(conn: sa.Connection, client_ids: Collection[int]) -> dict[int, str]:
    """Read the names of these clients."""
    query = sa.select(clients.c.id, clients.c.name).where(clients.c.id.in_(client_ids))
    return {row.id: row.name for row in conn.execute(query)}


def _after(source: _Source, place: int, client_id: int | None) -> sa.Select[Any]:
    table = source.table
    query: sa.Select[Any] = sa.select().where(table.c.id > place).order_by(table.c.id)
    if client_id is None:
        return query
    if source.is_indexed:
        query = query.where(sa.text(f"{table.name}.{OF_ANY_CLIENT}"))
    return query.where(table.c.client_id == client_id)
