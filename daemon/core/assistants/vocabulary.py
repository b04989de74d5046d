"""Words as the local matcher sees them: folded, spelled one way, without the empty ones. Pure.

Owns spelling, stop words and the few synonyms that every local business shares. Refuses to know
any trade: what only a restaurant or a hairdresser says must stand in the client's own FAQs.
"""

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise

_WORD = re.compile(r"[^\W_]+")
_MONEY = re.compile("[€£$]")
_SPELLINGS = (
    (re.compile(r"([^\d])\1+"), r"\1"),
    (re.compile(r"k(?=[ei])"), "qu"),
    (re.compile(r"k"), "c"),
    (re.compile(r"(?<!c)h"), ""),
    (re.compile(r"v"), "b"),
    (re.compile(r"z|c(?=[ei])"), "s"),
)
"""Spellings that customers mix up when they type fast, and the one that stands for each."""

PLURAL_LENGTH = 5
"""Letters from which on a final s is a plural, not the word itself ("mes", "gas")."""


@lru_cache(maxsize=8192)
def spell(word: str) -> str:
    """Give the one spelling that stands for a folded word and its common misspellings."""
    for pattern, plain in _SPELLINGS:
        word = pattern.sub(plain, word)
    return word[:-1] if len(word) >= PLURAL_LENGTH and word.endswith("s") else word


def read_words(text: str) -> list[str]:
    """Split a text into its words in order, folded and spelled one way; numbers stay."""
    plain = unicodedata.normalize("NFKD", _MONEY.sub(" euros ", text).casefold())
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    return [word for word in map(spell, _WORD.findall(plain)) if word]


def spell_all(text: str) -> frozenset[str]:
    """Make a set of words comparable with what `read_words` gives."""
    return frozenset(read_words(text))


STOP_WORDS = spell_all("""
    el la los las lo un una unos unas al del de a ante con en entre hacia hasta para pa por segun
    sin sobre tras y e o u ni que qe q k xq pq porque cual cuales como cuando cuanto cuanta cuantos
    cuantas quien quienes me te se nos os le les mi mis tu tus su sus vuestro vuestra vuestros
    vuestras nuestro nuestra yo usted ustedes vosotros vosotras nosotros este esta estos estas ese
    esa eso esos esas esto aqui alli ahi si no tambien tb mas muy ya solo algo algun alguna

    es son soy eres sois ser estan estais estoy estamos estar hay habra haber he ha han tengo
    tiene tienes tienen teneis tenemos tener puedo puede puedes pueden podeis podemos poder podria
    podriais podrias podrian sabe sabes sabeis saber quiero quiere quieres quisiera querria queria
    queriamos gustaria necesito necesita hacer aser hago hace haceis hacen dar dais dan doy darme
    darse llevar vendeis venden decir dime decidme decirme diga digame informacion info pregunta
    preguntar consulta duda voy vais va vamos ir ofreceis ofrecen ofrece admitis admiten aceptais
    aceptan acepta existe encontrar ver

    hola holi wenas buenas buenos buen dia dias tarde tardes noche noches gracias favor porfa
    porfavor pls saludos disculpa disculpe disculpad perdona perdone perdon oye oiga vale
    hoy manana ahora semana ayer pasado proximo proxima mediodia
    uno dos tres cuatro cinco seis siete ocho nueve diez once doce persona personas gente

    the an of to in on at for from with by and or is are am be was do does did you your yours i my
    we our us it its this that there here what which when how who why can could would will should
    may have has had get got id make like want need please thanks thank hi hello hey good morning
    evening night afternoon day today tomorrow tonight now any some much many know tell about week
    one two three four five six seven eight nine ten people ll re ve don
""")
"""Words that say that somebody asks, not what: particles, courtesy, numbers, parts of the day.
Spanish in the first three blocks, English in the last."""

DAYS = spell_all("""
    lunes martes miercoles jueves viernes sabado domingo finde
    monday tuesday wednesday thursday friday saturday sunday weekend
""")
"""Days matter only to a business whose FAQs ask about one; elsewhere every message has them."""

_OPENING = """
    horario abre abren abres abrir abris abrimos abierto abierta apertura cierra cierran cierre
    cierras cerrar cerrais cerramos cerrado cerrada hora horas
    open opens opening close closes closed closing hours schedule time times
"""
_BOOKING = """
    reserva reservar reservo reservado reservacion mesa cita sitio hueco
    book booking reserve reservation table appointment
"""
_PRICE = """
    precio cuesta cuestan coste costo vale valen tarifa euros
    price pricing cost costs fee rates
"""
_PLACE = """
    direccion donde ubicacion ubicados situados calle llegar llego localizacion mapa
    address where location located directions street
"""
_PAYMENT = """
    pago pagar pagais tarjeta efectivo bizum visa mastercard
    pay paying payment card cash
"""
_DELIVERY = "domicilio envio enviar enviais reparto repartis delivery deliver shipping"
_CANCELLING = "cancelar cancelacion cancelo anular anulacion cancel cancellation cancelling"
_PARKING = "parking aparcar aparcamiento aparco parcar garaje"
_CONTACT = "telefono movil llamar correo email mail contacto contactar phone call contact"

CONCEPTS: tuple[frozenset[str], ...] = tuple(
    map(
        spell_all,
        (
            _OPENING,
            _BOOKING,
            _PRICE,
            _PLACE,
            _PAYMENT,
            _DELIVERY,
            _CANCELLING,
            _PARKING,
            _CONTACT,
        ),
    )
)
"""Words that mean one thing at any counter. Small on purpose: a synonym that is wrong for one
trade would send its customers confidently to the wrong answer."""

CONCEPT_OF = {word: number for number, words in enumerate(CONCEPTS) for word in words}

_ASKING_FOR_TIME = spell_all("pedir pido coger cojo dar dais reservar quiero sacar concertar")
"""Before "hora" these make an appointment of it ("pedir hora"), not a question for the hours."""

_HOUR, _APPOINTMENT = spell("hora"), spell("cita")
_PRICED = spell("precio")
_HOW_MUCH = {tuple(read_words(pair)) for pair in ("cuanto vale", "how much")}


def content_words(text: str) -> list[str]:
    """Give the words that carry a text's matter, each once, in order; numbers never.

    A text of nothing but stop words keeps them all: "¿Quiénes sois?" is a question too.
    """
    words = [word for word in read_words(text) if not word.isdecimal()]
    kept: list[str] = []
    for before, word in pairwise(["", *words]):
        if word == _HOUR and before in _ASKING_FOR_TIME:
            kept = [*(other for other in kept if other != before), _APPOINTMENT]
        elif (before, word) in _HOW_MUCH:
            kept.append(_PRICED)
        elif len(word) > 1 and word not in STOP_WORDS:
            kept.append(word)
    return list(dict.fromkeys(kept or words))


def spelled_alike(one: str, other: str) -> bool:
    """Tell whether one slip (a letter more, less, other, or two swapped) parts two words."""
    if abs(len(one) - len(other)) > 1 or one == other:
        return one == other
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    if at is None:
        return True
    rests = (
        (one[at + 1 :], other[at + 1 :]),
        (one[at + 1 :], other[at:]),
        (one[at:], other[at + 1 :]),
        (one[at + 1 : at + 2] + one[at : at + 1] + one[at + 2 :], other[at:]),
    )
    return any(left == right for left, right in rests)
