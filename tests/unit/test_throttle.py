"""For how long a client's sends are held when Meta throttles its number, and how that ends."""

import pytest

from daemon.work.bell import Bell, Key
from daemon.work.throttle import HOLD_LIMIT_S, TRIAL_S, Hold, Throttle

A1, A2, B1 = (1, 1), (1, 2), (2, 1)
CLIENT = 1


class Office:
    """A throttle over a bell, on one clock."""

    def __init__(self) -> None:
        self.now = 100.0
        self.told: list[tuple[int, float]] = []
        self.bell = Bell(
            quiet_s=0,
            clock=lambda: self.now,
            note_pause=lambda client, seconds: self.told.append((client, seconds)),
        )
        self.throttle = Throttle(self.bell, clock=lambda: self.now, base_s=4, jitter=lambda: 1.0)

    def refuse(self, entered: Hold | None = None, *, retry_after_s: float | None = None) -> None:
        self.throttle.note_refused(CLIENT, entered, retry_after_s=retry_after_s)

    def try_after_hold(self) -> Hold:
        while self.throttle.is_held(CLIENT):
            self.now += 1.0
        entered = self.throttle.enter(CLIENT)
        assert entered is not None
        return entered

    def ring(self, *keys: Key) -> None:
        for key in keys:
            self.bell.wake(key)

    def take(self) -> Key | None:
        return self.bell._next()


@pytest.fixture
def office() -> Office:
    return Office()


def test_nobody_is_held_who_was_not_refused(office: Office) -> None:
    """And an acceptance of such a client changes nothing."""
    entered = office.throttle.enter(CLIENT)
    office.throttle.note_accepted(CLIENT, entered)
    assert (None, False) == (entered, office.throttle.is_held(CLIENT))


def test_a_hold_ends_by_itself(office: Office) -> None:
    """After Meta's advice of base to the power of one, for this client only."""
    office.refuse()
    assert (True, False) == (office.throttle.is_held(1), office.throttle.is_held(2))
    office.now += 3.9
    assert office.throttle.is_held(1)
    office.now += 0.1
    assert not office.throttle.is_held(1)


def test_the_bell_gives_out_nothing_of_a_held_client(office: Office) -> None:
    """Its conversations wait in line, in order, hold no worker, and the wait is counted."""
    office.refuse()
    office.ring(A1, B1, A2)
    assert [B1, None] == [office.take(), office.take()]
    office.now += 4.0
    assert [A1, A2] == [office.take(), office.take()]
    assert [(1, 4.0)] == office.told


def test_after_a_hold_one_send_goes_alone(office: Office) -> None:
    """When Meta takes it, all the others go at once."""
    office.refuse()
    trial = office.try_after_hold()
    office.ring(A1)
    assert office.throttle.is_held(CLIENT)
    assert None is office.take()
    office.throttle.note_accepted(CLIENT, trial)
    assert not office.throttle.is_held(CLIENT)
    assert A1 == office.take()


def test_a_trial_that_says_nothing_holds_nobody_up(office: Office) -> None:
    """It may hang or be in doubt: after a moment another send is the trial."""
    office.refuse()
    office.try_after_hold()
    office.now += TRIAL_S
    assert not office.throttle.is_held(CLIENT)


def test_holds_in_a_row_grow_up_to_a_limit(office: Office) -> None:
    """Four seconds, sixteen, then a minute for as long as Meta says no."""
    office.refuse()
    waits = []
    for _ in range(3):
        began, entered = office.now, office.try_after_hold()
        waits.append(office.now - began)
        office.refuse(entered)
    began = office.now
    office.try_after_hold()
    assert [4.0, 16.0, HOLD_LIMIT_S, HOLD_LIMIT_S] == [*waits, office.now - began]


def test_meta_s_own_word_is_kept(office: Office) -> None:
    """A Retry-After that is longer than ours counts."""
    office.refuse(retry_after_s=90.0)
    office.now += 89.0
    assert office.throttle.is_held(CLIENT)
    office.now += 1.0
    assert not office.throttle.is_held(CLIENT)


def test_what_was_under_way_before_proves_nothing(office: Office) -> None:
    """Thirty sends at once are refused or taken: that is one hold, and none ends it early."""
    for _ in range(30):
        office.refuse(None)
    office.throttle.note_accepted(CLIENT, None)
    office.now += 3.9
    assert office.throttle.is_held(CLIENT)
    office.now += 0.1
    assert not office.throttle.is_held(CLIENT)


def test_a_hold_outlasts_what_the_rate_gives_back(office: Office) -> None:
    """A turn that made no model call gives its place back, and lets nobody past Meta's limit."""
    office.ring(A1, A2)
    assert A1 == office.take()
    office.refuse()
    office.bell.refund(A1)
    assert None is office.take()
    office.now += 4.0
    assert A2 == office.take()
