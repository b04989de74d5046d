"""What the bot says of itself, by language: the fallback of a client that has set none, and more.

Owns those texts (the rest confirms a customer's wish that the bot stop, or answer again), and
which language is spoken where there are no words in the one that a locale names. Pure.
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

STOPPED = {
    "es": "De acuerdo: ya no te responderé más. Si quieres que vuelva a hacerlo, escribe ALTA.",
    "en": "All right: I won't answer you any more. If you want me to again, write START.",
    "ca": "D'acord: ja no et respondré més. Si vols que ho torni a fer, escriu ALTA.",
    "pt": "Certo: não responderei mais. Se quiser que eu volte a responder, escreva VOLTAR.",
    "fr": "D'accord : je ne vous répondrai plus. Pour que je reprenne, écrivez REPRENDRE.",
    "it": "Va bene: non ti risponderò più. Se vuoi che riprenda, scrivi RIPRENDI.",
    "de": "In Ordnung: Ich antworte Ihnen nicht mehr. Soll ich es wieder tun, schreiben Sie START.",
}
"""What a customer is told who asks the bot to stop; `stopping` knows the word in capitals."""

RESUMED = {
    "es": "Hecho: vuelvo a responderte. Para que deje de hacerlo, escribe BAJA.",
    "en": "Done: I will answer you again. To make me stop, write STOP.",
    "ca": "Fet: torno a respondre't. Perquè deixi de fer-ho, escriu BAIXA.",
    "pt": "Pronto: volto a responder. Para eu parar, escreva PARAR.",
    "fr": "C'est fait : je vous réponds à nouveau. Pour que j'arrête, écrivez STOP.",
    "it": "Fatto: ti rispondo di nuovo. Perché io smetta, scrivi STOP.",
    "de": "Erledigt: Ich antworte Ihnen wieder. Soll ich aufhören, schreiben Sie STOPP.",
}
"""What a customer is told whom the bot answers again."""


def default_fallback(locale: str) -> str:
    """Choose by the language of a locale."""
    return FALLBACKS[choose_language(locale)]


def confirm_stop(locale: str) -> str:
    """Say that the bot stops, and with which word it answers again."""
    return STOPPED[choose_language(locale)]


def confirm_start(locale: str) -> str:
    """Say that the bot answers again, and with which word it stops."""
    return RESUMED[choose_language(locale)]


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
