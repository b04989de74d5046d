"""What the owner writes in the WhatsApp Business app is told from all else that Meta posts."""

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.core.meta.wire import Customer, Delivery, Echo, parse_delivery

BODIES = Path(__file__).parents[1] / "data" / "webhooks"
NUMBER = "631261586727899"
OWNER = "15550783881"
ANA = "ES.13491208655302741918"
ANA_PHONE = "34600111222"


def parse_echoes(*echoes: Any, **beside: Any) -> Delivery:
    value = {"metadata": {"phone_number_id": NUMBER}, "message_echoes": list(echoes), **beside}
    change = {"field": "smb_message_echoes", "value": value}
    return parse_delivery({"entry": [{"changes": [change]}]})


def echo(**rest: Any) -> dict[str, Any]:
    plain = {"from": OWNER, "to": ANA_PHONE, "id": "wamid.Echo", "timestamp": "1749416383"}
    given = plain | {"type": "text", "text": {"body": "Hola"}} | rest
    return {name: value for name, value in given.items() if value is not None}


def test_an_echo_says_whom_the_owner_wrote_to_and_when() -> None:
    """Both ids of the customer, whichever of them stand in the echo; no word of the text."""
    body = json.loads((BODIES / "echo_of_the_owner.json").read_bytes())
    expected = Echo("wamid.Echo", NUMBER, Customer(ANA, ANA_PHONE), 1749416383.0)
    assert Delivery(echoes=(expected,)) == parse_delivery(body)


@pytest.mark.parametrize("name", ["to_user_id", "recipient_user_id"])
def test_a_customer_without_a_phone_is_found(name: str) -> None:
    """By the user id, in whatever place Meta puts it."""
    (read,) = parse_echoes(echo(to=None, **{name: ANA})).echoes
    assert Customer(ANA, None) == read.customer


def test_the_ids_of_two_customers_are_not_joined() -> None:
    """A contact completes only the echo that shares an id with it."""
    both = parse_echoes(
        echo(), echo(id="2", to="34600333444"), contacts=[{"wa_id": ANA_PHONE, "user_id": ANA}]
    )
    assert [Customer(ANA, ANA_PHONE), Customer(None, "34600333444")] == [
        one.customer for one in both.echoes
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"type": "revoke", "revoke": {"original_message_id": "wamid.1"}},
        {"type": "edit"},
        {"type": "reaction"},
        {"group_id": "120363"},
        {"to": OWNER},
    ],
)
def test_what_answers_no_customer_is_counted_and_no_more(given: dict[str, Any]) -> None:
    """A deleted or mended message, a heart, a group, a note to themselves: nobody was answered."""
    assert Delivery(passed_over=("echo:other",)) == parse_echoes(echo(**given))


@pytest.mark.parametrize(
    "odd", [echo(id=None), echo(to=None), echo(to="not a number"), "echo", None, 7]
)
def test_what_cannot_be_read_is_counted(odd: Any) -> None:
    """Malformed, and the others of the delivery are read."""
    read = parse_echoes(odd, echo())
    assert (1, ("malformed:echo",)) == (len(read.echoes), read.passed_over)


def test_an_echo_is_of_a_number() -> None:
    """Without one it is nobody's; without echoes the field says nothing."""
    change = {"field": "smb_message_echoes", "value": {"message_echoes": [echo()]}}
    assert ("malformed:metadata",) == parse_delivery({"entry": [{"changes": [change]}]}).passed_over
    no_list = {"field": "smb_message_echoes", "value": {"metadata": {"phone_number_id": NUMBER}}}
    assert ("malformed:echo",) == parse_delivery({"entry": [{"changes": [no_list]}]}).passed_over


def test_an_owner_of_no_known_type_is_a_person_all_the_same() -> None:
    """A type that Meta invents tomorrow hands over too; an unusable time is 0."""
    (read,) = parse_echoes(echo(type="hologram", timestamp="soon")).echoes
    assert read.sent_at == 0.0
