"""The bot's own words, by language."""

import pytest

from daemon.core.wording import FALLBACKS, default_fallback


@pytest.mark.parametrize(
    ("locale", "language"),
    [("es", "es"), ("pt-BR", "pt"), ("en_GB", "en"), ("CA", "ca"), ("zh", "es"), ("", "es")],
)
def test_the_fallback_is_in_the_clients_language(locale: str, language: str) -> None:
    """The language decides; Spanish where there are no words of our own."""
    assert default_fallback(locale) == FALLBACKS[language]


def test_every_fallback_fits_one_message() -> None:
    """A fallback is never split."""
    assert all(0 < len(text) <= 4096 for text in FALLBACKS.values())
