"""What a customer says besides questions, and what the local engine says back. Pure.

Owns greetings, thanks, a call for a person, and the choice from a list that we sent ourselves.
What is told to the customer comes from one table by language; FAQs are `matching`'s.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from daemon.core.assistants.vocabulary import read_words, spell_all
from daemon.core.wording import choose_language


@dataclass(frozen=True, slots=True)
class Phrases:
    """What the local engine says in one language, around the client's own questions."""

    help: str
    example: str
    meant: str
    choose: str
    welcome: str


PHRASES = {
    "es": Phrases(
        "¿En qué puedo ayudarte?",
        "Por ejemplo:",
        "¿Te refieres a…?",
        "Responde con el número.",
        "¡Gracias a ti! Aquí estamos para lo que necesites.",
    ),
    "en": Phrases(
        "How can I help you?",
        "For example:",
        "Do you mean…?",
        "Reply with the number.",
        "You're welcome! We are here if you need anything else.",
    ),
    "ca": Phrases(
        "En què et puc ajudar?",
        "Per exemple:",
        "Vols dir…?",
        "Respon amb el número.",
        "Gràcies a tu! Som aquí per al que necessitis.",
    ),
    "pt": Phrases(
        "Em que posso ajudar?",
        "Por exemplo:",
        "Refere-se a…?",
        "Responda com o número.",
        "De nada! Estamos aqui para o que precisar.",
    ),
    "fr": Phrases(
        "Comment puis-je vous aider ?",
        "Par exemple :",
        "Voulez-vous dire… ?",
        "Répondez avec le numéro.",
        "Avec plaisir ! Nous restons à votre disposition.",
    ),
    "it": Phrases(
        "Come posso aiutarti?",
        "Per esempio:",
        "Intendi…?",
        "Rispondi con il numero.",
        "Grazie a te! Siamo qui per qualsiasi cosa.",
    ),
    "de": Phrases(
        "Wie kann ich Ihnen helfen?",
        "Zum Beispiel:",
        "Meinen Sie…?",
        "Antworten Sie mit der Nummer.",
        "Gern geschehen! Wir sind für Sie da.",
    ),
}
"""By language, as `wording` chooses it."""

_GREETINGS = spell_all("""
    hola holi ola wenas buenas buenos saludos hey hello hi alo tal good morning evening afternoon
    bon bona bones bonjour bonsoir salut ciao buongiorno buonasera salve oi bom boa hallo guten moin
""")
_BESIDE_GREETINGS = spell_all("""
    que muy a todos equipo dia dias tarde tardes noche noches como estas estais esta hay alguien ahi
    there how are you jour soir tarda nit tag morgen abend giorno sera noite tudo bem
""")
_THANKS = spell_all("""
    gracias graciass thanks thank thx ty merci gracies grazie danke obrigado obrigada
    ok okay okey oki vale perfecto genial estupendo fenomenal guay entendido listo great perfect
    adios bye chao hasta luego adeu
""")
_BESIDE_THANKS = spell_all("""
    muchas muchisimas mil moltes de acuerdo por todo la informacion info ayuda y muy amable amables
    you very much so a lot no pues bien nada buen dia tarde noche un saludo saludos hola luego
    pronto manana beaucoup mille vielen dank schon muito os vosotros ti usted
""")
_NODS = re.compile(
    "[👍👌🙏👏🤝✅🙂😊😀😄😁😃😉🥰😍🤗❤💚💙🧡💛♥\U0001f3fb-\U0001f3ff\ufe0f\u200d\\s!.]+"
)

_SPEAKING = spell_all("""
    hablar hablo comunicar comunicarme contactar pasar pasame paseme pasadme ponme pongame atienda
    atender talk speak chat contact parlar falar parler parlare parlo sprechen reden
""")
_PERSONS = spell_all("""
    persona humano humana alguien agente operador operadora asesor asesora encargado encargada
    responsable gerente dueno duena jefe person human someone somebody agent operator manager
    algu huma pessoa alguem personne humain quelqu qualcuno umano operatore mensch menschen
    jemand jemandem mitarbeiter
""")
_MACHINES = spell_all("bot robot maquina machine")
_PERSON_ALONE = spell_all("""
    persona humano humana agente operador operadora asesor person human agent operator
""")
_BESIDE_PERSON = spell_all("un una a con real de verdad por favor please the quiero necesito")
_CROWD = re.compile(r"\bpersonas\b", re.IGNORECASE)

_ORDINALS = (
    spell_all("1 uno una primero primera primer one first u primeira premier premiere primo eins"),
    spell_all("2 dos segundo segunda two second dues segona deuxieme due zwei zweite"),
    spell_all("3 tres tercero tercera tercer three third terceira troisieme tre drei dritte"),
)
_BESIDE_ORDINAL = spell_all("""
    la el lo opcion numero option number the one por favor porfa please gracias quiero pregunta
    es si seria hola le il die der das
""")
_ONE = spell_all("one una uno")
_YES = spell_all("si sip yes yeah vale ok okay eso esa exacto correcto claro oui sim ja right")
_NO = spell_all(
    "no ninguna ninguno nada nope none neither otra otro cosa de esas esos eso nein non"
)


def phrases_for(locale: str) -> Phrases:
    """Give the phrases of a locale's language, Spanish where we speak none of it."""
    return PHRASES[choose_language(locale)]


def is_greeting(text: str) -> bool:
    """Tell whether a message greets and does nothing else."""
    words = set(read_words(text))
    courtesy = _GREETINGS | _BESIDE_GREETINGS | _THANKS | _BESIDE_THANKS
    return bool(words & _GREETINGS) and words <= courtesy


def is_thanks(text: str) -> bool:
    """Tell whether a message only thanks, agrees, nods or takes leave."""
    words = set(read_words(text))
    if not words:
        return _NODS.fullmatch(text) is not None and bool(text.strip(" \n\t!."))
    return bool(words & _THANKS) and words <= _THANKS | _BESIDE_THANKS


def asks_for_person(text: str) -> bool:
    """Tell whether a customer wants a human instead of us."""
    words = set(read_words(text))
    if words & _SPEAKING and (words & _PERSONS or (words & _MACHINES and "no" in words)):
        return True
    alone = bool(words & _PERSON_ALONE) and words <= _PERSON_ALONE | _BESIDE_PERSON
    return alone and not _CROWD.search(text)


def write_list(intro: Sequence[str], questions: Sequence[str], outro: str = "") -> str:
    """Write questions as a numbered list that `read_choice` can take an answer to."""
    lines = [f"{number}. {question}" for number, question in enumerate(questions, start=1)]
    return "\n".join([*intro, *lines, *([outro] if outro else [])])


def read_choice(text: str, count: int) -> int | None:
    """Give the place (from 0) that a customer picks from a list of so many; None for no pick."""
    words = read_words(text)
    if count == 1 and words and set(words) <= _YES:
        return 0
    picked = {
        place
        for place, names in enumerate(_ORDINALS)
        if names.intersection(words) and place < count
    }
    if len(picked) > 1 and not _ORDINALS[0].intersection(words) - _ONE:
        picked.discard(0)
    known = _BESIDE_ORDINAL.union(*_ORDINALS)
    return picked.pop() if len(picked) == 1 and set(words) <= known else None


def declines(text: str) -> bool:
    """Tell whether a customer says that nothing on a list is what they meant."""
    words = set(read_words(text))
    return bool(words) and words <= _NO
