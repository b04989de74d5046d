"""The audit trail: who changed what, appended and never changed."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from daemon.core.store.schema import audit


def append(
    conn: sa.Connection,
    *,
    actor: str,
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
            actor=actor,
            action=action,
            client_id=client_id,
            before=dict(before) if before is not None else sa.null(),
            after=dict(after) if after is not None else sa.null(),
        )
    )


def newest_id(conn: sa.Connection) -> int:
    """Tell how far the trail goes: a higher number than last time means that something changed."""
    return int(conn.execute(sa.select(sa.func.max(audit.c.id))).scalar_one() or 0)
