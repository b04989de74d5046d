"""What a turn does with what a customer wrote."""

from typing import Any

import pytest

from daemon.core.answering import (
    CRASH_LIMIT,
    SERVICE_WINDOW_S,
    Plan,
    is_window_closed,
    plan_turn,
    split_crashed,
)
from daemon.core.store.inbox import Message

NOW = 1_780_000_000.0


def message(number: int = 1, **fields: Any) -> Message:
    plain: dict[str, Any] = {
        "type": "text",
        "text": "hola",
        "sent_at": NOW,
        "received_at": NOW,
        "attempts": 0,
    }
    return Message(id=number, wamid=f"wamid.{number}", **(plain | fields))


def test_all_that_a_customer_wrote_is_asked_at_once() -> None:
    """One turn, one answer: the texts go to the engine together, in order."""
    messages = [message(1, text=" hola "), message(2, text=None), message(3, text="¿wifi?")]
    assert plan_turn(messages, active=True, now=NOW) == Plan("ask", text="hola\n¿wifi?")


@pytest.mark.parametrize("text", [None, "", "  \n "])
def test_a_message_without_words_gets_the_fallback(text: str | None) -> None:
    """A picture is answered, and no model is asked about nothing."""
    plan = plan_turn([message(text=text)], active=True, now=NOW)
    assert plan == Plan("fallback", cause="no_text")


def test_a_deactivated_client_answers_nobody() -> None:
    """What waits when a client is deactivated is put where an operator sees it."""
    plan = plan_turn([message()], active=False, looping=True, now=NOW)
    assert plan == Plan("park", cause="client_inactive")


def test_a_bot_on_the_other_side_is_left_alone() -> None:
    """Two bots do not talk all night."""
    assert plan_turn([message()], active=True, looping=True, now=NOW) == Plan("park", cause="loop")


def test_after_the_service_window_nothing_is_asked() -> None:
    """An answer that Meta would refuse costs no model call."""
    late = message(sent_at=NOW - SERVICE_WINDOW_S - 1)
    assert plan_turn([late], active=True, now=NOW) == Plan("park", cause="expired")


def test_an_old_message_delivered_late_does_not_close_the_window() -> None:
    """Meta may deliver yesterday's message after today's; the customer wrote today."""
    messages = [message(1, text="hoy"), message(2, text="ayer", sent_at=NOW - 2 * SERVICE_WINDOW_S)]
    assert plan_turn(messages, active=True, now=NOW).action == "ask"


def test_the_window_is_open_to_its_last_second() -> None:
    """24 hours to the second are still within."""
    assert not is_window_closed(NOW - SERVICE_WINDOW_S, now=NOW)
    assert is_window_closed(NOW - SERVICE_WINDOW_S - 0.1, now=NOW)


def test_a_message_over_which_turns_keep_dying_is_taken_for_the_cause() -> None:
    """The third death parks it; its neighbours are answered."""
    fresh, poison = message(1), message(2, attempts=CRASH_LIMIT)
    assert split_crashed([fresh, poison]) == ((fresh,), (poison,))


def test_messages_are_read_in_the_order_of_writing() -> None:
    """Meta promises no order of delivery: what was written first stands first."""
    late = message(1, text="para el sábado", sent_at=NOW - 1)
    early = message(2, text="Quiero reservar mesa", sent_at=NOW - 4)
    plan = plan_turn([late, early], active=True, now=NOW)
    assert "Quiero reservar mesa\npara el sábado" == plan.text
