"""Who wrote: the ids of one person are joined, and those of two never."""

from typing import Any

import pytest

from daemon.core.meta.wire import (
    Customer,
    Delivery,
    InboundMessage,
    parse_delivery,
)
from tests.doubles.webhook_files import ANA, ANA_PHONE, LUIS_PHONE, NUMBER, parse_file


def read_customers(*messages: dict[str, Any], contacts: list[dict[str, Any]]) -> list[Customer]:
    value = {
        "metadata": {"phone_number_id": NUMBER},
        "contacts": contacts,
        "messages": [{"id": f"wamid.{n}", **said} for n, said in enumerate(messages)],
    }
    change = {"field": "messages", "value": value}
    return [m.customer for m in parse_delivery({"entry": [{"changes": [change]}]}).messages]


def test_a_customer_without_a_phone() -> None:
    """A user known by user id alone is a customer like any other."""
    expected = InboundMessage(
        wamid="wamid.UserOnly",
        phone_number_id=NUMBER,
        customer=Customer(ANA, None),
        type="text",
        text="¿Cuál es vuestro horario?",
        sent_at=1749416383.0,
        group_id=None,
    )
    assert Delivery(messages=(expected,)) == parse_file("text_user_id_only")


def test_both_ids_are_joined_through_the_contact() -> None:
    """`from` in the message and `user_id` in its contact are one customer."""
    (read,) = parse_file("text_both_ids").messages
    assert Customer(ANA, ANA_PHONE) == read.customer
    assert read.customer.key == ANA


def test_a_customer_without_a_user_id() -> None:
    """An older body names the phone alone."""
    (read,) = parse_file("text_phone_only").messages
    assert Customer(None, LUIS_PHONE) == read.customer
    assert read.customer.key == LUIS_PHONE


def test_a_contact_found_by_user_id_gives_the_phone() -> None:
    """The join works the other way round too."""
    contacts = [{"user_id": "ES.2", "wa_id": "2"}, {"user_id": "ES.1", "wa_id": "1"}]
    expected = [Customer("ES.1", "1")]
    assert expected == read_customers({"from_user_id": "ES.1"}, contacts=contacts)


@pytest.mark.parametrize(
    ("sender", "contact", "expected"),
    [
        ({"from": "1"}, {"wa_id": "2", "user_id": "ES.2"}, Customer(None, "1")),
        ({"from_user_id": "ES.1"}, {"user_id": "ES.2", "wa_id": "2"}, Customer("ES.1", None)),
        (
            {"from": "1", "from_user_id": "ES.1"},
            {"wa_id": "1", "user_id": "ES.2"},
            Customer("ES.1", "1"),
        ),
    ],
)
def test_the_message_wins_over_its_contact(
    sender: dict[str, str], contact: dict[str, str], expected: Customer
) -> None:
    """A contact that says something else joins nobody to somebody else's ids."""
    assert [expected] == read_customers(sender, contacts=[contact])


def test_the_only_contact_of_the_only_message_is_its_sender() -> None:
    """Where nothing contradicts it, one message and one contact are one person."""
    expected = [Customer("ES.1", "1")]
    assert expected == read_customers({"from": "1"}, contacts=[{"user_id": "ES.1"}])


def test_several_messages_are_not_joined_to_one_contact_on_a_guess() -> None:
    """Two customers never become one because the body names one contact."""
    expected = [Customer(None, "1"), Customer(None, "2")]
    contacts = [{"user_id": "ES.1"}]
    assert expected == read_customers({"from": "1"}, {"from": "2"}, contacts=contacts)


def test_a_message_without_a_sender_takes_the_only_contact() -> None:
    """Meta's contact-sharing example names its sender in `contacts` alone."""
    assert [Customer("ES.1", None)] == read_customers({}, contacts=[{"user_id": "ES.1"}])


def test_a_message_without_any_sender_is_nobodys() -> None:
    """Of two contacts neither is taken for the sender."""
    contacts = [{"user_id": "ES.1"}, {"user_id": "ES.2"}]
    assert read_customers({}, contacts=contacts) == []


@pytest.mark.parametrize("written", ["+34600333444", "34600333444", 34600333444])
def test_a_phone_is_kept_as_digits(written: object) -> None:
    """A plus sign or a bare number makes no second customer."""
    assert [Customer(None, LUIS_PHONE)] == read_customers({"from": written}, contacts=[])


def test_a_customer_without_ids_cannot_be_made() -> None:
    """There is no nobody."""
    with pytest.raises(ValueError, match="user_id"):
        Customer(None, None)
