"""What goes out: the right address, at most 4,096 characters, and nothing lost at a cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.meta.outbound import (
    TEXT_LIMIT,
    build_read_and_typing,
    build_text,
    compose_parts,
    split_text,
)
from daemon.core.meta.wire import Customer

PROSE = st.text(st.sampled_from('ab é👍.?!\n\t»"  '), max_size=400)


class TestBuildText:
    def test_a_customer_with_a_phone_is_named_by_it(self) -> None:
        """`to` carries the plus sign, and the outbox id travels along."""
        customer = Customer("ES.1", "34600111222")
        expected = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": "+34600111222",
            "type": "text",
            "text": {"preview_url": False, "body": "Hola"},
            "biz_opaque_callback_data": "17",
        }
        assert expected == build_text(to=customer, text="Hola", callback_id="17")

    def test_a_customer_without_a_phone_is_named_by_user_id(self) -> None:
        """`recipient` stands in for `to`, never beside it."""
        payload = build_text(to=Customer("ES.1", None), text="Hola", callback_id="17")
        assert payload["recipient"] == "ES.1"
        assert "to" not in payload

    def test_text_is_always_valid_unicode(self) -> None:
        """A model's stray NUL or surrogate does not make Meta refuse the answer."""
        payload = build_text(to=Customer(None, "1"), text="a\0 \ud83d", callback_id="17")
        assert payload["text"]["body"] == "a \ufffd"


def test_read_and_typing_are_one_call() -> None:
    """One body marks the message read and shows typing."""
    assert build_read_and_typing("wamid.1") == {
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": "wamid.1",
        "typing_indicator": {"type": "text"},
    }


class TestSplitText:
    def test_what_fits_is_left_as_it_stands(self) -> None:
        """Up to the limit nothing is touched."""
        assert split_text("x" * TEXT_LIMIT) == ("x" * TEXT_LIMIT,)
        assert split_text(" Hola \n") == (" Hola \n",)

    @pytest.mark.parametrize("text", ["", " \n ", " " * 50])
    def test_nothing_gives_no_parts(self, text: str) -> None:
        """White space alone is no message."""
        assert split_text(text, 10) == ()

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("First part.\n\nSecond one. And more", ("First part.", "Second one. And more")),
            ("One here. Two there. Three", ("One here. Two there.", "Three")),
            ('He said "no!" and left us all', ('He said "no!"', "and left us all")),
            ("one two three four five six", ("one two three four", "five six")),
            ("a line of words\nanother line", ("a line of words", "another line")),
            ("A.\n\n" + "b" * 16 + " cccc dd", ("A.\n\n" + "b" * 16, "cccc dd")),
            ("x" * 45, ("x" * 20, "x" * 20, "x" * 5)),
            ("x" * 20 + " " + "y" * 20, ("x" * 20, "y" * 20)),
            (" " + "x" * 25, (" " + "x" * 19, "x" * 6)),
            (" " * 30 + "x", ("x",)),
        ],
    )
    def test_cuts_where_a_reader_would(self, text: str, expected: tuple[str, ...]) -> None:
        """Paragraphs before sentences before words, and a word only where nothing else is."""
        assert expected == split_text(text, 20)

    @given(PROSE, st.integers(1, 40))
    def test_only_white_space_at_a_cut_is_lost(self, text: str, limit: int) -> None:
        """Every part fits and says something, and the parts are the text in order."""
        rest = text
        for part in split_text(text, limit):
            assert 0 < len(part) <= limit
            assert part.strip()
            before, found, rest = rest.partition(part)
            assert found
            assert not before.strip()
        assert not rest.strip()


class TestComposeParts:
    def test_welcome_and_answer_go_in_one_message(self) -> None:
        """A first answer costs one message."""
        assert compose_parts("¡Bienvenido!", "Abrimos a las 9.") == (
            "¡Bienvenido!\n\nAbrimos a las 9.",
        )

    @pytest.mark.parametrize("welcome", [None, "", "  "])
    def test_without_a_welcome_the_answer_stands_alone(self, welcome: str | None) -> None:
        """No blank lines stand before an answer."""
        assert compose_parts(welcome, "Sí.") == ("Sí.",)

    def test_without_an_answer_the_welcome_stands_alone(self) -> None:
        """No blank lines stand after a welcome."""
        assert compose_parts("¡Hola!", " ") == ("¡Hola!",)

    def test_the_limit_is_met_exactly(self) -> None:
        """The blank line between counts too."""
        welcome = "w" * (TEXT_LIMIT - 2 - 10)
        assert len(compose_parts(welcome, "a" * 10)) == 1
        assert compose_parts(welcome, "a" * 11) == (welcome, "a" * 11)

    def test_an_overlong_answer_follows_in_parts(self) -> None:
        """The welcome comes first, the answer follows in order."""
        assert compose_parts("¡Hola!", "a" * 5000) == ("¡Hola!", "a" * 4096, "a" * 904)
