"""What the bot says of itself, by language: the fallback when a client has set none.

Owns which language is spoken where there are no words in the one that a locale names. Pure.
"""

import re

DEFAULT = "es"
"""Spoken in place of a language without words of ours."""

FALLBACKS = {
    "es": (
        "Lo siento, no tengo esa información. El equipo verá tu mensaje y podrá"
        " responderte una persona."
    ),
    "en": (
        "Sorry, I don't have that information. The team will see your message, and a person"
        " can answer it."
    ),
    "ca": (
        "Ho sento, no tinc aquesta informació. L'equip veurà el teu missatge i et podrà"
        " respondre una persona."
    ),
    "pt": (
        "Desculpe, não tenho essa informação. A equipa verá a sua mensagem e uma pessoa"
        " poderá responder."
    ),
    "fr": (
        "Désolé, je n'ai pas cette information. L'équipe verra votre message et une"
        " personne pourra vous répondre."
    ),
    "it": (
        "Mi dispiace, non ho questa informazione. Il team vedrà il tuo messaggio e una"
        " persona potrà risponderti."
    ),
    "de": (
        "Das weiß ich leider nicht. Das Team sieht Ihre Nachricht, und ein Mensch kann Ihnen"
        " antworten."
    ),
}


def default_fallback(locale: str) -> str:
    """Choose by the language of a locale."""
    return FALLBACKS[choose_language(locale)]


def choose_language(locale: str) -> str:
    """Choose what is spoken for a locale such as `es` or `pt-BR`; Spanish when we have no words."""
    return find_language(locale) or DEFAULT


def find_language(locale: str) -> str | None:
    """Find the language of a locale among those that have words of ours."""
    language = re.split("[-_]", locale)[0].lower()
    return language if language in FALLBACKS else None


def explain_language(locale: str) -> str | None:
    """Say that there are no words of ours for a locale, and which there are; None where some."""
    if find_language(locale) is not None:
        return None
    return (
        f"The bot has no words of its own in {locale}: it speaks Spanish where no text is set."
        f" There are {', '.join(sorted(FALLBACKS))}."
    )
