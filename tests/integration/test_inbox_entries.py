"""A list of messages with a limit looks at no more of them than it must, in every state."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event

from daemon.core.store import inbox_entries as entries
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection, Database
from daemon.core.store.inbox_entries import InboxState
from tests.doubles.store_kit import NOW

STATES: tuple[InboxState, ...] = ("pending", "working", "done", "parked", "ignored")


@pytest.fixture
def conn(database: Database, client_a: Client, client_b: Client) -> Iterator[Connection]:
    """Fill an inbox: ids 1 to 60, five in each state and client; those of B are stopped."""
    assert (1, 2) == (client_a.id, client_b.id)
    with database.engine.connect().execution_options(writes=True) as opened:
        opened.begin()
        for client in (1, 2):
            for lease in (0, 1):
                opened.exec_driver_sql(
                    "INSERT INTO conversations (id, client_id, wa_id, fence, created_at,"
                    " lease_until) VALUES (?, ?, ?, 0, 0, ?)",
                    (10 * client + lease, client, f"w{client}{lease}", NOW + 9 if lease else None),
                )
        stored = ("pending", "held", "answered", "done", "parked", "ignored")
        for number in range(60):
            client, state = 1 + number % 2, stored[number // 2 % 6]
            opened.exec_driver_sql(
                "INSERT INTO inbox (wamid, client_id, conversation_id, type, sent_at, received_at,"
                " state, attempts) VALUES (?, ?, ?, 'text', 0, 0, ?, 1)",
                (
                    f"{state}.{client}.{number}",
                    client,
                    10 * client + (state == "held"),
                    "pending" if state == "held" else state,
                ),
            )
        opened.exec_driver_sql("UPDATE clients SET stopped_code = 190 WHERE id = 2")
        yield opened


def listed(conn: Connection, **options: Any) -> list[str]:
    return [entry.wamid for entry in entries.list_entries(conn, now=NOW, **options)]


@pytest.mark.parametrize("client_id", [None, 1, 2])
@pytest.mark.parametrize("state", [None, *STATES])
def test_a_list_is_the_end_of_the_whole(
    conn: Connection, state: InboxState | None, client_id: int | None
) -> None:
    """Of every state and client: the newest so many, oldest first, and each as it is shown."""
    everything = [
        entry
        for entry in entries.list_entries(conn, now=NOW)
        if state in {None, entry.state} and client_id in {None, entry.client_id}
    ]
    for limit in (None, 1, 3, 1000):
        found = entries.list_entries(conn, now=NOW, state=state, client_id=client_id, limit=limit)
        assert tuple(everything[-(limit or 1000) :]) == found
    ids = [entry.id for entry in everything]
    older = entries.list_entries(
        conn, now=NOW, state=state, client_id=client_id, before=ids[-1] if ids else 1, limit=2
    )
    assert ids[:-1][-2:] == [entry.id for entry in older]


def test_each_message_is_in_one_state(conn: Connection) -> None:
    """A stopped client's answers wait like its messages."""
    words = {
        state: {name.rpartition(".")[0] for name in listed(conn, state=state)} for state in STATES
    }
    assert {
        "pending": {"pending.1", "pending.2", "answered.2"},
        "working": {"held.1", "held.2", "answered.1"},
        "done": {"done.1", "done.2"},
        "parked": {"parked.1", "parked.2"},
        "ignored": {"ignored.1", "ignored.2"},
    } == words
    assert 60 == sum(len(listed(conn, state=state)) for state in STATES)


def test_another_clients_messages_are_in_no_list(conn: Connection) -> None:
    """The two-tenant proof, for every state and cursor."""
    for state in (None, *STATES):
        for before in (None, 50):
            for client_id in (1, 2):
                found = entries.list_entries(
                    conn, now=NOW, state=state, client_id=client_id, before=before, limit=1000
                )
                assert {client_id} == {entry.client_id for entry in found}


def test_whose_message_it_is(conn: Connection) -> None:
    """Or nobody's."""
    assert [1, 2, None] == [entries.find_owner(conn, number) for number in (1, 2, 999)]


@pytest.mark.parametrize("state", [None, *STATES])
def test_the_search_ends_at_the_limit(conn: Connection, state: InboxState | None) -> None:
    """From the newest down, by an index where there is one, and nothing is sorted that is long."""
    seen: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, sql: str, values: Any, *_rest: Any) -> None:
        seen.append((sql, values))

    event.listen(conn.engine, "before_cursor_execute", note)
    entries.list_entries(conn, now=NOW, state=state, limit=5)
    event.remove(conn.engine, "before_cursor_execute", note)
    ((sql, values),) = seen
    plan = [row[3] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
    scans = [step for step in plan if step.startswith("SCAN inbox")]
    expected = {
        "pending": ["ix_inbox_pending", "ix_inbox_answered"],
        "working": ["ix_inbox_pending", "ix_inbox_answered"],
        "parked": ["ix_inbox_parked"],
    }
    names = expected.get(state or "")
    if names is None:
        # By id, from the end; a limit stops it.
        assert ["SCAN inbox"] == [step.partition(" USING")[0] for step in scans]
        assert not [step for step in plan if "TEMP B-TREE" in step]
        return
    assert [f"SCAN inbox USING INDEX {name}" for name in names] == scans
