"""Deletes what is too old, a few rows at a time: how it is found, and what is done to it.

A conversation that somebody has in hand is touched by nothing here, however old what waits in it
is. How old is too old is `core.retention`'s to say.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from daemon.core.retention import Limits
from daemon.core.store import people
from daemon.core.store.outbox import OPEN
from daemon.core.store.schema import (
    conversations,
    happenings,
    idempotency,
    inbox,
    outbox,
    tokens,
    turns,
)

CHUNK = 200
"""Rows changed in one transaction: a few milliseconds of the writer's time."""

SPAN = 2_000
"""Ids looked at in one go, beside the writer."""

TOO_LATE = "retention"
"""The error of what was not answered, sent, or taken up again while its text was kept."""

Condition = sa.ColumnElement[bool]

_LET_GO = {"state": "ignored", "error": TOO_LATE, "text": None}


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


def list_steps(limits: Limits) -> tuple[Step, ...]:
    """List what is too old, in the order in which it must go.

    A question loses its text no later than its answer: until then it could be taken up again.
    """
    return (
        *_list_messages(limits),
        *_list_answers(limits),
        _delete_happenings(limits.rows),
        _forget_customers(limits.rows, limits.now),
        _delete_turns(limits.turns),
        _delete("tokens", tokens, tokens.c.id, tokens.c.revoked_at < limits.rows),
        _delete(
            "repeated_calls",
            idempotency,
            sa.literal_column("idempotency.rowid", sa.Integer),
            idempotency.c.created_at < limits.answers,
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


def _list_messages(limits: Limits) -> tuple[Step, ...]:
    # Rows first: what is let go now keeps its own until the next run, and shows why.
    key, age = inbox.c.id, inbox.c.received_at
    is_settled = inbox.c.state.in_(("done", "ignored"))
    has_answer = sa.or_(is_settled, inbox.c.state == "answered")
    is_waiting = sa.and_(inbox.c.state == "pending", ~_is_in_hand(inbox, limits.now))
    return (
        _delete("messages", inbox, key, is_settled, age=age, before=limits.rows),
        _let_go("unanswered_messages", is_waiting, limits.waiting),
        _let_go("parked_messages", inbox.c.state == "parked", limits.texts),
        _blank("message_texts", inbox, key, has_answer, age=age, before=limits.texts),
    )


def _list_answers(limits: Limits) -> tuple[Step, ...]:
    key, age = outbox.c.seq, outbox.c.created_at
    may_be_sent_yet = (
        sa.select(inbox.c.id)
        .where(inbox.c.turn_id == outbox.c.turn_id, inbox.c.state.in_(("parked", "answered")))
        .exists()
    )
    is_given_up = sa.and_(outbox.c.state == "parked", ~may_be_sent_yet)
    is_settled = sa.or_(outbox.c.state == "sent", is_given_up)
    return (
        _delete("answers", outbox, key, is_settled, age=age, before=limits.rows),
        _give_up_unsent(limits),
        _blank("answer_texts", outbox, key, is_settled, age=age, before=limits.texts),
    )


def _delete(
    what: str,
    table: sa.Table,
    key: sa.ColumnElement[Any],
    due: Condition,
    *,
    age: sa.Column[float] | None = None,
    before: float = 0.0,
) -> Step:
    """Delete what is due and, with `age`, also older than `before`."""

    def act(conn: sa.Connection, chosen: Condition) -> int:
        return conn.execute(sa.delete(table).where(chosen)).rowcount

    too_old = due if age is None else sa.and_(due, age < before)
    return Step(what, table, key, too_old, act, age, before)


def _blank(
    what: str,
    table: sa.Table,
    key: sa.Column[int],
    due: Condition,
    *,
    age: sa.Column[float],
    before: float,
) -> Step:
    def act(conn: sa.Connection, chosen: Condition) -> int:
        return conn.execute(sa.update(table).where(chosen).values(text=None)).rowcount

    too_old = sa.and_(due, age < before, table.c.text.is_not(None))
    return Step(what, table, key, too_old, act, age, before)


def _let_go(what: str, due: Condition, before: float) -> Step:
    """Nobody has taken it up: from now on nobody can, because its text goes."""

    def act(conn: sa.Connection, chosen: Condition) -> int:
        return conn.execute(sa.update(inbox).where(chosen).values(_LET_GO)).rowcount

    too_old = sa.and_(due, inbox.c.received_at < before)
    return Step(what, inbox, inbox.c.id, too_old, act, inbox.c.received_at, before)


def _give_up_unsent(limits: Limits) -> Step:
    """Meta takes it no longer; what it would have answered is let go with it."""
    too_late = sa.and_(OPEN, outbox.c.created_at < limits.waiting)
    due = sa.and_(too_late, ~_is_in_hand(outbox, limits.now))
    given_up = {"state": "parked", "error": TOO_LATE, "text": None}

    def act(conn: sa.Connection, chosen: Condition) -> int:
        changed = sa.update(outbox).where(chosen).values(given_up).returning(outbox.c.turn_id)
        turn_ids = conn.execute(changed).scalars().all()
        waited = sa.and_(inbox.c.turn_id.in_(set(turn_ids)), inbox.c.state == "answered")
        conn.execute(sa.update(inbox).where(waited).values(_LET_GO))
        return len(turn_ids)

    age = outbox.c.created_at
    return Step("unsent_answers", outbox, outbox.c.seq, due, act, age, limits.waiting)


def _is_in_hand(table: sa.Table, now: float) -> Condition:
    lease = sa.select(1).where(
        conversations.c.id == table.c.conversation_id, conversations.c.lease_until >= now
    )
    return lease.exists()


def _delete_happenings(before: float) -> Step:
    # The newest stays: whoever reads events knows the table's end by it.
    newest = sa.select(sa.func.max(happenings.c.id)).scalar_subquery()
    is_read = happenings.c.id < newest
    age = happenings.c.at
    return _delete("happenings", happenings, happenings.c.id, is_read, age=age, before=before)


def _delete_turns(before: float) -> Step:
    """With a long retention messages and answers may still name what is as old as that."""
    is_free = sa.and_(
        *(~sa.select(1).where(table.c.turn_id == turns.c.id).exists() for table in (inbox, outbox))
    )
    age = turns.c.created_at
    return _delete("turns", turns, turns.c.id, is_free, age=age, before=before)


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
