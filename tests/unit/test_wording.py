"""The bot's own words, by language."""

import pytest

from daemon.core.timetable import FULL_DAY, WORDS, describe_week
from daemon.core.wording import FALLBACKS, default_fallback, explain_language


@pytest.mark.parametrize(
    ("locale", "language"),
    [("es", "es"), ("pt-BR", "pt"), ("en_GB", "en"), ("CA", "ca"), ("zh", "es"), ("", "es")],
)
def test_the_fallback_is_in_the_clients_language(locale: str, language: str) -> None:
    """The language decides; Spanish where there are no words of our own."""
    assert default_fallback(locale) == FALLBACKS[language]


def test_every_language_has_all_the_words() -> None:
    """What can say a fallback can say opening times, and the other way round."""
    assert set(FALLBACKS) == set(WORDS)


@pytest.mark.parametrize("locale", ["xx-yy", "zh", "est", "nld"])
def test_an_unknown_language_is_spoken_to_in_one(locale: str) -> None:
    """Fallback and opening times are in the same language, and the operator is told which."""
    week = ((FULL_DAY,),) * 7
    assert default_fallback("es") == default_fallback(locale)
    assert describe_week(week, "es") == describe_week(week, locale)
    assert (
        f"The bot has no words of its own in {locale}: it speaks Spanish where no text is set."
        " There are ca, de, en, es, fr, it, pt."
    ) == explain_language(locale)


@pytest.mark.parametrize("locale", ["es", "pt-BR", "en_GB"])
def test_a_known_language_is_nothing_to_tell(locale: str) -> None:
    """Only what may not be meant is told."""
    assert explain_language(locale) is None


def test_every_fallback_fits_one_message() -> None:
    """A fallback is never split."""
    assert all(0 < len(text) <= 4096 for text in FALLBACKS.values())
