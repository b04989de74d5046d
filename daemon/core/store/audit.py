"""The audit trail: who changed what, appended and never changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from daemon.core.store.schema import audit


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something (a token or an OS user, by name) and from which address or program."""

    name: str
    origin: str = "local"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change, with the fields that it changed."""

    id: int
    at: float
    actor: str
    origin: str
    action: str
    client_id: int | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


DAEMON = Actor("daemon", origin="daemon")
"""The daemon itself, when nobody asked for what it does."""


def append(
    conn: sa.Connection,
    *,
    actor: Actor,
    action: str,
    now: float,
    client_id: int | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Note one change; `before` and `after` hold the changed fields only, and no secret."""
    conn.execute(
        sa.insert(audit).values(
            at=now,
            actor=actor.name,
            origin=actor.origin,
            action=action,
            client_id=client_id,
            before=dict(before) if before is not None else sa.null(),
            after=dict(after) if after is not None else sa.null(),
        )
    )


def newest_id(conn: sa.Connection) -> int:
    """Tell how far the trail goes: a higher number than last time means that something changed."""
    return int(conn.execute(sa.select(sa.func.max(audit.c.id))).scalar_one() or 0)


def find_latest_at(conn: sa.Connection, *, client_id: int, action: str) -> float | None:
    """Tell when something was last done to a client; None when it never was."""
    query = sa.select(audit.c.at).where(audit.c.client_id == client_id, audit.c.action == action)
    return conn.execute(query.order_by(audit.c.id.desc()).limit(1)).scalar_one_or_none()


def list_entries(
    conn: sa.Connection, *, client_id: int | None, limit: int
) -> tuple[AuditEntry, ...]:
    """List the newest changes, of one client or all, oldest first."""
    query = sa.select(*(audit.c[name] for name in AuditEntry.__slots__))
    if client_id is not None:
        query = query.where(audit.c.client_id == client_id)
    rows = conn.execute(query.order_by(audit.c.id.desc()).limit(limit)).mappings().all()
    return tuple(AuditEntry(**row) for row in reversed(rows))
