"""The claim and settle of a turn, over a real database."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from daemon.core import turns
from daemon.core.answering import CRASH_LIMIT
from daemon.core.assistants.engine import Exchange, Reply, Usage
from daemon.core.looping import LOOP_PAUSE_S, LOOP_TURNS
from daemon.core.store import turns as turn_store
from daemon.core.store.clients import Client
from daemon.core.store.conversations import LeaseLost
from daemon.core.store.engine import Connection
from daemon.core.store.inbox import CLAIM_LIMIT
from daemon.core.store.schema import inbox, outbox
from daemon.core.store.schema import turns as turns_table
from daemon.core.turns import Hand
from tests.doubles.store_kit import NOW, answer, record, take
from tests.doubles.turn_kit import everything, must, open_conversation, states, write


def test_a_turn_claims_all_that_was_written(conn: Connection, a: Client) -> None:
    """In order, in one hand, and counts it."""
    number = write(conn, a, "1", "2", "3")
    hand = must(take(conn, a.id, number))
    assert ["1", "2", "3"] == [message.wamid for message in hand.messages]
    assert ((), (), NOW, False) == (
        hand.unsent,
        hand.history,
        hand.last_wrote_at,
        hand.looping,
    )
    assert [("1", "pending", 1), ("2", "pending", 1), ("3", "pending", 1)] == states(conn)


def test_a_flood_is_answered_in_several_turns(conn: Connection, a: Client) -> None:
    """The oldest first."""
    number = write(conn, a, *(f"{n:03}" for n in range(CLAIM_LIMIT + 1)))
    hand = must(take(conn, a.id, number))
    assert CLAIM_LIMIT == len(hand.messages)
    answer(conn, hand)
    assert turns.release(conn, hand)


def test_what_needs_nothing_is_not_held(conn: Connection, a: Client) -> None:
    """No message, or none that wants an answer: the lease is given back at once."""
    number = write(conn, a, "reaction", state="ignored")
    assert [None, None] == [take(conn, a.id, number) for _ in range(2)]
    assert take(conn, a.id, 99) is None
    write(conn, a, "1")
    assert take(conn, a.id, number) is not None


def test_what_is_in_hand_is_not_claimed_again(conn: Connection, a: Client) -> None:
    """Until the lease runs out: then by another, who has all of it."""
    number = write(conn, a, "1")
    first = must(take(conn, a.id, number))
    assert take(conn, a.id, number, now=NOW + 59) is None
    write(conn, a, "2")
    second = must(take(conn, a.id, number, now=NOW + 60))
    assert ["1", "2"] == [message.wamid for message in second.messages]
    assert second.conversation.fence == first.conversation.fence + 1


@pytest.mark.parametrize(
    "step",
    [
        answer,
        lambda conn, hand: turns.park(conn, hand, "expired", now=NOW),
        turns.give_back,
    ],
)
def test_who_lost_the_lease_writes_nothing(
    conn: Connection, a: Client, step: Callable[[Connection, Hand], object]
) -> None:
    """No answer, no parking, no count: the one who has it now decides."""
    number = write(conn, a, "1")
    late = must(take(conn, a.id, number))
    must(take(conn, a.id, number, now=NOW + 60))
    before = everything(conn)
    with pytest.raises(LeaseLost):
        step(conn, late)
    assert before == everything(conn)


def test_who_lost_the_lease_does_not_release_the_others(conn: Connection, a: Client) -> None:
    """Release by a latecomer is silent and void."""
    number = write(conn, a, "1")
    late = must(take(conn, a.id, number))
    must(take(conn, a.id, number, now=NOW + 60))
    before = everything(conn)
    assert turns.release(conn, late)
    assert before == everything(conn)


def test_settling_writes_inbox_outbox_and_usage_together(conn: Connection, a: Client) -> None:
    """One answer to all, its parts in order, its record without a word of content."""
    number = write(conn, a, "1", "2")
    hand = must(take(conn, a.id, number))
    usage = Usage(model="m", input_tokens=5, cached_tokens=3, output_tokens=2, cost_usd=0.01)
    reply = Reply("answered", text="hola", faq_ids=("F1", "F2"), handoff=True, usage=usage)
    rows = turns.settle(
        conn,
        hand,
        record(reply=reply, cause=None),
        ("one", "two"),
        now=NOW,
        until=NOW + 60,
    )
    assert [("one", "queued", 0, NOW), ("two", "queued", 0, NOW)] == [
        (row.text, row.state, row.attempts, row.due_at) for row in rows
    ]
    assert len({row.id for row in rows}) == 2
    assert [("1", "answered", 0), ("2", "answered", 0)] == states(conn)
    kept = conn.execute(sa.select(turns_table)).mappings().one()
    assert {
        "id": kept["id"],
        "client_id": a.id,
        "conversation_id": number,
        "engine": "local",
        "model": "m",
        "assistant_version": 1,
        "outcome": "answered",
        "cause": None,
        "faq_ids": ["F1", "F2"],
        "answered": True,
        "handoff": True,
        "input_tokens": 5,
        "cached_tokens": 3,
        "output_tokens": 2,
        "cost_usd": 0.01,
        "latency_ms": 5,
        "created_at": NOW,
    } == dict(kept)
    assert not turns.release(conn, hand)
    assert must(take(conn, a.id, number)).conversation.welcomed_at is None


def test_what_is_written_during_a_turn_waits_for_the_next(conn: Connection, a: Client) -> None:
    """The answer settles what it answers, and nothing else."""
    number = write(conn, a, "1")
    hand = must(take(conn, a.id, number))
    write(conn, a, "2")
    answer(conn, hand)
    assert [("1", "answered", 0), ("2", "pending", 0)] == states(conn)
    assert turns.release(conn, hand)


def test_what_is_unsent_comes_first(conn: Connection, a: Client) -> None:
    """A crash after the settle: the answer is sent before anything new is answered."""
    number = write(conn, a, "1")
    hand = must(take(conn, a.id, number))
    rows = answer(conn, hand, "one", "two")
    write(conn, a, "2")
    again = must(take(conn, a.id, number, now=NOW + 60))
    assert (rows, ()) == (again.unsent, again.messages)
    assert ("2", "pending", 0) == states(conn)[1]


def test_a_turn_given_back_never_happened(conn: Connection, a: Client) -> None:
    """It does not count towards the crash limit."""
    number = write(conn, a, "1")
    for _ in range(CRASH_LIMIT + 1):
        turns.give_back(conn, must(take(conn, a.id, number)))
    assert [("1", "pending", 0)] == states(conn)


def test_a_message_over_which_turns_die_is_parked(conn: Connection, a: Client) -> None:
    """The third time it is taken for the cause; what came later is answered."""
    number = write(conn, a, "poison")
    for turn in range(CRASH_LIMIT):
        must(take(conn, a.id, number, now=NOW + 60 * turn))
    write(conn, a, "later")
    hand = must(take(conn, a.id, number, now=NOW + 600))
    assert ["later"] == [message.wamid for message in hand.messages]
    assert [("poison", "parked", CRASH_LIMIT), ("later", "pending", 1)] == states(conn)


def test_a_conversation_with_poison_only_is_left(conn: Connection, a: Client) -> None:
    """Parked, and free for what comes."""
    number = write(conn, a, "poison")
    for turn in range(CRASH_LIMIT):
        must(take(conn, a.id, number, now=NOW + 60 * turn))
    assert take(conn, a.id, number, now=NOW + 600) is None
    write(conn, a, "later")
    assert take(conn, a.id, number, now=NOW + 600) is not None


def test_parking_says_why_and_frees_the_conversation(conn: Connection, a: Client) -> None:
    """The operator sees the cause."""
    number = write(conn, a, "1")
    turns.park(conn, must(take(conn, a.id, number)), "expired", now=NOW)
    assert [("parked", "expired")] == [
        tuple(row) for row in conn.execute(sa.select(inbox.c.state, inbox.c.error))
    ]
    write(conn, a, "2")
    assert ["2"] == [message.wamid for message in must(take(conn, a.id, number)).messages]


def test_the_customer_wrote_when_meta_says(conn: Connection, a: Client) -> None:
    """A message that is delivered late does not close the window that a newer one opened."""
    number = write(conn, a, "thumbs up", sent_at=NOW - 3, state="ignored")
    write(conn, a, "yesterday", sent_at=NOW - 90_000)
    late = must(take(conn, a.id, number))
    assert NOW - 3 == late.last_wrote_at
    turns.give_back(conn, late)
    write(conn, a, "today", sent_at=NOW - 5)
    assert NOW - 5 == must(take(conn, a.id, number)).last_wrote_at


def test_the_history_is_what_was_said_lately(conn: Connection, a: Client) -> None:
    """Oldest first, all parts and messages of a turn together; a day later it is over."""
    number = open_conversation(conn, a)
    for turn in range(turn_store.HISTORY_TURNS + 2):
        write(conn, a, f"q{turn}", f"r{turn}")
        hand = must(take(conn, a.id, number))
        for row in answer(conn, hand, f"a{turn}", f"b{turn}"):
            conn.execute(sa.update(outbox).where(outbox.c.seq == row.seq).values(state="sent"))
        turns.release(conn, hand)
    write(conn, a, "now")
    hand = must(take(conn, a.id, number))
    assert [
        Exchange(customer=f"q{turn}\nr{turn}", bot=f"a{turn}\nb{turn}") for turn in range(2, 12)
    ] == list(hand.history)
    conn.execute(sa.update(outbox).values(text=None))
    assert () == turn_store.read_history(conn, hand.conversation, now=NOW)
    assert () == turn_store.read_history(
        conn, hand.conversation, now=NOW + turn_store.HISTORY_AGE_S
    )


def test_a_customer_that_seems_a_bot_is_left_alone_for_a_while(conn: Connection, a: Client) -> None:
    """After so many answers in so short a time; an hour later it may try again."""
    number = open_conversation(conn, a)
    for turn in range(LOOP_TURNS):
        write(conn, a, f"{turn}")
        hand = must(take(conn, a.id, number, now=NOW + turn))
        assert not hand.looping
        answer(conn, hand, now=NOW + turn)
        conn.execute(sa.update(outbox).values(state="sent"))
        turns.release(conn, hand)
    for when in (NOW + LOOP_TURNS, NOW + LOOP_PAUSE_S - 1):
        write(conn, a, f"again {when}")
        hand = must(take(conn, a.id, number, now=when))
        assert hand.looping
        turns.park(conn, hand, "loop", now=when)
    write(conn, a, "much later")
    assert not must(take(conn, a.id, number, now=NOW + 2 * LOOP_PAUSE_S)).looping


def test_a_turn_sees_and_changes_its_own_client_only(
    conn: Connection, a: Client, b: Client
) -> None:
    """The same customer at two clients: two conversations, two histories."""
    of_a, of_b = write(conn, a, "to A"), write(conn, b, "to B")
    assert (None, None) == (take(conn, b.id, of_a), take(conn, a.id, of_b))
    hand = must(take(conn, a.id, of_a))
    rows = answer(conn, hand, "from A")
    assert ["from A"] == [row.text for row in rows]
    conn.execute(sa.update(outbox).values(state="sent"))
    turns.release(conn, hand)
    other = must(take(conn, b.id, of_b))
    assert (["to B"], (), ()) == (
        [message.wamid for message in other.messages],
        other.history,
        other.unsent,
    )
    turns.park(conn, other, "expired", now=NOW)
    assert [("to A", "answered"), ("to B", "parked")] == [row[:2] for row in states(conn)]
