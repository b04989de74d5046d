"""Deletes what is too old, a few rows at a time: how it is found, and what is done to it.

What still has work before it (pending, answered, queued, sending, in doubt) is touched by nothing
here, however old it is. How old is too old is `core.retention`'s to say.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from daemon.core.store import people
from daemon.core.store.schema import conversations, happenings, idempotency, inbox, outbox, tokens

CHUNK = 200
"""Rows changed in one transaction: a few milliseconds of the writer's time."""

SPAN = 2_000
"""Ids looked at in one go, beside the writer."""

PARKED_TOO_LONG = "retention"
"""The error of a parked message that nobody took up again while its text was kept."""

Condition = sa.ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Step:
    """One kind of what is too old: `due` are its rows, found by `key`, and `act` changes some.

    `age` grows with `key`, so that the search may end at what is newer than `before`; None where it
    does not.
    """

    what: str
    table: sa.Table
    key: sa.ColumnElement[Any]
    due: Condition
    act: Callable[[sa.Connection, Condition], int]
    age: sa.Column[float] | None
    before: float


@dataclass(frozen=True, slots=True)
class Page:
    """Rows to be changed, at most CHUNK; up to the id `reached` there are no others."""

    ids: tuple[int, ...]
    reached: int


def list_steps(*, texts: float, rows: float, answers: float, now: float) -> tuple[Step, ...]:
    """List what is too old before these moments, in the order in which it must go.

    A question loses its text no later than its answer: until then it could be taken up again.
    """
    return (
        _delete(
            "messages",
            inbox,
            inbox.c.id,
            _is_settled_message(rows),
            age=inbox.c.received_at,
            before=rows,
        ),
        _park_no_longer(texts),
        _blank("message_texts", inbox, inbox.c.id, _is_settled_message(texts), texts),
        _delete(
            "answers",
            outbox,
            outbox.c.seq,
            _is_settled_answer(rows),
            age=outbox.c.created_at,
            before=rows,
        ),
        _blank("answer_texts", outbox, outbox.c.seq, _is_settled_answer(texts), texts),
        # The newest stays: whoever reads events knows the table's end by it.
        _delete(
            "happenings",
            happenings,
            happenings.c.id,
            sa.and_(
                happenings.c.at < rows,
                happenings.c.id < sa.select(sa.func.max(happenings.c.id)).scalar_subquery(),
            ),
            age=happenings.c.at,
            before=rows,
        ),
        _forget_customers(rows, now),
        _delete("tokens", tokens, tokens.c.id, tokens.c.revoked_at < rows, age=None, before=rows),
        _delete(
            "repeated_calls",
            idempotency,
            sa.literal_column("idempotency.rowid", sa.Integer),
            idempotency.c.created_at < answers,
            age=None,
            before=answers,
        ),
    )


def find_page(conn: sa.Connection, step: Step, *, after: int) -> Page | None:
    """Look for rows to change behind the id `after`; None when there is nothing old behind it."""
    first = conn.execute(
        sa.select(sa.func.min(step.key)).select_from(step.table).where(step.key > after)
    ).scalar_one()
    if first is None:
        return None
    last = first + SPAN - 1
    within = step.key.between(first, last)
    if step.age is not None:
        oldest = conn.execute(sa.select(sa.func.min(step.age)).where(within)).scalar_one()
        if oldest >= step.before:
            return None
    query = sa.select(step.key).select_from(step.table).where(within, step.due)
    ids = tuple(conn.execute(query.order_by(step.key).limit(CHUNK)).scalars())
    return Page(ids, ids[-1] if len(ids) == CHUNK else last)


def purge(conn: sa.Connection, step: Step, ids: Sequence[int]) -> int:
    """Change these rows, as far as they are still due; say how many rows were changed."""
    # Overwrites what is deleted, where that costs no further write.
    conn.exec_driver_sql("PRAGMA secure_delete=FAST").close()
    return step.act(conn, sa.and_(step.key.in_(ids), step.due))


def _delete(
    what: str,
    table: sa.Table,
    key: sa.ColumnElement[Any],
    due: Condition,
    *,
    age: sa.Column[float] | None,
    before: float,
) -> Step:
    def act(conn: sa.Connection, chosen: Condition) -> int:
        return conn.execute(sa.delete(table).where(chosen)).rowcount

    return Step(what, table, key, due, act, age, before)


def _blank(
    what: str, table: sa.Table, key: sa.Column[int], settled: Condition, before: float
) -> Step:
    age = inbox.c.received_at if table is inbox else outbox.c.created_at

    def act(conn: sa.Connection, chosen: Condition) -> int:
        return conn.execute(sa.update(table).where(chosen).values(text=None)).rowcount

    return Step(what, table, key, sa.and_(settled, table.c.text.is_not(None)), act, age, before)


def _park_no_longer(before: float) -> Step:
    """Nobody took it up again: from now on nobody can, because its text goes."""
    due = sa.and_(inbox.c.state == sa.literal_column("'parked'"), inbox.c.received_at < before)
    ignored = {"state": "ignored", "error": PARKED_TOO_LONG, "text": None}

    def act(conn: sa.Connection, chosen: Condition) -> int:
        return conn.execute(sa.update(inbox).where(chosen).values(ignored)).rowcount

    return Step("parked_messages", inbox, inbox.c.id, due, act, inbox.c.received_at, before)


def _is_settled_message(before: float) -> Condition:
    return sa.and_(inbox.c.state.in_(("done", "ignored")), inbox.c.received_at < before)


def _is_settled_answer(before: float) -> Condition:
    may_be_sent_yet = (
        sa.select(inbox.c.id)
        .where(inbox.c.turn_id == outbox.c.turn_id, inbox.c.state.in_(("parked", "answered")))
        .exists()
    )
    is_given_up = sa.and_(outbox.c.state == "parked", ~may_be_sent_yet)
    return sa.and_(outbox.c.created_at < before, sa.or_(outbox.c.state == "sent", is_given_up))


def _forget_customers(before: float, now: float) -> Step:
    """Of somebody who has not written for long only turns are left: they become nobody's."""
    due = sa.and_(
        conversations.c.created_at < before,
        sa.func.coalesce(conversations.c.lease_until, 0.0) < now,
        sa.func.coalesce(conversations.c.paused_until, 0.0) < now,
        conversations.c.user_id.is_distinct_from(people.NOBODY),
        *(
            ~sa.select(1).where(table.c.conversation_id == conversations.c.id).exists()
            for table in (inbox, outbox)
        ),
    )

    def act(conn: sa.Connection, chosen: Condition) -> int:
        gone = conn.execute(
            sa.select(conversations.c.id, conversations.c.client_id).where(chosen)
        ).all()
        changed = 0
        for conversation_id, client_id in gone:
            changed += people.unlink_turns(
                conn,
                client_id=client_id,
                conversation_ids=(conversation_id,),
                now=now,
                limit=CHUNK - changed,
            )
            if changed >= CHUNK:
                break
            conn.execute(sa.delete(conversations).where(conversations.c.id == conversation_id))
            changed += 1
        return changed

    age = conversations.c.created_at
    return Step("customer_rows", conversations, conversations.c.id, due, act, age, before)
