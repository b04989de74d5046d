"""What Meta last said of access tokens and numbers, so that every program can tell of it.

Facts only, each of one token by its digest: what is written here of a token that was replaced since
is about nothing any more. What is worth an alert is not decided here.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from daemon.core.store.schema import sightings

SHARED = 0
"""In the place of a client's id: the token that all share. No client has it."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was last seen of a client's own token and number, or with SHARED of the shared token.

    Times are seconds since the epoch. `token_valid` is None while no token was looked up;
    `token_expires_at` None is never. `quality` is Meta's word, None where it did not say.
    """

    client_id: int
    token_digest: str | None
    token_valid: bool | None
    token_expires_at: float | None
    token_seen_at: float | None
    quality: str | None
    quality_seen_at: float | None


def note_token(
    conn: sa.Connection,
    client_id: int,
    *,
    digest: str,
    valid: bool,
    expires_at: float | None,
    now: float,
) -> None:
    """Write down what Meta said of a token."""
    values = {
        "token_digest": digest,
        "token_valid": valid,
        "token_expires_at": expires_at,
        "token_seen_at": now,
    }
    _put(conn, client_id, values)


def note_quality(conn: sa.Connection, client_id: int, *, quality: str | None, now: float) -> None:
    """Write down what Meta said of a client's number."""
    _put(conn, client_id, {"quality": quality, "quality_seen_at": now})


def list_pressing(
    conn: sa.Connection, *, ends_before: float, seen_after: float, quality: str
) -> tuple[Sighting, ...]:
    """List what has a void token, one that ends before a moment, or of late a number so rated."""
    query = sa.select(sightings).where(
        sa.or_(
            sightings.c.token_valid.is_(False),
            sightings.c.token_expires_at < ends_before,
            sa.and_(sightings.c.quality == quality, sightings.c.quality_seen_at > seen_after),
        )
    )
    rows = conn.execute(query.order_by(sightings.c.client_id)).mappings()
    return tuple(Sighting(**row) for row in rows)


def _put(conn: sa.Connection, client_id: int, values: dict[str, object]) -> None:
    statement = insert(sightings).values(client_id=client_id, **values)
    conn.execute(statement.on_conflict_do_update(index_elements=["client_id"], set_=values))
