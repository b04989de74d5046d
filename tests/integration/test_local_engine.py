"""The engine without a key, in conversations as customers have them."""

import asyncio
from pathlib import Path

import pytest

from daemon.core.assistants.engine import AssistantVersion, Engine, Exchange, Question, Reply
from daemon.core.assistants.local import SHOWN_QUESTION_CHARS, LocalEngine
from daemon.core.faqs import Faq, parse_faqs

EXAMPLE = Path(__file__).parents[2] / "faqs.example.json"
PLAZA = AssistantVersion("asst_1", 1, "", parse_faqs(EXAMPLE.read_bytes(), source=EXAMPLE.name))
HOURS, BOOKING, MENU = PLAZA.faqs
SHOP = AssistantVersion(
    "asst_2",
    1,
    "",
    (
        Faq("¿Hacéis envíos a Canarias?", "Sí, en cinco días."),
        Faq("¿Hacéis envíos a Portugal?", "Sí, en dos días."),
        Faq("¿Hacéis envíos\na Francia? " + "Muchísimo " * 40, "No."),
        Faq("¿Cuánto tarda una devolución?", "Tres días."),
    ),
)
SENDING = "¿Te refieres a…?\n1. ¿Hacéis envíos a Canarias?\n2. ¿Hacéis envíos a Portugal?\n"


def ask(
    text: str,
    *,
    assistant: AssistantVersion = PLAZA,
    locale: str = "es",
    history: tuple[Exchange, ...] = (),
) -> Question:
    return Question(
        client_id=1,
        assistant=assistant,
        text=text,
        situation="",
        locale=locale,
        customer_hash="x",
        history=history,
    )


@pytest.fixture
def engine() -> LocalEngine:
    return LocalEngine(kept_matchers=2)


async def test_the_demo_question_is_answered_with_the_hours(engine: Engine) -> None:
    """The question of the demo script gets the FAQ's own answer, word for word."""
    expected = Reply("answered", HOURS.answer, ("F1",))
    assert expected == await engine.answer(ask("¿Cuál es vuestro horario?"))
    assert (engine.name, engine.calls_model) == ("local", False)


@pytest.mark.parametrize(
    "text", ["hola", "Buenas!!", "holaaa", "buenos días, qué tal?", "Hello 👋"]
)
async def test_a_bare_greeting_is_offered_help(engine: Engine, text: str) -> None:
    """Who only says hello is asked what they need, with questions to choose from."""
    expected = (
        "¿En qué puedo ayudarte?\nPor ejemplo:\n1. ¿Cuál es el horario?\n"
        "2. ¿Cómo puedo hacer una reserva?\n3. ¿Tenéis menú del día?"
    )
    assert Reply("clarify", expected) == await engine.answer(ask(text))


async def test_a_greeting_without_faqs_still_gets_a_word(engine: Engine) -> None:
    """A client that has no questions to show is polite all the same."""
    nothing = AssistantVersion("asst_0", 1, "", ())
    expected = Reply("clarify", "¿En qué puedo ayudarte?")
    assert expected == await engine.answer(ask("hola", assistant=nothing))
    assert Reply("unanswered") == await engine.answer(ask("horario", assistant=nothing))


@pytest.mark.parametrize(
    "text",
    ["gracias", "Muchas gracias!!", "ok", "👍", "❤️🙏🏽", "vale, gracias", "no, gracias", "thx"],
)
async def test_thanks_are_answered_shortly(engine: Engine, text: str) -> None:
    """Thanks get a thank you, never the fallback text."""
    expected = Reply("clarify", "¡Gracias a ti! Aquí estamos para lo que necesites.")
    assert expected == await engine.answer(ask(text))


@pytest.mark.parametrize(
    "text", ["", "???", "...", "😡", "capital of France", "cuanto cuesta un iphone"]
)
async def test_what_no_faq_covers_is_left_to_the_fallback(engine: Engine, text: str) -> None:
    """Off-topic and unreadable messages are not answered."""
    assert Reply("unanswered") == await engine.answer(ask(text))


@pytest.mark.parametrize(
    "text",
    [
        "quiero hablar con una persona",
        "HUMANO",
        "una persona real por favor",
        "me puede atender alguien?",
        "can I talk to a human",
        "no quiero hablar con un robot",
        "ich möchte mit einem Menschen sprechen",
        "parler à quelqu'un",
    ],
)
async def test_a_call_for_a_person_is_passed_on(engine: Engine, text: str) -> None:
    """Who wants a human gets no machine's answer, and somebody is told."""
    assert Reply("unanswered", handoff=True) == await engine.answer(ask(text))


@pytest.mark.parametrize("text", ["mesa para 6 personas", "4 personas", "eres un robot?"])
async def test_persons_at_a_table_are_no_call_for_one(engine: Engine, text: str) -> None:
    """A number of guests does not bring the owner to the phone."""
    assert not (await engine.answer(ask(text))).handoff


async def test_a_doubt_becomes_a_numbered_question(engine: Engine) -> None:
    """Between several FAQs the customer chooses, from short lines; the ids say which."""
    reply = await engine.answer(ask("haceis envios?", assistant=SHOP))
    assert ("clarify", ("F1", "F2")) == (reply.outcome, reply.faq_ids[:2])
    assert reply.text.startswith(SENDING)
    assert reply.text.endswith("\nResponde con el número.")
    assert SHOWN_QUESTION_CHARS + 3 >= max(map(len, reply.text.splitlines()))


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("1", 0),
        ("1️⃣", 0),
        ("la primera", 0),
        ("the first one", 0),
        ("Opción 2 por favor", 1),
        ("el segundo", 1),
        ("the second one", 1),
        ("la 3", 2),
    ],
)
async def test_the_next_message_chooses_from_the_list(
    engine: Engine, text: str, index: int
) -> None:
    """A number or an ordinal is taken as a choice from the list just sent, welcome or not."""
    listed = "¡Bienvenido! 1. no es lista\n1. tampoco\n\n" + SENDING
    listed += "3. " + (" ".join(SHOP.faqs[2].question.split()))[: SHOWN_QUESTION_CHARS - 1] + "…"
    history = (Exchange("x", "y"), Exchange("haceis envios?", listed))
    expected = Reply("answered", SHOP.faqs[index].answer, (f"F{index + 1}",))
    assert expected == await engine.answer(ask(text, assistant=SHOP, history=history))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ninguna", Reply("unanswered")),
        ("no, otra cosa", Reply("unanswered")),
        ("4", Reply("unanswered")),
        ("1 y 2", Reply("unanswered")),
        ("cuanto tarda la devolucion?", Reply("answered", "Tres días.", ("F4",))),
        ("mejor 1 persona humana", Reply("unanswered")),
    ],
)
async def test_what_is_no_choice_is_read_afresh(engine: Engine, text: str, expected: Reply) -> None:
    """After a list, a new question is a question, and "none" is an answer."""
    history = (Exchange("haceis envios?", SENDING),)
    assert expected == await engine.answer(ask(text, assistant=SHOP, history=history))


async def test_yes_takes_the_only_candidate(engine: Engine) -> None:
    """A list of one is answered by yes; the same word after no list is only a nod."""
    reply = await engine.answer(ask("menu vegano"))
    assert "¿Te refieres a…?\n1. ¿Tenéis menú del día?\nResponde con el número." == reply.text
    history = (Exchange("menu vegano", reply.text),)
    expected = Reply("answered", MENU.answer, ("F3",))
    assert expected == await engine.answer(ask("sí", history=history))
    assert "clarify" == (await engine.answer(ask("vale"))).outcome
    assert Reply("unanswered") == await engine.answer(ask("1"))


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("es-MX", "¿Te refieres a…?"),
        ("en_GB", "Do you mean…?"),
        ("ca", "Vols dir…?"),
        ("pt-BR", "Refere-se a…?"),
        ("fr", "Voulez-vous dire… ?"),
        ("it", "Intendi…?"),
        ("DE", "Meinen Sie…?"),
        ("", "¿Te refieres a…?"),
        ("xx", "¿Te refieres a…?"),
    ],
)
async def test_it_speaks_the_client_language(engine: Engine, locale: str, expected: str) -> None:
    """Our own words are in the client's language, Spanish where we have none."""
    reply = await engine.answer(ask("menu vegano", locale=locale))
    assert expected == reply.text.splitlines()[0]


async def test_every_version_answers_from_its_own_faqs(engine: LocalEngine) -> None:
    """A new version is not answered from an old index, and old indexes are let go."""
    versions = [
        AssistantVersion("asst_3", number, "", (Faq("¿Horario?", f"versión {number}"),))
        for number in range(5)
    ]
    replies = [await engine.answer(ask("horario", assistant=version)) for version in versions]
    assert [f"versión {number}" for number in range(5)] == [reply.text for reply in replies]
    assert [("asst_3", 3), ("asst_3", 4)] == list(engine._matchers)
    await engine.close()
    assert not engine._matchers


async def test_a_crowd_is_answered_from_one_index(engine: LocalEngine) -> None:
    """Many customers at once build no more than one index and all get their answer."""
    asked = [engine.answer(ask("horario")) for _ in range(20)]
    assert [HOURS.answer] * 20 == [reply.text for reply in await asyncio.gather(*asked)]
    assert 1 == len(engine._matchers)


async def test_a_client_with_many_faqs_does_not_hold_up_another(engine: LocalEngine) -> None:
    """Thousands of FAQs take long to index, and then to search; others are answered meanwhile."""
    many = tuple(Faq(f"¿Tenéis el artículo número {n}?", f"Sí, {n}.") for n in range(6_000))
    question = ask("artículo 77", assistant=AssistantVersion("asst_9", 1, "", many))
    for _ in ("indexed", "searched"):
        slow = asyncio.create_task(engine.answer(question))
        await asyncio.sleep(0)
        assert HOURS.answer == (await engine.answer(ask("horario"))).text
        assert not slow.done()
        await slow


async def test_a_crowd_of_such_a_client_lets_another_through(engine: LocalEngine) -> None:
    """Its searches come one by one, those of others between, and the loop's threads stay free."""
    many = tuple(Faq(f"¿Tenéis el artículo número {n}?", f"Sí, {n}.") for n in range(2_000))
    crowded, other = (AssistantVersion(f"asst_{n}", 1, "", many) for n in (9, 8))
    for assistant in (crowded, other):
        await engine.answer(ask("artículo 77", assistant=assistant))
    crowd = [
        asyncio.create_task(engine.answer(ask(f"artículo {n}", assistant=crowded)))
        for n in range(30)
    ]
    await asyncio.sleep(0)
    await engine.answer(ask("artículo 77", assistant=other))
    assert sum(one.done() for one in crowd) <= 2
    await asyncio.gather(*crowd)
