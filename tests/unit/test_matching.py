"""What the local matcher answers, asks back and leaves alone, in customers' own spelling."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.assistants.matching import Decision, Match, Matcher, decide
from daemon.core.assistants.vocabulary import content_words, read_words, spell, spelled_alike
from daemon.core.faqs import Faq, parse_faqs

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "faqs.example.json"
GYM = ROOT / "tests" / "data" / "faqs_gym.csv"


@pytest.fixture(scope="module")
def plaza() -> Matcher:
    """Three FAQs: the hours, bookings, the menu of the day."""
    return Matcher(parse_faqs(EXAMPLE.read_bytes(), source=EXAMPLE.name))


@pytest.fixture(scope="module")
def gym() -> Matcher:
    """Thirty FAQs of a business where many share their words."""
    return Matcher(parse_faqs(GYM.read_bytes(), source=GYM.name))


def outcomes(matcher: Matcher, texts: list[str]) -> dict[str, Decision]:
    return {text: decide(matcher.rank(text)) for text in texts}


PLAZA_ANSWERED = {
    1: [
        "¿Cuál es vuestro horario?",
        "a q hora abris??",
        "horario",
        "HORARIOS!!!",
        "orario",
        "buenas tardes, abrís el domingo?",
        "a que hora cerrais",
        "a q ora serrais",
        "avris mañana?",
        "estais abiertos ahora?",
        "hasta que hora estais abiertos el sabado",
        "what time do you open",
        "opening hours please",
        "are you open on sunday",
    ],
    2: [
        "kiero reservar mesa para 4",
        "reserva",
        "reservas",
        "resevar",
        "aser una reserva",
        "me gustaria hacer una reserba",
        "quiero una mesa para dos mañana a las 9",
        "teneis sitio para 4 esta noche",
        "book a table for two",
        "can i make a reservation",
        "hola, quería reservar para el sábado a las 21:30 para 6 personas, tenéis sitio?",
        "quiero pedir hora",
    ],
    3: [
        "teneis menu del dia",
        "menu",
        "menú?",
        "que menu hay hoy",
        "cuanto cuesta el menu",
        "cuanto vale el menu",
        "precio del menú del dia",
    ],
}

PLAZA_ASKED = {
    1: ["horario del mercadona", "abris en festivos?"],
    2: [
        "quiero cancelar mi reserva",
        "mira es que es el cumpleaños de mi hijo y queríamos saber si podemos reservar salón",
    ],
    3: ["teneis menu infantil", "teneis menu vegano", "el menu lleva postre?", "postre"],
}

OFF_TOPIC = [
    "capital of France",
    "cuál es la capital de Francia",
    "cuanto cuesta un iphone",
    "quien gano el partido ayer",
    "que tiempo hace mañana en madrid",
    "a que hora juega el madrid",
    "a que hora sale el tren a madrid",
    "dime un chiste",
    "quiero comprar un coche",
    "cuál es el sentido de la vida",
    "eres un robot",
    "que dia es hoy",
    "bitcoin",
    "2+2",
    "asdfghjkl",
    "el domingo",
    "hola",
    "gracias",
    "👍",
    "",
]

PLAZA_UNCOVERED = [
    "teneis parking",
    "donde estais",
    "puedo pagar con tarjeta",
    "teneis terraza",
    "admitis perros",
    "wifi",
    "teléfono",
]


def test_the_restaurant_answers_what_it_can(plaza: Matcher) -> None:
    """Typos, no accents, SMS spelling and English all find the FAQ that was meant."""
    expected = {
        text: Decision("answered", (number - 1,))
        for number, texts in PLAZA_ANSWERED.items()
        for text in texts
    }
    assert expected == outcomes(plaza, list(expected))


def test_the_restaurant_asks_where_a_word_is_not_covered(plaza: Matcher) -> None:
    """A vegan menu is not the menu of the day: a known word beside a strange one is asked about."""
    expected = {
        text: Decision("clarify", (number - 1,))
        for number, texts in PLAZA_ASKED.items()
        for text in texts
    }
    assert expected == outcomes(plaza, list(expected))


def test_the_restaurant_leaves_alone_what_it_has_no_faq_for(plaza: Matcher) -> None:
    """Off-topic messages, and those no FAQ covers, are neither answered nor asked about."""
    texts = OFF_TOPIC + PLAZA_UNCOVERED
    assert dict.fromkeys(texts, Decision("lost")) == outcomes(plaza, texts)


GYM_ANSWERED = {
    1: ["horario", "qué horario tenéis el sábado?"],
    2: ["abris en festivos"],
    3: ["precio", "cuánto vale la cuota", "how much is it"],
    4: ["hay que pagar matricula", "matricula"],
    5: ["ai descuento para estudiantes?", "descuentos", "soy estudiante teneis descuento"],
    7: ["como reservo una clase"],
    8: ["puedo probar un dia gratis"],
    9: ["kiero darme de baja", "baja"],
    10: ["congelar cuota"],
    11: ["piscina", "teneis picsina"],
    12: ["se necesita gorro?", "gorro piscina"],
    13: ["sauna", "hay spa?"],
    14: ["parking", "is there parking"],
    15: ["dónde estáis?", "direccion", "como llego"],
    16: ["edad minima"],
    17: ["cuanto cuesta un entrenador personal"],
    18: ["taquillas", "hay candado en las taquillas"],
    19: ["puedo traer invitados"],
    20: ["se puede pagar con tarjeta"],
    21: ["hay duchas"],
    22: ["alquilais toallas", "tenéis toallas?"],
    23: ["guarderia"],
    25: ["nutricionsita"],
    26: ["wifi"],
    27: ["bono de un dia"],
    28: ["telefono"],
    29: ["silla de ruedas"],
    30: ["torneos de padel"],
}

GYM_ASKED = {
    1: ["a q hora abris", "what are your opening hours", "horario de clases"],
    3: ["cuanto cuesta al mes"],
    6: ["que clases teneis", "hay clases de yoga?", "teneis zumba", "precio clases"],
    7: ["quiero pedir cita"],
    10: ["puedo pausar la cuota"],
    11: ["hasta que hora esta abierta la piscina"],
    14: ["donde aparco"],
    20: ["aceptan bizum"],
    24: ["fisio", "cita con el fisio"],
    26: ["contraseña wifi"],
    27: ["entrada de dia cuanto vale"],
}


def test_the_gym_answers_what_stands_out(gym: Matcher) -> None:
    """Among thirty FAQs that share words, the one that is clearly meant is answered."""
    expected = {
        text: Decision("answered", (number - 1,))
        for number, texts in GYM_ANSWERED.items()
        for text in texts
    }
    assert expected == outcomes(gym, list(expected))


def test_the_gym_asks_between_neighbours(gym: Matcher) -> None:
    """Where several FAQs are near, the right one is among those the customer chooses from."""
    for number, texts in GYM_ASKED.items():
        for text, decision in outcomes(gym, texts).items():
            assert (text, "clarify") == (text, decision.outcome)
            assert number - 1 in decision.indexes


def test_the_gym_never_answers_off_topic(gym: Matcher) -> None:
    """Nothing off-topic is answered; at most it is asked about ("how much" has its FAQ)."""
    texts = [*OFF_TOPIC, "vendeis hamburguesas", "teneis menu del dia", "necesito un fontanero"]
    answered = [t for t, d in outcomes(gym, texts).items() if d.outcome == "answered"]
    assert [] == answered


def test_days_matter_only_where_a_faq_asks_about_one() -> None:
    """Sunday's answer is not given to who asks for Saturday."""
    matcher = Matcher([Faq("¿Abrís los domingos?", "No."), Faq("¿Hay terraza?", "Sí.")])
    assert Decision("answered", (0,)) == decide(matcher.rank("abrís el domingo?"))
    assert Decision("clarify", (0,)) == decide(matcher.rank("abrís el sábado?"))


def test_a_question_of_nothing_but_small_words_is_found() -> None:
    """Stop words still tell FAQs apart that have no other words."""
    matcher = Matcher([Faq("¿Quiénes sois?", "Una familia."), Faq("¿Por qué?", "Porque sí.")])
    assert Decision("answered", (0,)) == decide(matcher.rank("quienes sois"))


def test_an_own_question_is_found_word_for_word(gym: Matcher) -> None:
    """Every FAQ's question, typed as it stands, is answered by that FAQ."""
    faqs = parse_faqs(GYM.read_bytes(), source=GYM.name)
    expected = [Decision("answered", (index,)) for index in range(len(faqs))]
    assert expected == [decide(gym.rank(faq.question)) for faq in faqs]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([], Decision("lost")),
        ([0.19], Decision("lost")),
        ([0.2], Decision("clarify", (0,))),
        ([0.61], Decision("clarify", (0,))),
        ([0.62], Decision("answered", (0,))),
        ([0.9, 0.85], Decision("clarify", (0, 1))),
        ([0.9, 0.7], Decision("answered", (0,))),
        ([0.9, 0.85, 0.84, 0.83], Decision("clarify", (0, 1, 2))),
        ([0.5, 0.4, 0.1], Decision("clarify", (0, 1))),
    ],
)
def test_an_answer_needs_a_score_and_a_lead(scores: list[float], expected: Decision) -> None:
    """Neither a high score beside its equal nor a lonely low one is an answer."""
    matches = [Match(index, score) for index, score in enumerate(scores)]
    assert expected == decide(matches)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("kiero", "quiero"), ("Reserbas", "reserva"), ("ORARIO", "horarios"), ("holaaa", "ola")],
)
def test_common_misspellings_are_one_word(wrong: str, right: str) -> None:
    """What sounds alike in Spanish is spelled alike before it is compared."""
    assert read_words(right) == read_words(wrong)


def test_what_carries_the_matter_is_kept() -> None:
    """Small words and numbers go; "vale" stays only as a price, "hora" may be an appointment."""
    assert [spell("menu")] == content_words("¿Tenéis el menú del día, para 2?")
    assert [spell("precio"), spell("menu")] == content_words("cuánto vale el menú")
    assert [spell("cita")] == content_words("quería pedir hora, vale?")
    assert [spell("hora")] == content_words("a qué hora")
    assert ["cuando"] == content_words("¿cuándo? 10")
    assert [spell("precio"), spell("euros")] == content_words("precio en €")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("horario", "horario", True),
        ("horario", "horaio", True),
        ("horaio", "horario", True),
        ("horario", "horarios", True),
        ("horario", "hotario", True),
        ("horario", "horairo", True),
        ("horario", "hotaria", False),
        ("horario", "hora", False),
        ("ducha", "lucho", False),
    ],
)
def test_one_slip_is_forgiven(one: str, other: str, *, expected: bool) -> None:
    """A letter more, less, wrong or swapped; two of them make another word."""
    assert expected is spelled_alike(one, other)


@given(st.text(max_size=80))
def test_any_text_is_ranked(text: str) -> None:
    """Scores stay between 0 and 1, best first, whatever comes in."""
    matcher = Matcher([Faq("¿Horario?", text or "x"), Faq(text or "y", "De 9 a 22.")])
    scores = [match.score for match in matcher.rank(text + " horario")]
    assert sorted(scores, reverse=True) == scores
    assert all(0 <= score <= 1.000001 for score in scores)
