"""The memory of which conversation an identity leads to."""

import pytest

from daemon.core import customers
from daemon.core.customers import CustomerIndex
from daemon.core.meta.wire import Customer

BOTH = Customer("ES.1", "34600")
USER = Customer("ES.1", None)
PHONE = Customer(None, "34600")


def test_each_identity_leads_to_the_conversation() -> None:
    """Whatever Meta gives of a customer is enough."""
    index = CustomerIndex()
    index.put(1, BOTH, 7)
    assert [7, 7, 7] == [index.find(1, customer) for customer in (BOTH, USER, PHONE)]
    assert index.get(1, BOTH) == 7


def test_another_clients_customer_is_another() -> None:
    """The same person may write to two businesses."""
    index = CustomerIndex()
    index.put(1, BOTH, 7)
    assert index.find(2, BOTH) is None
    with pytest.raises(KeyError):
        index.get(2, BOTH)


def test_identities_that_disagree_are_left_to_the_database() -> None:
    """Two conversations of one customer have to be joined there."""
    index = CustomerIndex()
    index.put(1, USER, 7)
    assert index.find(1, BOTH) is None
    index.put(1, PHONE, 8)
    assert index.find(1, BOTH) is None


def test_an_index_over_another_changes_it_only_when_that_learns() -> None:
    """A batch that is rolled back leaves no trace."""
    base = CustomerIndex()
    base.put(1, USER, 7)
    over = CustomerIndex(base)
    over.put(1, PHONE, 8)
    assert (7, 8) == (over.find(1, USER), over.find(1, PHONE))
    assert base.find(1, PHONE) is None
    base.learn(over)
    assert base.find(1, PHONE) == 8


def test_a_number_that_was_given_up_leads_nowhere() -> None:
    """Whoever writes from it next is somebody else, here and in the index below."""
    base = CustomerIndex()
    base.put(1, BOTH, 7)
    over = CustomerIndex(base)
    over.part(1, "34600")
    assert over.find(1, PHONE) is None
    base.learn(over)
    assert (None, 7) == (base.find(1, PHONE), base.find(1, USER))


def test_what_was_forgotten_above_is_forgotten_below() -> None:
    """After a join behind its back nothing remembered is trusted."""
    base = CustomerIndex()
    base.put(1, BOTH, 7)
    over = CustomerIndex(base)
    over.forget()
    assert over.find(1, BOTH) is None
    over.put(1, USER, 9)
    base.learn(over)
    assert (None, 9) == (base.find(1, PHONE), base.find(1, USER))


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is emptied when full, and holds no truth that could be lost."""
    monkeypatch.setattr(customers, "CACHE_LIMIT", 2)
    base = CustomerIndex()
    for number in range(3):
        base.put(1, Customer(f"U{number}", None), number + 1)
    newer = CustomerIndex(base)
    newer.put(1, BOTH, 7)
    base.learn(newer)
    assert (None, 7) == (base.find(1, Customer("U0", None)), base.find(1, BOTH))
