"""Who a customer is: known by one id or two, joined, re-keyed, and never another's."""

import itertools
from typing import Any

import pytest
import sqlalchemy as sa

from daemon.core import sending
from daemon.core.meta.wire import Customer
from daemon.core.store import conversations as store
from daemon.core.store import pausing
from daemon.core.store.clients import Client
from daemon.core.store.conversations import LeaseLost
from daemon.core.store.engine import Connection, Database
from daemon.core.store.schema import conversations, inbox, outbox, turns
from tests.doubles.conversing import BOTH, PHONE, USER, ensure, rekey, rows, write
from tests.doubles.store_kit import NOW, answer, take


@pytest.mark.parametrize("order", list(itertools.permutations([USER, PHONE, BOTH])))
def test_a_customer_is_one_whatever_is_seen_first(
    database: Database, client_a: Client, order: tuple[Customer, ...]
) -> None:
    """user_id, wa_id, both: in every order they end in one conversation with both ids."""
    for customer in order:
        database.write(lambda conn, c=customer: ensure(conn, client_a, c))  # type: ignore[misc]
    kept = rows(database)
    assert [(client_a.id, "ES.1", "34600")] == list(kept.values())
    assert {database.write(lambda conn: ensure(conn, client_a, BOTH))} == set(kept)


def test_the_same_customer_of_two_clients_has_two_conversations(
    database: Database, client_a: Client, client_b: Client
) -> None:
    """Nothing of one client leads to another."""
    for client in (client_a, client_b, client_a, client_b):
        database.write(lambda conn, client=client: ensure(conn, client, BOTH))  # type: ignore[misc]
    assert [(1, "ES.1", "34600"), (2, "ES.1", "34600")] == list(rows(database).values())


def test_joining_moves_all_that_was_said(
    database: Database, client_a: Client, client_b: Client
) -> None:
    """Messages, answers, records and the welcome; the other client's stay where they are."""

    def make(conn: Connection, client: Client) -> tuple[int, int]:
        by_phone, by_user = ensure(conn, client, PHONE), ensure(conn, client, USER)
        write(conn, client, by_phone, f"old {client.id}")
        hand = take(conn, client.id, by_phone)
        assert hand is not None
        (row,) = answer(conn, hand)
        sending.accepted(conn, row, wamid=None, now=NOW)
        write(conn, client, by_phone, f"new {client.id}")
        return by_phone, by_user

    _, into = database.write(lambda conn: make(conn, client_a))
    others = database.write(lambda conn: make(conn, client_b))[0]
    assert into == database.write(lambda conn: ensure(conn, client_a, BOTH))

    def where(conn: Connection) -> dict[str, list[Any]]:
        return {
            table.name: list(
                conn.execute(
                    sa.select(table.c.conversation_id).order_by(*table.primary_key.columns)
                ).scalars()
            )
            for table in (inbox, outbox, turns)
        }

    assert {
        "inbox": [into, into, others, others],
        "outbox": [into, others],
        "turns": [into, others],
    } == database.read(where)
    hand = database.write(lambda conn: take(conn, client_a.id, into))
    assert hand is not None
    assert hand.conversation.welcomed_at == NOW


def test_a_welcome_that_both_had_stays_the_later_conversations(
    database: Database, client_a: Client
) -> None:
    """Joining never takes a welcome away."""

    def make(conn: Connection) -> int:
        for customer in (PHONE, USER):
            number = ensure(conn, client_a, customer)
            store.note_welcome(
                conn, client_id=client_a.id, conversation_id=number, turn_id=0, now=NOW + number
            )
        return ensure(conn, client_a, BOTH)

    into = database.write(make)
    hand = database.write(
        lambda conn: store.lease(
            conn, client_id=client_a.id, conversation_id=into, now=NOW, until=NOW + 1
        )
    )
    assert hand is not None
    assert hand.welcomed_at == NOW + into


def test_a_number_that_passed_to_another_person_is_another_conversation(
    database: Database, client_a: Client
) -> None:
    """The new owner does not get the old one's history; that stays under the user_id."""
    old = database.write(lambda conn: ensure(conn, client_a, BOTH))
    new = database.write(lambda conn: ensure(conn, client_a, Customer("ES.2", "34600")))
    assert {old: (1, "ES.1", None), new: (1, "ES.2", "34600")} == rows(database)


def test_a_number_may_pass_between_two_known_people(database: Database, client_a: Client) -> None:
    """No row breaks the rule that a number leads to one conversation."""
    first = database.write(lambda conn: ensure(conn, client_a, BOTH))
    second = database.write(lambda conn: ensure(conn, client_a, Customer("ES.2", None)))
    moved = database.write(
        lambda conn: store.ensure_conversation(
            conn, client_id=client_a.id, customer=Customer("ES.2", "34600"), now=NOW
        )
    )
    assert (second, None) == (moved.id, moved.former_wa_id)
    assert {first: (1, "ES.1", None), second: (1, "ES.2", "34600")} == rows(database)


def test_a_customer_with_a_new_number_gives_the_old_one_up(
    database: Database, client_a: Client
) -> None:
    """Whoever writes from the old number next is somebody else."""
    first = database.write(lambda conn: ensure(conn, client_a, BOTH))
    opened = database.write(
        lambda conn: store.ensure_conversation(
            conn, client_id=client_a.id, customer=Customer("ES.1", "34700"), now=NOW
        )
    )
    assert (first, "34600") == (opened.id, opened.former_wa_id)
    assert first != database.write(lambda conn: ensure(conn, client_a, PHONE))


def test_seeing_less_than_is_known_forgets_nothing(database: Database, client_a: Client) -> None:
    """A message without the number leaves the number in place, and the other way round."""
    first = database.write(lambda conn: ensure(conn, client_a, BOTH))
    for customer in (USER, PHONE, BOTH):
        assert first == database.write(lambda conn, c=customer: ensure(conn, client_a, c))  # type: ignore[misc]
    assert {first: (1, "ES.1", "34600")} == rows(database)


OTHER = Customer("ES.2", "34700")


@pytest.mark.parametrize(
    ("known", "old", "new", "after"),
    [
        ([PHONE], PHONE, Customer(None, "34700"), [(None, "34700")]),
        ([BOTH], PHONE, Customer(None, "34700"), [("ES.1", "34700")]),
        ([BOTH], BOTH, Customer("ES.1", "34700"), [("ES.1", "34700")]),
        ([BOTH], USER, Customer("ES.2", None), [("ES.2", "34600")]),
        ([PHONE], BOTH, Customer("ES.2", "34600"), [("ES.2", "34600")]),
        ([BOTH], BOTH, BOTH, [("ES.1", "34600")]),
        ([], BOTH, OTHER, []),
        ([PHONE], Customer("ES.9", "34600"), PHONE, [(None, "34600")]),
        ([USER], PHONE, Customer(None, "34700"), [("ES.1", None)]),
        # The target exists already: the two become one.
        ([BOTH, Customer("ES.2", None)], USER, Customer("ES.2", None), [("ES.2", "34600")]),
        ([BOTH, OTHER], USER, Customer("ES.2", None), [("ES.2", "34700")]),
        ([PHONE, Customer(None, "34700")], PHONE, Customer(None, "34700"), [(None, "34700")]),
        ([BOTH, Customer(None, "34700")], BOTH, Customer("ES.1", "34700"), [("ES.1", "34700")]),
        ([BOTH, Customer("ES.2", None), Customer(None, "34700")], BOTH, OTHER, [("ES.2", "34700")]),
        # The new number was another person's: only the number moves.
        ([BOTH, OTHER], BOTH, Customer("ES.1", "34700"), [("ES.1", "34700"), ("ES.2", None)]),
        ([BOTH, OTHER], PHONE, Customer(None, "34700"), [("ES.1", "34700"), ("ES.2", None)]),
        # The old number is another person's by now, and the notice is not about them.
        ([BOTH], Customer("ES.9", "34600"), OTHER, [("ES.1", "34600")]),
    ],
)
def test_a_rekeyed_customer_keeps_the_conversation(
    database: Database,
    client_a: Client,
    client_b: Client,
    known: list[Customer],
    old: Customer,
    new: Customer,
    after: list[tuple[str | None, str | None]],
) -> None:
    """Whatever Meta leaves out, and whoever is known already; the other client is untouched."""

    def run(conn: Connection) -> None:
        for customer in known:
            write(conn, client_a, ensure(conn, client_a, customer), str(customer))
            ensure(conn, client_b, customer)
        rekey(conn, client_a, old, new)

    database.write(run)
    kept = rows(database).values()
    assert sorted(after, key=str) == sorted((row[1:] for row in kept if row[0] == 1), key=str)
    assert [(c.user_id, c.wa_id) for c in known] == [row[1:] for row in kept if row[0] == 2]
    with_rows = database.read(
        lambda conn: conn.execute(
            sa.select(sa.func.count()).select_from(inbox).join(conversations)
        ).scalar_one()
    )
    assert len(known) == with_rows


def test_a_lease_is_held_by_one_at_a_time(database: Database, client_a: Client) -> None:
    """Until it runs out or is given back; each new one has a higher fence."""
    number = database.write(lambda conn: ensure(conn, client_a, BOTH))

    def lease(now: float) -> store.Conversation | None:
        return database.write(
            lambda conn: store.lease(
                conn, client_id=client_a.id, conversation_id=number, now=now, until=now + 10
            )
        )

    first = lease(NOW)
    assert first is not None
    assert lease(NOW + 9) is None
    second = lease(NOW + 10)
    assert second is not None
    assert (1, 2) == (first.fence, second.fence)
    with pytest.raises(LeaseLost):
        database.write(lambda conn: store.hold(conn, first, until=None))
    database.write(lambda conn: store.hold(conn, second, until=None))
    assert lease(NOW + 10) is not None


def test_nobody_leases_another_clients_conversation(
    database: Database, client_a: Client, client_b: Client
) -> None:
    """Its id alone is not enough."""
    number = database.write(lambda conn: ensure(conn, client_a, BOTH))
    assert None is database.write(
        lambda conn: store.lease(
            conn, client_id=client_b.id, conversation_id=number, now=NOW, until=NOW + 1
        )
    )


def test_a_lease_on_a_conversation_that_was_joined_away_is_lost(
    database: Database, client_a: Client
) -> None:
    """The turn that held it writes nothing."""

    def run(conn: Connection) -> None:
        by_phone = ensure(conn, client_a, PHONE)
        write(conn, client_a, by_phone, "hola")
        hand = take(conn, client_a.id, by_phone)
        assert hand is not None
        ensure(conn, client_a, USER)
        into = ensure(conn, client_a, BOTH)
        with pytest.raises(LeaseLost):
            answer(conn, hand)
        again = take(conn, client_a.id, into)
        assert again is not None
        assert ["hola"] == [message.wamid for message in again.messages]

    database.write(run)


def get(conn: Connection, client: Client, number: int) -> store.Conversation:
    found = store.find(conn, client_id=client.id, conversation_id=number)
    assert found is not None
    return found


def test_a_loops_pause_is_lifted_from_now_on(database: Database, client_a: Client) -> None:
    """Known to whoever holds the conversation next; others, and a person's own, stay paused."""

    def run(conn: Connection) -> list[float | None]:
        customers = (BOTH, Customer(None, "34699"), Customer(None, "34698"))
        numbers = [ensure(conn, client_a, customer) for customer in customers]
        for number, by in zip(numbers, ("loop", "loop", "person"), strict=True):
            known = get(conn, client_a, number)
            pausing.pause(conn, known, by=by, until=NOW + 9, now=NOW)  # type: ignore[arg-type]
        pausing.lift_loops(conn, [numbers[0], numbers[2]], now=NOW + 1)
        return [get(conn, client_a, number).paused_until for number in numbers]

    assert [NOW + 1, NOW + 9, NOW + 9] == database.write(run)


@pytest.mark.parametrize("is_stopped", ["phone", "user"])
def test_who_is_joined_stays_stopped(database: Database, client_a: Client, is_stopped: str) -> None:
    """Whichever half of a customer asked for it: the longest pause of the two is the whole's."""

    def run(conn: Connection) -> tuple[str | None, float | None]:
        halves = {"phone": Customer(None, "34600"), "user": Customer("ES.1", None)}
        numbers = {name: ensure(conn, client_a, half) for name, half in halves.items()}
        for name, number in numbers.items():
            known = get(conn, client_a, number)
            if name == is_stopped:
                pausing.pause(conn, known, by="stopped", until=store.NO_END, now=NOW)
            else:
                pausing.pause(conn, known, by="person", until=NOW + 9, now=NOW)
        whole = get(conn, client_a, ensure(conn, client_a, Customer("ES.1", "34600")))
        return whole.paused_by, whole.paused_until

    assert ("stopped", store.NO_END) == database.write(run)
