"""What the inbox shows and finds, and that it does so from its partial indexes."""

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from daemon.core import sending, turns
from daemon.core.clients import stop_client
from daemon.core.meta.wire import Customer
from daemon.core.store import due_sends, retrying
from daemon.core.store import inbox as store
from daemon.core.store import inbox_entries as entries
from daemon.core.store import outbox as outbox_store
from daemon.core.store.clients import Client
from daemon.core.store.conversations import ensure_conversation
from daemon.core.store.engine import Connection
from daemon.core.store.inbox import ConversationGone, Depth, NewMessage, insert_messages
from daemon.core.store.prepared import ROWS_LIMIT
from tests.doubles.query_plans import explain
from tests.doubles.store_kit import NOW, answer, take


def write(conn: Connection, client: Client, wamid: str, **fields: Any) -> int:
    customer = fields.pop("customer", Customer("ES.1", "34600"))
    number = ensure_conversation(conn, client_id=client.id, customer=customer, now=NOW).id
    plain: dict[str, Any] = {"received_at": NOW, "state": "pending"}
    insert_messages(
        conn,
        [
            NewMessage(
                wamid=wamid,
                client_id=client.id,
                conversation_id=number,
                type="text",
                text="hola",
                sent_at=NOW,
                **(plain | fields),
            )
        ],
    )
    return number


def shown(conn: Connection, **options: Any) -> list[tuple[str, str]]:
    return [(entry.wamid, entry.state) for entry in entries.list_entries(conn, now=NOW, **options)]


def test_known_wamids_are_dropped_and_new_ones_counted(conn: Connection, a: Client) -> None:
    """Also within one statement."""
    number = write(conn, a, "1")

    def batch(*wamids: str) -> list[NewMessage]:
        return [
            NewMessage(wamid, a.id, number, "text", None, NOW, NOW, "pending") for wamid in wamids
        ]

    assert [2, 0, 0] == [
        insert_messages(conn, batch(*wamids)) for wamids in (("1", "2", "3", "2"), ("3",), ())
    ]


def test_more_messages_than_one_statement_takes_are_all_kept(conn: Connection, a: Client) -> None:
    """Each with what was its own."""
    number = write(conn, a, "1")
    many = [
        NewMessage(f"m{n}", a.id, number, "text", f"text {n}", NOW + n, NOW, "pending")
        for n in range(2 * ROWS_LIMIT + 1)
    ]
    assert len(many) == insert_messages(conn, many)
    kept = conn.exec_driver_sql(
        "SELECT wamid, client_id, conversation_id, type, text, sent_at, received_at, state"
        " FROM inbox WHERE wamid LIKE 'm%' ORDER BY id"
    )
    assert many == [NewMessage(*row) for row in kept]


def test_another_broken_rule_is_not_swallowed(conn: Connection, a: Client) -> None:
    """Only a known wamid is dropped in silence."""
    number = write(conn, a, "1")
    odd: Any = "odd"
    with pytest.raises(sqlite3.IntegrityError):
        insert_messages(conn, [NewMessage("2", a.id, number, "text", None, NOW, NOW, odd)])
    with pytest.raises(ConversationGone):
        insert_messages(conn, [NewMessage("3", a.id, 99, "text", None, NOW, NOW, "pending")])


def test_an_operator_sees_how_far_each_message_has_come(conn: Connection, a: Client) -> None:
    """Pending, working while it is in hand or on its way, done, parked, ignored."""
    write(conn, a, "ignored", state="ignored")
    number = write(conn, a, "1")
    assert [("ignored", "ignored"), ("1", "pending")] == shown(conn)
    hand = take(conn, a.id, number)
    assert hand is not None
    write(conn, a, "later")
    assert [("1", "working"), ("later", "pending")] == shown(conn)[1:]
    (sent,) = answer(conn, hand)
    assert [("1", "working"), ("later", "pending")] == shown(conn)[1:]
    sending.begin(conn, sent)
    sending.accepted(conn, sent, wamid="w", now=NOW)
    turns.release(conn, hand)
    assert [("1", "done"), ("later", "pending")] == shown(conn)[1:]
    again = take(conn, a.id, number)
    assert again is not None
    turns.park(conn, again, "expired", now=NOW)
    assert [("1", "done"), ("later", "parked")] == shown(conn)[1:]


def test_a_stopped_clients_answers_are_pending(conn: Connection, a: Client, b: Client) -> None:
    """They wait for a token like everything else of that client, and of no other."""
    for client in (a, b):
        hand = take(conn, client.id, write(conn, client, client.name))
        assert hand is not None
        answer(conn, hand)
    stop_client(conn, a.id, code=190, access_token="t", now=NOW)
    assert [("A", "pending"), ("B", "working")] == shown(conn)
    assert [("A", "pending")] == shown(conn, state="pending")


def test_a_list_is_oldest_first_and_limited_to_the_newest(conn: Connection, a: Client) -> None:
    """By state too."""
    for wamid in "1234":
        write(conn, a, wamid, state="ignored" if wamid == "3" else "pending")
    assert ["3", "4"] == [wamid for wamid, _ in shown(conn, limit=2)]
    assert ["2", "4"] == [wamid for wamid, _ in shown(conn, limit=2, state="pending")]
    assert [] == shown(conn, state="parked")


@pytest.mark.parametrize(
    ("customer", "printed"),
    [
        (Customer("ES.1", "34600"), "34600"),
        (Customer("ES.1", None), "ES.1"),
        (Customer(None, "34600"), "34600"),
    ],
)
def test_a_customer_is_shown_by_phone_or_user_id(
    conn: Connection, a: Client, customer: Customer, printed: str
) -> None:
    """The phone's digits where they are known."""
    write(conn, a, "1", customer=customer)
    detail = entries.find_detail(conn, 1, now=NOW)
    assert detail is not None
    assert (printed, "hola", 1, None) == (
        detail.entry.customer,
        detail.text,
        detail.conversation_id,
        detail.turn_id,
    )
    assert entries.find_detail(conn, 2, now=NOW) is None


def test_what_waits_is_counted_with_its_age(conn: Connection, a: Client) -> None:
    """Pending and answered wait; done does not; parked is counted apart."""
    assert Depth(0, 0.0, 0) == store.measure_depth(conn, now=NOW)
    number = write(conn, a, "1", received_at=NOW - 9)
    assert Depth(1, 9.0, 0) == store.measure_depth(conn, now=NOW)
    hand = take(conn, a.id, number)
    assert hand is not None
    (sent,) = answer(conn, hand)
    write(conn, a, "2", received_at=NOW - 5)
    assert Depth(2, 9.0, 0) == store.measure_depth(conn, now=NOW)
    sending.accepted(conn, sent, wamid="w", now=NOW)
    turns.release(conn, hand)
    assert Depth(1, 5.0, 0) == store.measure_depth(conn, now=NOW)
    assert store.measure_depth(conn, now=NOW - 99).oldest_s == 0.0
    again = take(conn, a.id, number)
    assert again is not None
    turns.park(conn, again, "expired", now=NOW)
    assert Depth(0, 0.0, 1) == store.measure_depth(conn, now=NOW)


def test_the_backlog_is_paged(conn: Connection, a: Client, b: Client) -> None:
    """Every pending message of every client, page by page."""
    for wamid in "123":
        write(conn, a, f"a{wamid}", state="ignored" if wamid == "2" else "pending")
    write(conn, b, "b1")
    first = store.pending_after(conn, 0, limit=2)
    assert ((1, 1, 1, NOW), (3, 1, 1, NOW)) == first
    assert ((4, 2, 2, NOW),) == store.pending_after(conn, first[-1][0], limit=2)
    assert () == store.pending_after(conn, 4, limit=2)


def test_one_message_is_marked_for_its_own_client_only(
    conn: Connection, a: Client, b: Client
) -> None:
    """Dropped by B's id, A's message waits on."""
    write(conn, a, "1")
    retrying.drop_one(conn, client_id=b.id, inbox_id=1)
    assert [("1", "pending")] == shown(conn)
    retrying.drop_one(conn, client_id=a.id, inbox_id=1)
    assert [("1", "ignored")] == shown(conn)


def test_every_look_at_the_queues_uses_its_partial_index(conn: Connection, a: Client) -> None:
    """At a million rows a claim costs what it costs at a thousand."""
    number = write(conn, a, "1")
    hand = take(conn, a.id, number)
    assert hand is not None
    (sent,) = answer(conn, hand)
    held = hand.conversation
    wanted: list[tuple[str, Callable[[], object]]] = [
        ("SEARCH inbox USING INDEX ix_inbox_claim", lambda: store.pending_of(conn, held)),
        ("SEARCH inbox USING INDEX ix_inbox_claim", lambda: store.has_pending(conn, held)),
        (
            "SEARCH inbox USING INDEX ix_inbox_pending",
            lambda: store.pending_after(conn, 0, limit=9),
        ),
        ("INDEX ix_inbox_conversation", lambda: store.newest_sent_at(conn, a.id, number)),
        (
            "SEARCH inbox USING INDEX ix_inbox_turn",
            lambda: store.mark_turn(conn, client_id=a.id, turn_id=1, error=None),
        ),
        ("SEARCH outbox USING INDEX ix_outbox_open", lambda: outbox_store.open_of(conn, held)),
        (
            "SEARCH outbox USING INDEX ix_outbox_due",
            lambda: due_sends.list_due(conn, now=NOW, limit=9),
        ),
        ("SEARCH outbox USING INTEGER PRIMARY KEY", lambda: outbox_store.take(conn, sent)),
        (
            "SEARCH outbox USING INDEX ix_outbox_turn",
            lambda: outbox_store.is_turn_open(conn, client_id=a.id, turn_id=1),
        ),
        (
            "SEARCH outbox USING INDEX sqlite_autoindex_outbox_1",
            lambda: outbox_store.find_known(conn, client_id=a.id, outbox_id="x", wamid="w"),
        ),
        (
            "SEARCH outbox USING INDEX ix_outbox_wamid",
            lambda: outbox_store.find_known(conn, client_id=a.id, outbox_id=None, wamid="w"),
        ),
    ]
    for index, run in wanted:
        plan = explain(conn, run)
        assert any(index in line for line in plan), plan
        assert not any(line.startswith("SCAN inbox") or "TEMP B-TREE" in line for line in plan), (
            plan
        )


def test_the_gauges_and_the_start_read_partial_indexes_too(conn: Connection, a: Client) -> None:
    """The sweep measures twice a second; no statement of it reads a whole table."""
    write(conn, a, "1")
    for run in (
        lambda: store.measure_depth(conn, now=NOW),
        lambda: outbox_store.doubt_all_sending(conn, until=NOW),
        lambda: store.newest_received_at(conn),
    ):
        plan = explain(conn, run)
        whole = [line for line in plan if line in ("SCAN inbox", "SCAN outbox")]
        newest = ["SCAN inbox"] if len(plan) == 1 else []
        assert newest == whole, plan
