"""Signs of life, written to prove that writing works."""

import sqlalchemy as sa

from daemon.core.store.schema import heartbeats


def beat(conn: sa.Connection, name: str, *, now: float) -> None:
    """Write down that `name` was alive now."""
    updated = conn.execute(sa.update(heartbeats).where(heartbeats.c.name == name).values(at=now))
    if updated.rowcount == 0:
        conn.execute(sa.insert(heartbeats).values(name=name, at=now))
