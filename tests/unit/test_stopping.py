"""A customer's wish that the bot stop or answer again: a whole message, never a word in one."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.stopping import LENGTH_LIMIT, last_wish, read_wish, wish_of
from daemon.core.wording import FALLBACKS, RESUMED, STOPPED, confirm_start, confirm_stop

STOPS = ("stop", "baja", "parar el bot", "unsubscribe", "baixa", "arrêt", "arrête", "stopp")
STARTS = ("start", "alta", "voltar", "reprendre", "riprendi", "weiter")
AROUND = st.text(st.sampled_from(" \n\t.!¡¿?…*_\"'«»()🛑👍\u200e\ufe0f"), max_size=6)
SENTENCES = (
    "¿La planta baja tiene ascensor?",
    "baja el precio",
    "Quiero dar de alta a mi hijo",
    "no stop",
    "when do you start?",
    "¿para cuántos?",
    "para",
    "stop stop stop it now",
    "la parada de bus: non-stop",
    "alta costura",
    "quiero darme de baja",
    "cancelar",
    "gracias",
    "por favor",
    "hola",
    "",
    "🛑",
    "stop " * 30,
)


@dataclass(frozen=True)
class Said:
    text: str | None
    type: str = "text"


@pytest.mark.parametrize("text", STOPS)
def test_a_word_of_any_language_stops_the_bot(text: str) -> None:
    """Whatever language the client's own is: its customers come from anywhere."""
    assert "stop" == read_wish(text)


@pytest.mark.parametrize("text", STARTS)
def test_a_word_of_any_language_lets_it_answer_again(text: str) -> None:
    """The counterpart of each."""
    assert "start" == read_wish(text)


@pytest.mark.parametrize("text", SENTENCES)
def test_a_sentence_is_no_wish(text: str) -> None:
    """The same words say anything else when others stand beside them."""
    assert read_wish(text) is None


@pytest.mark.parametrize(
    "text", ["Stop, por favor", "Hola. BAJA, gracias", "please stop", "s'il vous plaît, stop"]
)
def test_courtesy_is_no_sentence(text: str) -> None:
    """Who asks politely is heard too."""
    assert "stop" == read_wish(text)


@given(st.sampled_from(STOPS + STARTS), AROUND, AROUND, st.data())
def test_case_accents_and_what_stands_around_do_not_matter(
    word: str, before: str, after: str, data: Any
) -> None:
    """However it is typed: in capitals, with a dot, a sign, or a mark that nobody sees."""
    typed = "".join(data.draw(st.sampled_from([char, char.upper()])) for char in word)
    assert read_wish(word) == read_wish(f"{before}{typed}{after}") is not None


@given(
    st.sampled_from(STOPS + STARTS),
    st.lists(st.from_regex(r"zz[a-zñé]{1,8}", fullmatch=True) | st.just("7"), min_size=1),
    st.data(),
)
def test_no_word_is_heard_beside_another(word: str, others: list[str], data: Any) -> None:
    """Wherever it stands among them."""
    place = data.draw(st.integers(0, len(others)))
    assert read_wish(" ".join([*others[:place], word, *others[place:]])) is None


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    """Nothing raises, and a long message is a question."""
    wish = read_wish(text)
    assert wish in {None, "stop", "start"}
    assert len(text) <= LENGTH_LIMIT or wish is None


def test_only_what_was_written_or_chosen_counts() -> None:
    """The title of a button is the customer's word; a picture's caption is about the picture."""
    assert ["stop", "stop", None, None] == [
        wish_of(one)
        for one in (Said("stop"), Said("Stop", "button"), Said("stop", "image"), Said(None))
    ]


def test_the_last_word_wins() -> None:
    """Who changes their mind in one breath is taken at their last word."""
    said = [Said("alta"), Said("stop"), Said("¿horario?")]
    assert ["stop", "start", None] == [
        last_wish(said),
        last_wish(reversed(said)),
        last_wish(said[2:]),
    ]


@pytest.mark.parametrize("locale", [*FALLBACKS, "es-MX", "ja"])
def test_each_confirmation_names_a_word_that_works(locale: str) -> None:
    """In every language there is; what a customer is told to write is understood."""
    assert FALLBACKS.keys() == STOPPED.keys() == RESUMED.keys()
    for text, wish in ((confirm_stop(locale), "start"), (confirm_start(locale), "stop")):
        (word,) = re.findall(r"\b[A-ZÀ-Ý]{3,}\b", text)
        assert wish == read_wish(word)
