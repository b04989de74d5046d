"""What customers see when the model or Meta is in trouble: the fallback once, or patience."""

import time

import pytest

from tests.doubles.daemon_process import wait_until
from tests.doubles.model_server import Behaviour, Kind
from tests.doubles.stage import Stage
from tests.doubles.stage_clients import FALLBACK, PLAZA, SOL, WELCOME, read_demo_faqs

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOURS_QUESTION = "¿Cuál es el horario?"
HOURS = read_demo_faqs()[0].answer
FIRST = f"{WELCOME}\n\n{HOURS}"


class TestModelTrouble:
    @pytest.mark.parametrize(
        "kind",
        [
            "rate_limited",
            "server_error",
            "proxy_error",
            "insufficient_quota",
            "bad_key",
            "bad_request",
            "model_not_found",
            "html",
            "bad_json",
            "json_list",
            "empty_object",
            "refusal",
            "incomplete",
            "failed",
            "foreign_faq_id",
            "no_faq_ids",
        ],
    )
    async def test_the_customer_gets_the_fallback_once(self, stage: Stage, kind: Kind) -> None:
        """Whatever the model does, the client's own text goes out, the same for every cause."""
        customer = stage.make_customer()
        stage.model.always = Behaviour(kind, retry_after="0.01")
        await stage.write(HOURS_QUESTION, customer=customer, number=PLAZA)
        assert [f"{WELCOME}\n\n{FALLBACK}"] == await stage.read_answers(customer)
        await stage.settle()
        assert 1 == len(await stage.read_sent(customer))

    async def test_a_silent_model_is_given_up_at_the_deadline(self, stage: Stage) -> None:
        """ANSWER_DEADLINE_SECONDS, not longer: the house runs with three."""
        customer = stage.make_customer()
        stage.model.always = Behaviour("hang")
        started = time.monotonic()
        await stage.write(HOURS_QUESTION, customer=customer)
        assert [f"{WELCOME}\n\n{FALLBACK}"] == await stage.read_answers(customer)
        assert 3.0 <= time.monotonic() - started

    async def test_one_failed_call_costs_nothing(self, stage: Stage) -> None:
        """A short trouble is tried again, and the answer is the real one."""
        customer = stage.make_customer()
        stage.model.misbehave("rate_limited", retry_after="0.01", times=2)
        await stage.write(HOURS_QUESTION, customer=customer)
        assert [FIRST] == await stage.read_answers(customer)

    async def test_a_client_without_a_fallback_has_its_language_s(self, stage: Stage) -> None:
        """The default per locale, and no welcome where there is none."""
        customer = stage.make_customer()
        await stage.write("xyzzy", customer=customer, number=SOL)
        (text,) = await stage.read_answers(customer)
        assert text.startswith("Lo siento")


async def test_meta_s_passing_troubles_are_waited_out(stage: Stage) -> None:
    """Throttled, torn before it was taken, a page of HTML: each customer has one answer at last."""
    for faults in (
        {"error": {"code": 130429, "count": 2}},
        {"error": {"code": 131056, "count": 1}},
        {"drop_before_accept": 1},
        {"html_200": 1},
        {"drop_after_accept": 1},
    ):
        customer = stage.make_customer()
        await stage.set_faults(**faults)
        await stage.write(HOURS_QUESTION, customer=customer)
        assert [FIRST] == await stage.read_answers(customer)
        await stage.settle()
        assert 1 == len(await stage.read_sent(customer)), faults


async def test_a_message_meta_will_never_take_is_parked(stage: Stage) -> None:
    """131026: not tried again, and the answer to what the customer writes next has the welcome."""
    customer = stage.make_customer()
    await stage.set_faults(error={"code": 131026, "count": 1})
    written = await stage.write(HOURS_QUESTION, customer=customer)

    async def is_parked() -> bool:
        kept = stage.query("SELECT state, error FROM inbox WHERE wamid = ?", written["wamid"])
        return kept == [("parked", "131026")]

    await wait_until(is_parked)
    await stage.write(HOURS_QUESTION, customer=customer)
    assert [FIRST] == await stage.read_answers(customer)
