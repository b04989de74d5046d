"""Two bots talking to each other: noticed, paused, shown, and taken up again by an operator."""

import pytest

from daemon.core import inboxes, turns
from daemon.core.answering import plan_turn
from daemon.core.looping import LOOP_PAUSE_S, LOOP_TURNS, LOOP_WINDOW_S, SLOW_LOOP_TURNS
from daemon.core.store.audit import Actor
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection, Database
from daemon.core.turns import Hand
from tests.doubles.bookkeeping import Kept, claim, keep, send, settle
from tests.doubles.query_plans import explain
from tests.doubles.store_kit import NOW

BOT = "34600"
STEP_S = 5.0
LAST = NOW + LOOP_TURNS * STEP_S


@pytest.fixture
def chatty(database: Database, client_a: Client) -> Database:
    """Give one customer LOOP_TURNS answers in little over three minutes."""

    def chat(conn: Connection) -> None:
        for turn in range(LOOP_TURNS):
            now = NOW + turn * STEP_S
            (row,) = settle(conn, client_a, keep(conn, client_a, f"w{turn}", now=now), now=now)
            send(conn, row, now=now)

    database.write(chat)
    return database


def write(conn: Connection, client: Client, wamid: str, *, now: float) -> tuple[Kept, Hand]:
    kept = keep(conn, client, wamid, customer=BOT, now=now)
    return kept, claim(conn, client, kept, now=now)


def decide(hand: Hand, *, now: float) -> tuple[str, str | None]:
    plan = plan_turn(hand.messages, active=True, looping=hand.looping, now=now)
    return plan.action, plan.cause


def park(conn: Connection, client: Client, wamid: str, *, now: float) -> Kept:
    kept, hand = write(conn, client, wamid, now=now)
    assert ("park", "loop") == decide(hand, now=now)
    turns.park(conn, hand, "loop", now=now)
    return kept


def test_the_next_message_is_parked_and_shown(chatty: Database, client_a: Client) -> None:
    """`loop` in the inbox, where an operator sees it, instead of one more charged answer."""
    kept = chatty.write(lambda conn: park(conn, client_a, "more", now=LAST))
    shown = chatty.read(lambda conn: inboxes.show_entry(conn, kept.id, now=LAST))
    assert ("parked", "loop", []) == (shown["state"], shown["error"], shown["answer"])


def test_it_is_left_alone_for_an_hour(chatty: Database, client_a: Client) -> None:
    """Also after the answers have become old; after the hour it is answered again."""

    def run(conn: Connection) -> tuple[str, str | None]:
        park(conn, client_a, "more", now=LAST)
        park(conn, client_a, "still", now=LAST + LOOP_WINDOW_S + 1)
        later = LAST + LOOP_PAUSE_S + 1
        return decide(write(conn, client_a, "later", now=later)[1], now=later)

    assert ("ask", None) == chatty.write(run)


def test_others_go_on(chatty: Database, client_a: Client, client_b: Client) -> None:
    """Another customer, and the same one at another client, are answered."""

    def run(conn: Connection) -> list[tuple[str, str | None]]:
        park(conn, client_a, "more", now=LAST)
        other = keep(conn, client_a, "other", customer="34601", now=LAST)
        same = keep(conn, client_b, "same", customer=BOT, now=LAST)
        hands = claim(conn, client_a, other, now=LAST), claim(conn, client_b, same, now=LAST)
        return [decide(hand, now=LAST) for hand in hands]

    assert [("ask", None)] * 2 == chatty.write(run)


def test_an_operators_retry_ends_the_pause(chatty: Database, client_a: Client) -> None:
    """At once, though the many answers are still fresh; what was parked is answered."""

    def run(conn: Connection) -> tuple[str, str | None]:
        kept = park(conn, client_a, "more", now=LAST)
        inboxes.retry(conn, kept.id, now=LAST + 10, actor=Actor("test"))
        return decide(claim(conn, client_a, kept, now=LAST + 11), now=LAST + 11)

    assert ("ask", None) == chatty.write(run)


def test_a_loop_that_goes_on_after_a_retry_is_noticed_again(
    chatty: Database, client_a: Client
) -> None:
    """The count starts anew with the operator's word: as many answers again, and it is parked."""

    def run(conn: Connection) -> list[bool]:
        kept = park(conn, client_a, "more", now=LAST)
        inboxes.retry(conn, kept.id, now=LAST, actor=Actor("test"))
        seen = []
        for turn in range(LOOP_TURNS + 1):
            now = LAST + 1 + turn * STEP_S
            hand = write(conn, client_a, f"again{turn}", now=now)[1]
            seen.append(hand.looping)
            turns.give_back(conn, hand)
            if not hand.looping:
                (row,) = settle(conn, client_a, kept, now=now)
                send(conn, row, now=now)
        return seen

    assert [False] * LOOP_TURNS + [True] == chatty.write(run)


@pytest.mark.parametrize(("round_s", "noticed"), [(29.0, True), (31.0, False)])
def test_a_loop_that_takes_its_time_is_noticed_too(
    conn: Connection, a: Client, *, round_s: float, noticed: bool
) -> None:
    """A slow model, or a slow bot, stays under forty answers in five minutes for ever."""
    looked = []
    for turn in range(SLOW_LOOP_TURNS + 1):
        now = NOW + turn * round_s
        kept, hand = write(conn, a, f"w{turn}", now=now)
        looked.append(hand.looping)
        turns.give_back(conn, hand)
        (row,) = settle(conn, a, kept, now=now)
        send(conn, row, now=now)
    assert [False] * SLOW_LOOP_TURNS + [noticed] == looked


def test_a_claim_reads_none_of_the_turns_of_a_year(chatty: Database, client_a: Client) -> None:
    """Of all that were made only those of the last hours are looked at, in their index alone."""

    def look(conn: Connection) -> list[str]:
        kept = keep(conn, client_a, "next", customer=BOT, now=LAST)
        return explain(conn, lambda: claim(conn, client_a, kept, now=LAST))

    seen = {line for line in chatty.write(look) if line.startswith("SEARCH turns")}
    which = "(conversation_id=? AND client_id=? AND created_at>?)"
    assert {f"SEARCH turns USING COVERING INDEX ix_turns_conversation {which}"} == seen
