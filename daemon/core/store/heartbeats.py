"""Signs of life, written to prove that writing works."""

import sqlalchemy as sa

from daemon.core.store.schema import heartbeats

WRITER = "writer"
"""The heartbeat of a daemon at work, three times a minute: that it can write."""


def beat(conn: sa.Connection, name: str, *, now: float) -> None:
    """Write down that `name` was alive now."""
    updated = conn.execute(sa.update(heartbeats).where(heartbeats.c.name == name).values(at=now))
    if updated.rowcount == 0:
        conn.execute(sa.insert(heartbeats).values(name=name, at=now))


def last_beat(conn: sa.Connection, name: str) -> float | None:
    """Tell when `name` was last written down as alive, or None when it never was."""
    query = sa.select(heartbeats.c.at).where(heartbeats.c.name == name)
    return conn.execute(query).scalar_one_or_none()
