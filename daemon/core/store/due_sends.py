"""What of the outbox may be sent by now, a page at a time, so that nobody's hides another's.

Reads only; what becomes of an answer is `outbox`'s to write.
"""

import sqlalchemy as sa

from daemon.core.store.outbox import OPEN
from daemon.core.store.schema import clients, outbox

Place = tuple[float, int]
"""Where a message stands among those that wait: when it is due, and its seq."""

START: Place = (0.0, 0)

_EARLIER = outbox.alias("earlier")
_FOLLOWS = (
    sa.select(_EARLIER.c.seq)
    .where(
        sa.text("earlier.state IN ('queued', 'sending', 'in_doubt')"),
        _EARLIER.c.client_id == outbox.c.client_id,
        _EARLIER.c.conversation_id == outbox.c.conversation_id,
        _EARLIER.c.seq < outbox.c.seq,
    )
    .exists()
)


def list_due(
    conn: sa.Connection, *, now: float, after: Place = START, limit: int
) -> tuple[tuple[Place, int, int], ...]:
    """Page through what may be sent by now, longest due first, each conversation once.

    Gives its place, client_id and conversation_id. Left out is what would hide what others have
    due: what a stopped client holds back, and what is sent in its turn after a message of the same
    conversation that waits.
    """
    rows = conn.execute(
        sa.select(outbox.c.due_at, outbox.c.seq, outbox.c.client_id, outbox.c.conversation_id)
        .join(clients, clients.c.id == outbox.c.client_id)
        .where(
            OPEN,
            outbox.c.due_at <= now,
            sa.tuple_(outbox.c.due_at, outbox.c.seq) > after,
            sa.or_(clients.c.stopped_code.is_(None), ~clients.c.active),
            ~_FOLLOWS,
        )
        .order_by(outbox.c.due_at, outbox.c.seq)
        .limit(limit)
    )
    return tuple(((row[0], row[1]), row[2], row[3]) for row in rows)
