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


def test_a_number_that_was_given_up_leads_nowhere() -> None:
    """Whoever writes from it next is somebody else."""
    index = CustomerIndex()
    index.put(1, BOTH, 7)
    index.part(1, "34600")
    index.part(1, "nobody's")
    assert (None, 7) == (index.find(1, PHONE), index.find(1, USER))


def test_what_is_forgotten_is_not_trusted() -> None:
    """After a join behind its back, or a transaction that was undone, nothing is remembered."""
    index = CustomerIndex()
    index.put(1, BOTH, 7)
    index.forget()
    assert index.find(1, BOTH) is None
    index.put(1, USER, 9)
    assert (None, 9) == (index.find(1, PHONE), index.find(1, USER))


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is emptied when full, and holds no truth that could be lost."""
    monkeypatch.setattr(customers, "CACHE_LIMIT", 2)
    index = CustomerIndex()
    for number in range(2):
        index.put(1, Customer(f"U{number}", None), number + 1)
    index.make_room()
    assert 2 == len(index)
    index.put(1, Customer("U3", None), 3)
    index.make_room()
    assert 0 == len(index)
