"""What an operator has dropped stays dropped, whatever Meta tells of it afterwards."""

import pytest
import sqlalchemy as sa

from daemon.core import inboxes, sending
from daemon.core.sending import Begun
from daemon.core.store.audit import Actor
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection
from daemon.core.store.outbox import Outgoing
from daemon.core.store.schema import inbox
from tests.doubles.bookkeeping import keep, send, settle
from tests.doubles.store_kit import NOW, told

TEST = Actor("test")
CODE = "131026"


def drop_in_doubt(conn: Connection, client: Client) -> Outgoing:
    """Let Meta have an answer or not, park it for that, and drop it."""
    kept = keep(conn, client, "w1")
    (row,) = settle(conn, client, kept, "Answer.")
    assert Begun.OURS is sending.begin(conn, row)
    sending.give_up(conn, row, error="in_doubt")
    inboxes.drop(conn, kept.id, now=NOW, actor=TEST)
    return row


def tell(conn: Connection, client: Client, row: Outgoing, *words: str) -> None:
    for word in words:
        codes = (int(CODE),) if word == "failed" else ()
        status = told(word, callback_id=row.id, error_codes=codes)
        sending.record_status(conn, client.id, status)


def shown(conn: Connection) -> tuple[str, str | None]:
    ((state, error),) = conn.execute(sa.select(inbox.c.state, inbox.c.error))
    return state, error


@pytest.mark.parametrize("words", [("failed",), ("sent", "failed"), ("failed", "sent"), ("sent",)])
def test_what_did_not_arrive_is_not_sent_again(
    conn: Connection, a: Client, words: tuple[str, ...]
) -> None:
    """Not with all that failed for the same reason either."""
    tell(conn, a, drop_in_doubt(conn, a), *words)
    assert ("ignored", "dropped") == shown(conn)
    assert () == inboxes.find_retryable(conn, error=CODE, now=NOW)
    assert () == inboxes.find_retryable(conn, error=None, now=NOW)


@pytest.mark.parametrize("words", [("delivered",), ("sent", "read"), ("failed", "delivered")])
def test_what_arrived_all_the_same_is_done(
    conn: Connection, a: Client, words: tuple[str, ...]
) -> None:
    """The customer has it: nothing is to be hidden."""
    tell(conn, a, drop_in_doubt(conn, a), *words)
    assert ("done", None) == shown(conn)


def test_the_reason_outlives_a_part_that_failed(conn: Connection, a: Client) -> None:
    """Of a long answer one message was sent before the rest was dropped."""
    kept = keep(conn, a, "w1")
    first, second = settle(conn, a, kept, "Welcome.", "Answer.")
    send(conn, first)
    assert Begun.OURS is sending.begin(conn, second)
    sending.give_up(conn, second, error="131016")
    inboxes.drop(conn, kept.id, now=NOW, actor=TEST)
    tell(conn, a, first, "failed")
    assert ("ignored", "dropped") == shown(conn)
