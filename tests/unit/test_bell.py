"""The doorbell, under a clock that the tests move."""

import asyncio
import time
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from daemon.work.bell import QUIET_LIMIT, Bell, Key

QUIET_S = 2.0
A1, A2, A3, B1 = (1, 1), (1, 2), (1, 3), (2, 4)


class Clock:
    """Monotonic seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Rung:
    """A bell, its clock, and `next` instead of waiting."""

    def __init__(
        self,
        *,
        quiet_s: float = QUIET_S,
        paced: dict[int, float] | None = None,
        client_limit: int = 1000,
    ) -> None:
        self.clock = Clock()
        pace = paced or {}
        self.bell = Bell(
            quiet_s=quiet_s,
            clock=self.clock,
            interval_of=lambda client: pace.get(client, 0.0),
            client_limit=client_limit,
        )

    def next(self) -> Key | None:
        return self.bell._next()

    def all(self) -> list[Key]:
        return [key for key in iter(self.next, None) if key is not None]

    def later(self, seconds: float) -> "Rung":
        self.clock.now += seconds
        return self


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


def test_one_client_never_holds_all_the_workers() -> None:
    """Whose sends hang leaves room for the others, and goes on when one of them is done."""
    rung = Rung(client_limit=2)
    for key in (A1, A2, A3, B1):
        rung.bell.wake(key)
    assert [A1, B1, A2] == rung.all()
    rung.bell.done(B1)
    assert rung.next() is None
    rung.bell.done(A1)
    assert [A3] == rung.all()


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
    bell.note_message(A1)
    started = time.monotonic()
    assert await asyncio.wait_for(bell.take(), 5) == A1
    assert time.monotonic() - started >= 0.02


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


class AnyInterleaving(RuleBasedStateMachine):
    """Whatever happens in whatever order, nothing is lost, doubled, stuck or too fast."""

    keys = st.sampled_from([(client, number) for client in (1, 2, 3) for number in (1, 2)])

    def __init__(self) -> None:
        super().__init__()
        self.rung = Rung(paced={1: 1.0, 2: 0.25})
        self.owed: set[Key] = set()
        self.working: set[Key] = set()
        self.lined: set[Key] = set()
        self.asked_at: dict[int, list[float]] = defaultdict(list)
        self.first_wrote: dict[Key, float] = {}
        self.last_wrote: dict[Key, float] = {}

    @rule(key=keys)
    def write(self, key: Key) -> None:
        self.rung.bell.note_message(key)
        self.owed.add(key)
        self.first_wrote.setdefault(key, self.rung.clock.now)
        self.last_wrote[key] = self.rung.clock.now

    @rule(key=keys, after_s=st.sampled_from([0.0, 0.5, 3.0, 60.0]))
    def wake(self, key: Key, after_s: float) -> None:
        self.rung.bell.wake(key, after_s=after_s)
        self.owed.add(key)

    @rule(seconds=st.sampled_from([0.25, 0.5, 1.0, 2.0, 10.0]))
    def wait(self, seconds: float) -> None:
        self.rung.later(seconds)

    @rule(refund=st.booleans())
    def take(self, refund: bool) -> None:  # noqa: FBT001 - hypothesis names its arguments
        key = self.rung.next()
        if key is not None:
            self._start(key, refund=refund)

    @precondition(lambda self: self.working)
    @rule(data=st.data())
    def finish(self, data: Any) -> None:
        key = data.draw(st.sampled_from(sorted(self.working)))
        self.working.remove(key)
        self.rung.bell.done(key)

    @invariant()
    def nothing_is_lost(self) -> None:
        assert all(self.rung.bell.knows(key) for key in self.owed)
        assert len(self.rung.bell) == len(self.owed | self.working)

    def teardown(self) -> None:
        """Everything that is owed a turn gets one before long."""
        for _ in range(2000):
            if not self.owed and not self.working:
                break
            for key in self.working:
                self.rung.bell.done(key)
            self.working.clear()
            while (taken := self.rung.next()) is not None:
                self._start(taken, refund=False)
            self.rung.later(0.25)
        assert (set(), set()) == (self.owed, self.working)
        assert [] == self.rung.later(1000).all()
        assert len(self.rung.bell) == 0

    def _start(self, key: Key, *, refund: bool) -> None:
        assert key in self.owed
        assert key not in self.working
        self._check_quiet(key)
        self.owed.remove(key)
        self.working.add(key)
        if refund:
            self.rung.bell.refund(key)
            return
        self._check_pace(key[0])

    def _check_quiet(self, key: Key) -> None:
        first, last = self.first_wrote.pop(key, None), self.last_wrote.pop(key, None)
        if first is None or last is None or key in self.lined:
            return
        now = self.rung.clock.now
        assert now - last >= QUIET_S or now - first >= QUIET_LIMIT * QUIET_S

    @invariant()
    def remember_lines(self) -> None:
        entries = self.rung.bell._entries
        # A conversation whose rest is over may be written to while it stands in line.
        self.lined = {key for key, entry in entries.items() if entry.in_line}

    def _check_pace(self, client_id: int) -> None:
        now, asked = self.rung.clock.now, self.asked_at[client_id]
        interval = {1: 1.0, 2: 0.25}.get(client_id, 0.0)
        assert not asked or now - asked[-1] >= interval
        asked.append(now)


AnyInterleaving.TestCase.settings = settings(max_examples=80, stateful_step_count=60, deadline=None)
TestAnyInterleaving = AnyInterleaving.TestCase


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
