"""How long OPENAI_RPS_PER_CLIENT holds a client back is told, and nothing else is called that."""

import pytest

from daemon.work.bell import Bell, Key

A1, A2, A3, B1 = (1, 1), (1, 2), (1, 3), (2, 1)


class Paced:
    """A bell whose first client may call once a second; what it tells is kept."""

    def __init__(self, interval_s: float = 1.0) -> None:
        self.now = 100.0
        self.told: list[tuple[int, float]] = []
        self.bell = Bell(
            quiet_s=0,
            clock=lambda: self.now,
            interval_of=lambda client: interval_s if client == 1 else 0.0,
            note_pause=lambda client, seconds: self.told.append((client, seconds)),
        )

    def ring(self, *keys: Key) -> None:
        for key in keys:
            self.bell.wake(key)

    def take(self, *, after_s: float = 0.0) -> Key | None:
        self.now += after_s
        return self.bell._next()


def test_a_line_that_is_held_back_tells_for_how_long() -> None:
    """From when it could have gone until its rate allowed it, once for each turn."""
    paced = Paced()
    paced.ring(A1, A2, A3)
    assert [A1, None] == [paced.take(), paced.take()]
    assert A2 == paced.take(after_s=1.0)
    assert paced.take() is None
    assert A3 == paced.take(after_s=1.0)
    assert [(1, 1.0), (1, 1.0)] == paced.told


def test_waiting_for_a_worker_is_not_the_rate_s_fault() -> None:
    """When nobody takes for a while, only the second that the rate asked for counts."""
    paced = Paced()
    paced.ring(A1, A2)
    assert [A1, None] == [paced.take(), paced.take()]
    assert A2 == paced.take(after_s=30.0)
    assert [(1, 1.0)] == paced.told


def test_a_call_that_is_given_back_shortens_the_wait() -> None:
    """The next goes at once, and the wait was as long as it was."""
    paced = Paced()
    paced.ring(A1, A2)
    assert [A1, None] == [paced.take(), paced.take()]
    paced.now += 0.25
    paced.bell.refund(A1)
    assert A2 == paced.take()
    assert [(1, 0.25)] == paced.told


def test_a_call_that_is_made_again_waits_too() -> None:
    """A retry of the model waits for the rate as a first call does."""
    paced = Paced()
    paced.ring(A1)
    assert A1 == paced.take()
    assert pytest.approx(1.0) == paced.bell.reserve(1)
    assert [(1, 1.0)] == paced.told


def test_a_client_without_a_limit_never_waits() -> None:
    """Nor does one that has just begun."""
    paced = Paced()
    paced.ring(A1, B1, (2, 2))
    assert {A1, B1, (2, 2)} == {paced.take() for _ in range(3)}
    assert [] == paced.told
