"""What the bot says of itself, by language: the fallback when a client has set none."""

FALLBACKS = {
    "es": (
        "Lo siento, no tengo esa información. He avisado al equipo para que te responda una persona"
        " lo antes posible."
    ),
    "en": (
        "Sorry, I don't have that information. I have let the team know, and a person will get back"
        " to you as soon as possible."
    ),
    "ca": (
        "Ho sento, no tinc aquesta informació. He avisat l'equip perquè una persona et respongui"
        " tan aviat com sigui possible."
    ),
    "pt": (
        "Desculpe, não tenho essa informação. Já avisei a equipa para que uma pessoa lhe responda"
        " assim que possível."
    ),
    "fr": (
        "Désolé, je n'ai pas cette information. J'ai prévenu l'équipe : une personne vous répondra"
        " dès que possible."
    ),
    "it": (
        "Mi dispiace, non ho questa informazione. Ho avvisato il team: una persona ti risponderà"
        " appena possibile."
    ),
    "de": (
        "Das weiß ich leider nicht. Ich habe das Team benachrichtigt; ein Mensch antwortet Ihnen"
        " so bald wie möglich."
    ),
}


def default_fallback(locale: str) -> str:
    """Choose by the language of a locale such as `es` or `pt-BR`; Spanish when we have none."""
    language = locale.replace("_", "-").split("-")[0].lower()
    return FALLBACKS.get(language, FALLBACKS["es"])
