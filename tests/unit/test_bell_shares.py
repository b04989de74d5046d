"""How the doorbell shares the workers out among clients."""

from collections import Counter

import pytest

from tests.doubles.rung import A1, A2, A3, B1, Rung


def test_one_client_never_holds_all_the_workers() -> None:
    """Whose sends hang leaves room for the others, and goes on when one of them is done."""
    rung = Rung(workers=4)
    for key in (A1, A2, A3, B1):
        rung.bell.wake(key)
    assert [A1, B1, A2] == rung.all()
    rung.bell.done(B1)
    assert rung.next() is None
    rung.bell.done(A1)
    assert [A3] == rung.all()


def test_each_client_that_hangs_leaves_half_of_what_it_found() -> None:
    """One after the other; of 64 workers the seventh takes the last, and the eighth has to wait."""
    rung = Rung(workers=64)
    shares = []
    for client_id in range(7):
        for number in range(64):
            rung.bell.wake((client_id, number))
        shares.append(len(rung.all()))
    assert [32, 16, 8, 4, 2, 1, 1] == shares
    rung.bell.wake((7, 0))
    rung.bell.done((0, 0))
    assert (7, 0) == rung.next()


@pytest.mark.parametrize("hanging", [1, 2, 3, 9, 63])
def test_clients_that_hang_together_leave_room_for_one_more(hanging: int) -> None:
    """Each has as many in work as are free at most, in equal shares, and one at least."""
    workers, newcomer = 64, (1000, 1)
    rung = Rung(workers=workers)
    for number in range(workers):
        for client_id in range(hanging):
            rung.bell.wake((client_id, number))
    in_work = Counter(client_id for client_id, _ in rung.all())
    assert set(range(hanging)) == set(in_work)
    assert max(in_work.values()) - min(in_work.values()) <= 1
    free = workers - in_work.total()
    assert max(in_work.values()) <= free + 1
    assert free >= 1
    rung.bell.wake(newcomer)
    assert newcomer == rung.next()


def test_who_has_its_share_goes_on_when_another_gives_one_back() -> None:
    """Nobody has to ring for it: the share of all grows with each worker that is free."""
    rung = Rung(workers=3)
    for key in (A1, A2, A3, B1):
        rung.bell.wake(key)
    assert [A1, B1] == rung.all()
    rung.bell.done(B1)
    assert [A2] == rung.all()
