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


@pytest.mark.parametrize("hanging", [1, 2, 3, 9, 63])
def test_however_many_clients_hang_there_is_room_for_the_next(hanging: int) -> None:
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
