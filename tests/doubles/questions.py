"""A question to an engine, as both engines that ask a model are asked it."""

import pytest

from daemon.core.assistants.engine import (
    AssistantVersion,
    Engine,
    EngineFailed,
    Exchange,
    Question,
)
from daemon.core.assistants.prompt import build_instructions
from daemon.core.faqs import Faq

FAQS = (
    Faq("¿Cuál es vuestro horario?", "Abrimos de 9:00 a 22:00."),
    Faq("¿Tenéis menú del día?", "Sí, a mediodía.\nCuesta 14 €."),
)
QUESTION = Question(
    client_id=2,
    assistant=AssistantVersion(
        "asst_1", 3, build_instructions(business_name="La Plaza", faqs=FAQS), FAQS
    ),
    text="¿Hay menú?",
    situation="It is Monday 10:00; the business is open.",
    locale="es",
    customer_hash="5f3c0a",
    history=(Exchange("Hola", "¡Hola! Te ayudo con el horario o el menú."),),
)


async def fail(engine: Engine) -> EngineFailed:
    """Ask what cannot be answered; give the reason."""
    with pytest.raises(EngineFailed) as failed:
        await engine.answer(QUESTION)
    return failed.value
