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


STOP, START, HOLA = "Stop.", "ALTA", "hola"


def written(*texts: str, **fields: Any) -> list[Message]:
    return [message(number, text=text, **fields) for number, text in enumerate(texts, start=1)]


def test_a_customer_who_says_stop_is_told_so_and_asked_nothing() -> None:
    """Whoever has the conversation, and though two bots seem to talk: a wish of the customer's."""
    plans = [
        plan_turn(written(HOLA, STOP), active=True, paused_by=by, looping=by == "loop", now=NOW)
        for by in (None, "person", "loop")
    ]
    assert [Plan("stop")] * 3 == plans


def test_nothing_is_answered_to_who_has_said_stop() -> None:
    """Not even that they say it again."""
    for texts in ([HOLA], [STOP], [START, STOP], ["¿la planta baja?"]):
        plan = plan_turn(written(*texts), active=True, paused_by="stopped", now=NOW)
        assert Plan("ignore", cause="stopped") == plan


def test_a_word_lets_the_bot_answer_again_from_there() -> None:
    """What was written before the word is not answered; what came after it is the next turn's."""
    texts = written(HOLA, START, "¿horario?")
    plan = plan_turn(texts, active=True, paused_by="stopped", now=NOW)
    assert Plan("start", taken=tuple(texts[:2])) == plan


def test_who_takes_it_back_at_once_is_answered() -> None:
    """Stop and start in one breath: the last word wins, and it is confirmed."""
    texts = written(STOP, START)
    assert Plan("start", taken=tuple(texts)) == plan_turn(texts, active=True, now=NOW)


def test_to_who_never_said_stop_its_counterpart_is_a_word() -> None:
    """Who writes "alta" may ask how to sign up."""
    assert Plan("ask", text=START) == plan_turn(written(START), active=True, now=NOW)


def test_a_stop_that_comes_too_late_to_be_confirmed_counts() -> None:
    """Meta takes no message after a day, but the wish is the same."""
    texts = written(STOP, sent_at=NOW - SERVICE_WINDOW_S - 1)
    mute = Plan("ignore", cause="stopped", stops=True)
    assert mute == plan_turn(texts, active=True, now=NOW)


@pytest.mark.parametrize(("looping", "ago_s"), [(True, 0.0), (False, SERVICE_WINDOW_S + 1)])
def test_who_cannot_be_answered_cannot_start(looping: bool, ago_s: float) -> None:  # noqa: FBT001
    """A bot that writes both words in turn gets no confirmation for ever."""
    texts = written(START, sent_at=NOW - ago_s)
    plan = plan_turn(texts, active=True, paused_by="stopped", looping=looping, now=NOW)
    assert Plan("ignore", cause="stopped") == plan


def test_what_is_written_to_a_person_is_left_to_them() -> None:
    """However old it is, and whether or not it has words; it is never parked."""
    for texts in (written(HOLA), written(START), written(HOLA, sent_at=0.0)):
        plan = plan_turn(texts, active=True, paused_by="person", looping=True, now=NOW)
        assert Plan("ignore", cause="person") == plan
