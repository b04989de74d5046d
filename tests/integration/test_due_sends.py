"""What the sweeper is told may be sent: nobody's backlog hides another's, and no row is sorted."""

import pytest

from daemon.core import sending
from daemon.core.store.clients import Client
from daemon.core.store.due_sends import START, list_due
from daemon.core.store.engine import Connection
from daemon.core.store.outbox import Outgoing
from tests.doubles.bookkeeping import keep, send, settle
from tests.doubles.query_plans import explain
from tests.doubles.store_kit import NOW

LIMIT = 5


def back_off(conn: Connection, client: Client, customer: str) -> tuple[Outgoing, ...]:
    """Answer in two parts, of which Meta puts the first off for a quarter of an hour."""
    rows = settle(conn, client, keep(conn, client, f"w{customer}", customer=customer), "one", "two")
    assert sending.Begun.OURS is sending.begin(conn, rows[0])
    sending.postpone(conn, rows[0], error="130429", due_at=NOW + 900)
    return rows


def due(conn: Connection, *, now: float) -> tuple[tuple[int, int], ...]:
    return tuple(found[1:] for found in list_due(conn, now=now, limit=LIMIT))


def test_answers_in_their_back_off_hide_nothing_that_is_due(
    conn: Connection, a: Client, b: Client
) -> None:
    """More than a page of one client's second parts, due since they were made, come to no list."""
    rows = [back_off(conn, a, f"34{number}") for number in range(LIMIT + 1)]
    (due_one,) = settle(conn, b, keep(conn, b, "w", customer="34999"), now=NOW + 50)
    expected = ((b.id, due_one.conversation_id),)
    assert expected == due(conn, now=NOW + 60)
    assert LIMIT == len(due(conn, now=NOW + 900))
    listed = {conversation_id for _, conversation_id in due(conn, now=NOW + 900)}
    assert listed <= {row.conversation_id for row, _ in rows} | {due_one.conversation_id}


def test_the_next_part_is_due_when_the_first_is_sent(conn: Connection, a: Client) -> None:
    """And each conversation is listed once, however many parts of it may go."""
    first, second = settle(conn, a, keep(conn, a, "w1"), "one", "two")
    expected = ((a.id, first.conversation_id),)
    assert expected == due(conn, now=NOW)
    send(conn, first)
    assert expected == due(conn, now=NOW)
    send(conn, second)
    assert () == due(conn, now=NOW)


@pytest.mark.parametrize("count", [0, 300])
def test_the_list_is_read_from_partial_indexes(conn: Connection, a: Client, count: int) -> None:
    """In the order of the index, with one look at the conversation's own open rows for each."""
    for number in range(count):
        back_off(conn, a, f"34{number}")
    plan = explain(conn, lambda: due(conn, now=NOW + 60))
    assert any("outbox USING INDEX ix_outbox_due" in line for line in plan), plan
    found = "earlier USING INDEX ix_outbox_open (client_id=? AND conversation_id=? AND seq<?)"
    assert any(found in line for line in plan), plan
    assert not any(line.startswith("SCAN") or "TEMP B-TREE" in line for line in plan), plan


def test_a_long_list_is_paged_through_to_its_end(conn: Connection, a: Client, b: Client) -> None:
    """What is due at the same moment too, each once: nobody's is behind for ever."""
    for number in range(2 * LIMIT):
        settle(conn, a, keep(conn, a, f"w{number}", customer=f"34{number}"))
    (late,) = settle(conn, b, keep(conn, b, "w", customer="34999"), now=NOW + 1)
    seen, after = [], START
    while page := list_due(conn, now=NOW + 9, after=after, limit=LIMIT):
        seen += [found[1:] for found in page]
        after = page[-1][0]
    assert 2 * LIMIT + 1 == len(seen) == len(set(seen))
    assert (b.id, late.conversation_id) == seen[-1]
