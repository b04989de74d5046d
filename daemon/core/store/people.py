"""All that the tables hold about one person: found by phone or user id, read, and erased.

Every function is given the client, whose customer it is: one person may be two clients' customer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from daemon.core.store.schema import conversations, happenings, inbox, outbox, turns

NOBODY = "(erased)"
"""The user_id of the one conversation of each client that keeps the turns of those who are gone.

No id of Meta's has brackets.
"""


@dataclass(frozen=True, slots=True)
class Held:
    """The rows that are held about a person, by column; turns have no content."""

    conversations: tuple[dict[str, Any], ...]
    messages: tuple[dict[str, Any], ...]
    answers: tuple[dict[str, Any], ...]
    turns: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Erased:
    """Rows by table: deleted in the first three, without a link to anybody in the last two."""

    conversations: int
    inbox: int
    outbox: int
    turns: int
    happenings: int


def find_conversations(
    conn: sa.Connection, *, client_id: int, user_id: str | None, wa_id: str | None
) -> tuple[int, ...]:
    """Find the conversations of whoever has one of these ids."""
    ids = (
        (conversations.c.user_id, None if user_id == NOBODY else user_id),
        (conversations.c.wa_id, wa_id),
    )
    found: set[int] = set()
    for column, value in ids:
        if value is not None:
            query = sa.select(conversations.c.id).where(
                conversations.c.client_id == client_id, column == value
            )
            found.update(conn.execute(query).scalars())
    return tuple(sorted(found))


def read_held(conn: sa.Connection, *, client_id: int, conversation_ids: Sequence[int]) -> Held:
    """Read all rows of these conversations, oldest first."""

    def read(table: sa.Table, key: sa.Column[int]) -> tuple[dict[str, Any], ...]:
        query = sa.select(table).where(
            table.c.client_id == client_id, _link_of(table).in_(conversation_ids)
        )
        return tuple(dict(row) for row in conn.execute(query.order_by(key)).mappings())

    return Held(
        conversations=read(conversations, conversations.c.id),
        messages=read(inbox, inbox.c.id),
        answers=read(outbox, outbox.c.seq),
        turns=read(turns, turns.c.id),
    )


def erase(
    conn: sa.Connection, *, client_id: int, conversation_ids: Sequence[int], now: float
) -> Erased:
    """Delete what these conversations hold; what counts turns stays, and is nobody's."""
    # What is deleted is overwritten in the file too.
    conn.exec_driver_sql("PRAGMA secure_delete=ON").close()
    unlinked = _unlink_happenings(conn, client_id, conversation_ids)
    messages = _delete(conn, inbox, client_id, conversation_ids)
    answers = _delete(conn, outbox, client_id, conversation_ids)
    moved = unlink_turns(conn, client_id=client_id, conversation_ids=conversation_ids, now=now)
    gone = _delete(conn, conversations, client_id, conversation_ids)
    conn.exec_driver_sql("PRAGMA secure_delete=FAST").close()
    return Erased(gone, messages, answers, moved, unlinked)


def unlink_turns(
    conn: sa.Connection,
    *,
    client_id: int,
    conversation_ids: Sequence[int],
    now: float,
    limit: int | None = None,
) -> int:
    """Give the turns of conversations, or `limit` of them, to nobody; say how many."""
    chosen = (
        sa.select(turns.c.id)
        .where(turns.c.client_id == client_id, turns.c.conversation_id.in_(conversation_ids))
        .limit(limit)
    )
    if conn.execute(chosen.limit(1)).first() is None:
        return 0
    nobody = _ensure_nobody(conn, client_id, now)
    result = conn.execute(
        sa.update(turns).where(turns.c.id.in_(chosen)).values(conversation_id=nobody)
    )
    return result.rowcount


def _ensure_nobody(conn: sa.Connection, client_id: int, now: float) -> int:
    query = sa.select(conversations.c.id).where(
        conversations.c.client_id == client_id, conversations.c.user_id == NOBODY
    )
    known = conn.execute(query).scalar_one_or_none()
    if known is not None:
        return int(known)
    made = conn.execute(
        sa.insert(conversations)
        .values(client_id=client_id, user_id=NOBODY, fence=0, created_at=now)
        .returning(conversations.c.id)
    )
    return int(made.scalar_one())


def _unlink_happenings(conn: sa.Connection, client_id: int, conversation_ids: Sequence[int]) -> int:
    """Let events name no row: deleted they would end the reading of those that stand after them."""
    messages = sa.select(inbox.c.id).where(inbox.c.conversation_id.in_(conversation_ids))
    answers = sa.select(outbox.c.seq).where(outbox.c.conversation_id.in_(conversation_ids))
    kind = happenings.c.kind
    result = conn.execute(
        sa.update(happenings)
        .where(
            happenings.c.client_id == client_id,
            sa.or_(
                sa.and_(kind.startswith("message."), happenings.c.row_id.in_(messages)),
                sa.and_(kind.startswith("send."), happenings.c.row_id.in_(answers)),
                sa.and_(
                    kind.startswith("conversation."), happenings.c.row_id.in_(conversation_ids)
                ),
            ),
        )
        .values(row_id=0, error=None)
    )
    return result.rowcount


def _delete(
    conn: sa.Connection, table: sa.Table, client_id: int, conversation_ids: Sequence[int]
) -> int:
    result = conn.execute(
        sa.delete(table).where(
            table.c.client_id == client_id, _link_of(table).in_(conversation_ids)
        )
    )
    return result.rowcount


def _link_of(table: sa.Table) -> sa.Column[int]:
    column: sa.Column[int] = table.c["id" if table is conversations else "conversation_id"]
    return column
