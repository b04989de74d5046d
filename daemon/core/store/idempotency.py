"""What calls with an Idempotency-Key were answered, so that a repeated one makes nothing twice."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from daemon.core.store.schema import idempotency

FORGOTTEN_AT_ONCE = 20
"""Old answers deleted in passing: more than one for each that is kept, and no pause for anybody."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as it was given; `request_digest` names what was asked."""

    request_digest: str
    status: int
    answer: Mapping[str, Any]


def find_answer(conn: sa.Connection, *, caller: str, key: str, since: float) -> KeptAnswer | None:
    """Find what this caller was answered under this key, not before `since`."""
    query = sa.select(
        idempotency.c.request_digest, idempotency.c.status, idempotency.c.answer
    ).where(
        idempotency.c.caller == caller,
        idempotency.c.key == key,
        idempotency.c.created_at >= since,
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else KeptAnswer(row[0], row[1], json.loads(row[2]))


def keep_answer(
    conn: sa.Connection, kept: KeptAnswer, *, caller: str, key: str, now: float
) -> None:
    """Keep an answer in place of any older one under this key."""
    same_key = sa.and_(idempotency.c.caller == caller, idempotency.c.key == key)
    conn.execute(sa.delete(idempotency).where(same_key))
    conn.execute(
        sa.insert(idempotency).values(
            caller=caller,
            key=key,
            request_digest=kept.request_digest,
            status=kept.status,
            answer=json.dumps(dict(kept.answer)),
            created_at=now,
        )
    )


def forget_answers(conn: sa.Connection, *, before: float) -> None:
    """Delete some of the answers that were given before then."""
    row = (idempotency.c.caller, idempotency.c.key)
    old = (
        sa.select(*row)
        .where(idempotency.c.created_at < before)
        .order_by(idempotency.c.created_at)
        .limit(FORGOTTEN_AT_ONCE)
    )
    conn.execute(sa.delete(idempotency).where(sa.tuple_(*row).in_(old)))
