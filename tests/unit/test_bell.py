"""The doorbell, under a clock that the tests move."""

import asyncio
import time

import pytest

from daemon.work.bell import QUIET_LIMIT, Bell
from tests.doubles.rung import A1, A2, A3, B1, QUIET_S, Rung


def test_silence_gives_nothing() -> None:
    """Nobody rang."""
    rung = Rung()
    assert rung.next() is None
    assert len(rung.bell) == 0


def test_a_customer_is_left_to_finish_writing() -> None:
    """Each message starts the quiet time anew."""
    rung = Rung()
    rung.bell.note_message(A1)
    assert rung.later(1.9).next() is None
    rung.bell.note_message(A1)
    assert rung.later(1.9).next() is None
    assert rung.later(0.1).next() == A1


def test_a_customer_who_never_stops_is_answered_all_the_same() -> None:
    """After five times the quiet time, to the second."""
    rung = Rung()
    start = rung.clock.now
    while rung.next() is None:
        rung.bell.note_message(A1)
        rung.later(0.5)
    assert rung.clock.now - start == QUIET_LIMIT * QUIET_S


def test_without_a_quiet_time_a_turn_starts_at_once() -> None:
    """COALESCE_SECONDS=0."""
    rung = Rung(quiet_s=0)
    rung.bell.note_message(A1)
    assert rung.next() == A1


def test_a_conversation_is_in_work_once() -> None:
    """What rings during work waits for the work's end, and then leads to another turn."""
    rung = Rung()
    rung.bell.wake(A1)
    assert rung.next() == A1
    rung.bell.wake(A1)
    assert rung.later(60).next() is None
    rung.bell.done(A1)
    assert rung.next() == A1
    rung.bell.done(A1)
    assert (None, 0, False) == (rung.next(), len(rung.bell), rung.bell.knows(A1))


def test_what_is_written_during_a_turn_rests_as_long_as_anything() -> None:
    """Coalescing holds across turns: the end of one does not cut the next customer's pause."""
    rung = Rung()
    rung.bell.wake(A1)
    assert rung.next() == A1
    rung.bell.note_message(A1)
    rung.later(1.5).bell.note_message(A1)
    rung.bell.wake(A1)
    rung.bell.done(A1)
    assert rung.later(1.9).next() is None
    assert rung.later(0.1).next() == A1


def test_the_bound_counts_from_the_first_message_of_a_turn() -> None:
    """A new turn has its own."""
    rung = Rung()
    rung.bell.note_message(A1)
    assert rung.later(QUIET_S).next() == A1
    for _ in range(5):
        rung.bell.note_message(A1)
        rung.later(QUIET_S)
    rung.bell.done(A1)
    assert rung.next() == A1


def test_a_wake_does_not_disturb_who_rests() -> None:
    """The sweeper's ring never cuts the quiet time short, nor puts the turn off."""
    rung = Rung()
    rung.bell.note_message(A1)
    rung.bell.wake(A1)
    assert rung.next() is None
    rung.bell.wake(A1, after_s=60)
    assert rung.later(QUIET_S).next() == A1


def test_a_retry_waits_its_time_and_an_earlier_reason_wins() -> None:
    """`after_s` of the sooner ring counts, whichever came first."""
    rung = Rung()
    rung.bell.wake(A1, after_s=60)
    rung.bell.wake(A1, after_s=90)
    assert rung.later(1).next() is None
    rung.bell.wake(A1, after_s=10)
    assert rung.later(9).next() is None
    assert rung.later(1).next() == A1
    rung.bell.wake(A1, after_s=60)
    rung.bell.wake(A1, after_s=5)
    rung.bell.wake(A1, after_s=30)
    rung.bell.done(A1)
    assert rung.later(4).next() is None
    assert rung.later(1).next() == A1
    rung.bell.done(A1)
    assert rung.later(100).next() is None


def test_a_message_ends_a_long_wait() -> None:
    """A customer who writes again is not made to wait for a retry that is due in a minute."""
    rung = Rung()
    rung.bell.wake(A1, after_s=60)
    rung.bell.note_message(A1)
    assert rung.later(QUIET_S).next() == A1


def test_rings_for_what_stands_in_line_change_nothing() -> None:
    """It is about to be taken anyway."""
    rung = Rung(paced={1: 10.0})
    rung.bell.wake(A1)
    rung.bell.wake(A2)
    assert rung.next() == A1
    assert rung.next() is None
    rung.bell.note_message(A2)
    rung.bell.wake(A2)
    assert [A2] == rung.later(10).all()


def test_clients_are_served_in_turn() -> None:
    """One client's rush does not delay another."""
    rung = Rung()
    rush = [(1, number) for number in range(50)]
    for key in rush:
        rung.bell.wake(key)
    assert rung.next() == rush[0]
    rung.bell.wake(B1)
    assert [rush[1], B1, rush[2]] == [rung.next() for _ in range(3)]


def test_a_call_made_again_counts_like_a_first_one() -> None:
    """Retries wait for the client's pace, and the next turn waits for them."""
    rung = Rung(paced={1: 1.0})
    for key in (A1, A2):
        rung.bell.wake(key)
    assert [A1] == rung.all()
    assert 1.0 == rung.bell.reserve(1)
    assert [] == rung.later(1.5).all()
    assert [A2] == rung.later(0.5).all()


def test_what_is_due_sooner_is_hastened_while_it_rests() -> None:
    """A conversation in line or in work is left alone: it is about to see for itself."""
    rung = Rung()
    rung.bell.wake(A1, after_s=3600)
    rung.bell.hasten(A1)
    assert [A1] == rung.all()
    rung.bell.hasten(A1)
    rung.bell.done(A1)
    assert [] == rung.all()


def test_a_paced_client_waits_and_holds_nobody_up() -> None:
    """A turn a second for one; the other has no limit."""
    rung = Rung(paced={1: 1.0})
    for key in (A1, A2, A3, B1, (2, 5)):
        rung.bell.wake(key)
    assert [A1, B1, (2, 5)] == rung.all()
    assert [] == rung.later(0.5).all()
    assert [A2] == rung.later(0.5).all()
    assert [A3] == rung.later(1.0).all()


def test_a_turn_that_asked_no_model_gives_its_call_back() -> None:
    """The next of that client need not wait."""
    rung = Rung(paced={1: 1.0})
    for key in (A1, A2):
        rung.bell.wake(key)
    assert rung.next() == A1
    assert rung.next() is None
    rung.bell.refund(A1)
    assert rung.next() == A2
    assert rung.next() is None


def test_refunds_do_not_pile_up() -> None:
    """Idle time is no credit: after any pause the pace is the pace."""
    rung = Rung(paced={1: 1.0})
    for _ in range(3):
        rung.bell.wake(A1)
        assert rung.next() == A1
        rung.bell.refund(A1)
        rung.bell.done(A1)
        rung.later(10)
    for key in (A1, A2, A3):
        rung.bell.wake(key)
    assert [A1] == rung.all()
    assert [A2] == rung.later(1).all()


async def test_who_waits_is_woken_by_a_ring() -> None:
    """`take` sleeps until somebody rings."""
    rung = Rung()
    waiting = asyncio.create_task(rung.bell.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    rung.bell.wake(A1)
    assert await waiting == A1


async def test_who_waits_is_woken_by_time() -> None:
    """`take` sleeps no longer than the next conversation rests."""
    bell = Bell(quiet_s=0.02, clock=time.monotonic)
    before = time.monotonic()
    bell.note_message(A1)
    assert A1 == await asyncio.wait_for(bell.take(), 60)
    assert time.monotonic() >= before + 0.02


async def test_who_waits_is_woken_when_a_paced_client_is_free() -> None:
    """`take` sleeps no longer than the pace says."""
    bell = Bell(quiet_s=0, clock=time.monotonic, interval_of=lambda _client: 0.02)
    bell.wake(A1)
    bell.wake(A2)
    assert [A1, A2] == [await asyncio.wait_for(bell.take(), 5) for _ in range(2)]


def test_giving_back_what_was_not_taken_is_a_fault() -> None:
    """It would hide that a conversation is in work twice."""
    with pytest.raises(KeyError):
        Rung().bell.done(A1)


async def test_it_knows_how_many_each_client_has() -> None:
    """Those that rest, wait and are in work, until they are given back."""
    bell = Bell(quiet_s=0, clock=lambda: 0.0)
    for key in ((1, 1), (1, 2), (2, 3)):
        bell.note_message(key)
        bell.wake(key)
    assert [2, 1, 0] == [bell.count_of(client_id) for client_id in (1, 2, 3)]
    taken = await bell.take()
    assert 2 == bell.count_of(1)
    bell.done(taken)
    assert [1, 1] == [bell.count_of(client_id) for client_id in (1, 2)]


async def test_whoever_waits_to_take_wakes_for_the_first_of_all_alone() -> None:
    """A rush of messages that rest costs them nothing; what is due before the rest is taken."""
    now, looks = 0.0, 0

    def clock() -> float:
        nonlocal looks
        looks += 1
        return now

    bell = Bell(quiet_s=60, clock=clock)
    bell.note_message(A1)
    taking = asyncio.create_task(bell.take())
    await asyncio.sleep(0)
    before, now = looks, 1.0
    for key in (A2, B1):
        bell.note_message(key)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert before + 2 == looks
    bell.wake(A3)
    async with asyncio.timeout(20):
        assert A3 == await taking
