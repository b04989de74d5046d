"""A conversation that is a person's, or nobody's by its customer's wish, in the running daemon."""

import json
from typing import Any

import pytest

from daemon.core.wording import confirm_start, confirm_stop
from tests.doubles.daemon_process import wait_until
from tests.doubles.model_server import Behaviour
from tests.doubles.stage import Stage, build_echo_webhook
from tests.doubles.stage_clients import SOL, WELCOME, read_demo_faqs

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOURS_QUESTION = "¿Cuál es el horario?"
HOURS = read_demo_faqs()[0].answer
FIRST = f"{WELCOME}\n\n{HOURS}"
STOPPED, RESUMED = confirm_stop("es"), confirm_start("es")
OWNER: dict[str, Any] = {"as": "owner"}


def states(stage: Stage, customer: str) -> list[tuple[str, str | None]]:
    """Read how far a customer's messages have come, and why no further."""
    return stage.query(
        "SELECT state, inbox.error FROM inbox JOIN conversations AS c ON c.id = conversation_id"
        " WHERE wa_id = ? ORDER BY inbox.id",
        customer,
    )


async def wait_for_states(stage: Stage, customer: str, *expected: tuple[str, str | None]) -> None:
    async def look() -> bool:
        return list(expected) == states(stage, customer)

    await wait_until(look)


async def keep_model_busy(stage: Stage, customer: str) -> None:
    """Let a customer ask, and the model think about it without end."""
    stage.model.always = Behaviour("hang")
    stage.model.received.clear()
    await stage.write(HOURS_QUESTION, customer=customer)
    await stage.model.received.wait()


async def test_the_owner_answers_while_the_model_thinks(stage: Stage) -> None:
    """What the model says then is said to nobody; the next question is the owner's too."""
    customer = stage.make_customer()
    await keep_model_busy(stage, customer)
    written = await stage.write("Abrimos a las nueve.", customer=customer, **OWNER)
    assert 200 == written["webhook_status"]
    assert [("ignored", "person")] == states(stage, customer)
    stage.model.always = Behaviour()
    stage.release_model()

    async def is_over() -> bool:
        lines = stage.daemon.read_log_lines()
        return any(line["message"] == "handed over in hand" for line in lines)

    await wait_until(is_over)
    await stage.write("¡Gracias!", customer=customer)
    await wait_for_states(stage, customer, *[("ignored", "person")] * 2)
    assert [] == await stage.read_sent(customer)


async def test_the_owner_goes_on_after_the_bots_answer(stage: Stage) -> None:
    """However often Meta tells of it; another client's talk with the same customer is no matter.

    An operator gives the conversation back, and the next question is answered.
    """
    customer = stage.make_customer()
    await stage.write(HOURS_QUESTION, customer=customer)
    assert [FIRST] == await stage.read_answers(customer)
    await stage.set_faults(duplicate_webhooks=2)
    await stage.write("Y los domingos también.", customer=customer, **OWNER)
    await stage.set_faults()
    await stage.write(HOURS_QUESTION, customer=customer)
    await wait_for_states(stage, customer, ("done", None), ("ignored", "person"))
    await stage.write(HOURS_QUESTION, customer=customer, number=SOL)
    assert [FIRST, HOURS] == await stage.read_answers(customer, count=2)
    shown = await stage.run_cli("status", "--json")
    assert {1: 1, 2: 0} == {
        client["id"]: min(1, client["with_person"])
        for client in shown.read_json()["clients"]
        if client["id"] in (1, 2)
    }
    given_back = await stage.run_cli("contact", "resume", "1", f"+{customer}")
    assert 0 == given_back.code, given_back.err
    await stage.write(HOURS_QUESTION, customer=customer)
    assert [FIRST, HOURS, HOURS] == await stage.read_answers(customer, count=3)


async def test_an_operator_takes_over_in_the_middle_of_an_answer(stage: Stage) -> None:
    """From another process, and in force at once: the answer in the making is not sent."""
    customer = stage.make_customer()
    await keep_model_busy(stage, customer)
    done = await stage.run_cli("contact", "pause", "1", customer, "--hours", "2", "--json")
    assert (0, "person") == (done.code, json.loads(done.out)["paused_by"]), done.err
    stage.model.always = Behaviour()
    stage.release_model()
    await stage.write("¿Hola?", customer=customer)
    await wait_for_states(stage, customer, *[("ignored", "person")] * 2)
    assert [] == await stage.read_sent(customer)


async def test_a_customer_stops_the_bot_and_starts_it(stage: Stage) -> None:
    """Each is confirmed once; a question in between gets nothing, one afterwards its answer."""
    customer = stage.make_customer()
    await stage.write("Stop, por favor.", customer=customer)
    assert [STOPPED] == await stage.read_answers(customer)
    asked = stage.model.request_count
    await stage.write(HOURS_QUESTION, customer=customer)
    await wait_for_states(stage, customer, ("done", None), ("ignored", "stopped"))
    assert asked == stage.model.request_count
    await stage.write("ALTA", customer=customer)
    assert [STOPPED, RESUMED] == await stage.read_answers(customer, count=2)
    await stage.write(HOURS_QUESTION, customer=customer)
    assert [STOPPED, RESUMED, FIRST] == await stage.read_answers(customer, count=3)


async def test_what_is_handed_over_outlives_a_crash(house: Stage) -> None:
    """Killed right after the echo was acknowledged, with an answer in the making."""
    stage = house
    await stage.reset()
    customer, other = stage.make_customer(), stage.make_customer()
    await stage.write("stop", customer=other)
    await stage.read_answers(other)
    await keep_model_busy(stage, customer)
    body = build_echo_webhook("Ya estoy yo.", customer=customer, wamid="wamid.crash")
    assert 200 == (await stage.post(body)).status
    await stage.daemon.kill()
    await stage.reset()
    await stage.restart()
    for one in (customer, other):
        await stage.write(HOURS_QUESTION, customer=one)
    await wait_for_states(stage, customer, *[("ignored", "person")] * 2)
    await wait_for_states(stage, other, ("done", None), ("ignored", "stopped"))
    assert [] == await stage.read_sent(customer)
    assert [STOPPED] == [sent["text"] for sent in await stage.read_sent(other)]
    stage.model.violations.clear()


async def test_the_log_names_nobody(house: Stage) -> None:
    """It says which conversation and why, and not a number, a word, or a user id."""
    log = house.daemon.read_log()
    assert '"handed over"' in log
    assert '"ignored"' in log
    assert not [row for row in house.query("SELECT wa_id FROM conversations") if row[0] in log]
