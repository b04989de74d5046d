"""The promise under everything at once; `tests/benchmarks/torture.py` is the same, larger."""

from pathlib import Path

from tests.doubles.customers import KEPT
from tests.doubles.ordeal import Ordeal, torture


async def test_nothing_is_lost_or_answered_twice_or_out_of_order(tmp_path: Path) -> None:
    """60 questions, 12 customers, 3 clients, 4 times kill -9, and a Meta in a bad mood.

    Each question is answered exactly once, in the order in which its customer asked, or (having
    been in hand during three crashes) is parked where the operator sees it, and not answered.
    """
    outcome = await torture(tmp_path, Ordeal(customers=12, questions_each=5, kills=4))
    account = outcome.account
    assert KEPT == account.faults
    assert 60 == account.asked == account.answered + len(account.parked)
    assert outcome.parked_for.keys() <= {"crashed"}
    assert 60 < outcome.counters["webhooks_posted"]
    assert 0 < outcome.counters["struck"] + outcome.counters["refused"]
