"""Admin tokens: digests, never the token itself."""

from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from daemon.core.store.schema import tokens

Scope = Literal["read", "write"]
"""What a token may do; `write` includes `read`."""


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of an admin token after it was shown once.

    `client_id` is the one client that it sees, or None where it sees them all.
    """

    id: int
    name: str
    scope: Scope
    client_id: int | None
    created_at: float
    expires_at: float
    revoked_at: float | None
    last_used_at: float | None


_COLUMNS = (
    tokens.c.id,
    tokens.c.name,
    tokens.c.scope,
    tokens.c.client_id,
    tokens.c.created_at,
    tokens.c.expires_at,
    tokens.c.revoked_at,
    tokens.c.last_used_at,
)


def insert_token(
    conn: sa.Connection,
    *,
    name: str,
    digest: str,
    scope: Scope,
    client_id: int | None,
    now: float,
    expires_at: float,
) -> None:
    """Add a token under a name that no unrevoked one has."""
    conn.execute(
        sa.insert(tokens).values(
            name=name,
            digest=digest,
            scope=scope,
            client_id=client_id,
            created_at=now,
            expires_at=expires_at,
        )
    )


def find_token(conn: sa.Connection, name: str) -> Token | None:
    """Find the unrevoked token of this name, expired or not."""
    query = sa.select(*_COLUMNS).where(tokens.c.name == name, tokens.c.revoked_at.is_(None))
    row = conn.execute(query).mappings().one_or_none()
    return None if row is None else Token(**row)


def find_by_digest(conn: sa.Connection, digest: str) -> Token | None:
    """Find the token with this digest, revoked and expired ones too."""
    row = conn.execute(sa.select(*_COLUMNS).where(tokens.c.digest == digest)).mappings().first()
    return None if row is None else Token(**row)


def list_tokens(conn: sa.Connection) -> tuple[Token, ...]:
    """List all, oldest first, revoked ones too."""
    rows = conn.execute(sa.select(*_COLUMNS).order_by(tokens.c.id)).mappings()
    return tuple(Token(**row) for row in rows)


def revoke_token(conn: sa.Connection, *, name: str, now: float) -> bool:
    """Revoke the token of this name; say whether there was one to revoke."""
    result = conn.execute(
        sa.update(tokens)
        .where(tokens.c.name == name, tokens.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    return result.rowcount > 0


def note_use(conn: sa.Connection, *, digest: str, now: float) -> None:
    """Remember when a token was last used."""
    conn.execute(sa.update(tokens).where(tokens.c.digest == digest).values(last_used_at=now))
