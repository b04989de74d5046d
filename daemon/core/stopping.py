"""Whether a customer asks the bot to stop, or to answer again: the words for it in every language.

Pure. Only a whole message is such a wish: in a sentence the same words mean anything ("¿La planta
baja?"), and whoever writes "quiero darme de baja" to a gym wants to leave the gym. A customer need
not write in the client's language, so the words of all are known to all. What the bot says to it is
`wording`'s.

Source: the WhatsApp Business Messaging Policy, read 2026-11: a request to stop must be honoured.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal, Protocol

Wish = Literal["stop", "start"]

LENGTH_LIMIT = 60
"""Characters of the longest message that is looked at: the longest phrase, and some courtesy."""

SPOKEN_TYPES = frozenset({"button", "interactive", "text"})
"""Types whose text is the customer's whole message; a picture's caption is not."""

_STOP = """
    stop; stop all; stopall; stop bot; bot stop; unsubscribe; opt out; optout
    baja; parar; parar bot; parar el bot; baixa; aturar; atura
    pare; sair; descadastrar; arret; arrete; arreter; arretez; ferma; fermati; stopp; stoppen
"""
_START = """
    start; unstop; resume; subscribe; opt in; optin; alta; activar; reanudar
    reprendre; voltar; retomar; ativar; attivare; riprendi; riprendere
    reprends; reprenez; starten; weiter
"""
_COURTESY = """
    por favor; porfavor; porfa; gracias; muchas gracias; please; pls; thanks; thank you
    si us plau; sisplau; gracies; obrigado; obrigada; s il vous plait; svp; merci
    per favore; grazie; bitte; danke; hola; hello; hi; ola; bonjour; ciao; hallo
"""

_WORD = re.compile(r"[^\W_]+")
_UNSEEN = re.compile(
    "[\u00ad\u0300-\u036f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]"
)
"""Accents that stand apart, and the joiners and marks of direction that keyboards put in."""


class Written(Protocol):
    """A message, as far as a wish is concerned."""

    @property
    def type(self) -> str:
        """Meta's word for its kind."""
        ...

    @property
    def text(self) -> str | None:
        """What the customer wrote in it."""
        ...


def read_wish(text: str) -> Wish | None:
    """Tell what a whole message asks for; case, accents, punctuation and courtesy aside."""
    if len(text) > LENGTH_LIMIT:
        return None
    words = _read_words(text)
    if _LAST_WORDS.isdisjoint(words):
        # Nearly every message ends here, after some microseconds.
        return None
    said = _drop_courtesy(words)
    if said in _STOP_PHRASES:
        return "stop"
    return "start" if said in _START_PHRASES else None


def wish_of(message: Written) -> Wish | None:
    """Tell what a message asks for."""
    if message.text is None or message.type not in SPOKEN_TYPES:
        return None
    return read_wish(message.text)


def last_wish(messages: Iterable[Written]) -> Wish | None:
    """Tell what the last of the messages that ask for either asks for; they stand in order."""
    wishes = [wish for wish in map(wish_of, messages) if wish is not None]
    return wishes[-1] if wishes else None


def _read_words(text: str) -> tuple[str, ...]:
    plain = text.casefold()
    if not plain.isascii():
        plain = _UNSEEN.sub("", unicodedata.normalize("NFKD", plain))
    return tuple(_WORD.findall(plain))


def _drop_courtesy(words: Sequence[str]) -> tuple[str, ...]:
    """Take one phrase of courtesy from either end, unless nothing else was said."""
    rest = tuple(words)
    for phrase in _COURTESIES:
        size = len(phrase)
        if size < len(rest) and rest[:size] == phrase:
            rest = rest[size:]
        if size < len(rest) and rest[-size:] == phrase:
            rest = rest[:-size]
    return rest


def _split(phrases: str) -> frozenset[tuple[str, ...]]:
    lines = phrases.strip().splitlines()
    return frozenset(_read_words(phrase) for line in lines for phrase in line.split(";"))


_STOP_PHRASES, _START_PHRASES = _split(_STOP), _split(_START)
_LAST_WORDS = frozenset(phrase[-1] for phrase in _STOP_PHRASES | _START_PHRASES)
_COURTESIES = sorted(_split(_COURTESY), key=len, reverse=True)
