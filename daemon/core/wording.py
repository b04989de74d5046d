"""What the bot says of itself, by language: the fallback when a client has set none."""

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
    """Choose by the language of a locale such as `es` or `pt-BR`; Spanish when we have none."""
    language = locale.replace("_", "-").split("-")[0].lower()
    return FALLBACKS.get(language, FALLBACKS["es"])
