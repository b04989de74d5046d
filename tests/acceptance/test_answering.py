"""What customers see of the running daemon: answers, welcome, fallback, ticks."""

import asyncio
import json
import time
from typing import Any

import pytest

from tests.doubles.daemon_process import wait_until
from tests.doubles.model_answers import write_answer
from tests.doubles.stage import Stage, build_text_webhook, wrap
from tests.doubles.stage_clients import CLOSED, FALLBACK, PLAZA, SOL, WELCOME, read_demo_faqs

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOURS_QUESTION = "¿Cuál es el horario?"
HOURS = read_demo_faqs()[0].answer
FIRST = f"{WELCOME}\n\n{HOURS}"


def last_input(request: dict[str, Any]) -> str:
    """Read the customer's text of this turn out of a request to the model."""
    text: str = request["input"][-1]["content"]
    return text


async def wait_for_requests(stage: Stage, count: int) -> None:
    async def look() -> bool:
        return stage.model.request_count >= count

    await wait_until(look)


class TestWhoIsAnswered:
    async def test_a_customer_with_a_phone_by_its_number(self, stage: Stage) -> None:
        """`to` with a leading plus, even where a user id is known too."""
        customer = stage.make_customer()
        await stage.write(HOURS_QUESTION, customer=customer)
        assert [FIRST] == await stage.read_answers(customer)
        (sent,) = await stage.read_sent(customer)
        assert (f"+{customer}", None) == (sent["to"], sent["recipient"])
        assert PLAZA == sent["phone_number_id"]

    async def test_a_customer_without_a_phone_by_user_id(self, stage: Stage) -> None:
        """`recipient` where Meta gives no number."""
        await stage.write(HOURS_QUESTION, user_id="ES.ana1")
        assert [FIRST] == await stage.read_answers("ES.ana1")
        (sent,) = await stage.read_sent("ES.ana1")
        assert (None, "ES.ana1") == (sent["to"], sent["recipient"])

    async def test_one_who_shows_the_number_later_stays_one_customer(self, stage: Stage) -> None:
        """The two identities are joined: one conversation, one welcome, answered by number."""
        customer = stage.make_customer()
        await stage.write(HOURS_QUESTION, user_id="ES.luis1")
        await stage.read_answers("ES.luis1")
        await stage.write(HOURS_QUESTION, user_id="ES.luis1", customer=customer)
        assert [HOURS] == await stage.read_answers(customer)
        found = stage.query(
            "SELECT user_id, wa_id FROM conversations WHERE user_id = 'ES.luis1' OR wa_id = ?",
            customer,
        )
        assert [("ES.luis1", customer)] == found

    async def test_the_same_customer_of_two_clients_is_two(self, stage: Stage) -> None:
        """Each client answers from its own number, and its history is its own."""
        customer = stage.make_customer()
        await stage.write(HOURS_QUESTION, customer=customer, number=PLAZA)
        await stage.read_answers(customer, count=1)
        await stage.write(HOURS_QUESTION, customer=customer, number=SOL)
        assert [FIRST, HOURS] == await stage.read_answers(customer, count=2)
        numbers = [sent["phone_number_id"] for sent in await stage.read_sent(customer)]
        assert [PLAZA, SOL] == numbers
        assert ["developer", "user"] == [i["role"] for i in stage.model.requests[-1]["input"]]
        keys = [request["prompt_cache_key"] for request in stage.model.requests]
        assert ["1:1", "2:1"] == keys


class TestWelcome:
    async def test_it_comes_once_with_the_first_answer(self, stage: Stage) -> None:
        """One message holds both; the second answer stands alone."""
        customer = stage.make_customer()
        for count in (1, 2):
            await stage.write(HOURS_QUESTION, customer=customer)
            await stage.read_answers(customer, count=count)
        assert [FIRST, HOURS] == await stage.read_answers(customer, count=2)

    async def test_the_fallback_follows_it_too(self, stage: Stage) -> None:
        """A first question without an answer gets welcome and fallback together."""
        customer = stage.make_customer()
        await stage.write("xyzzy", customer=customer)
        assert [f"{WELCOME}\n\n{FALLBACK}"] == await stage.read_answers(customer)

    async def test_what_does_not_fit_goes_as_two_in_order(self, stage: Stage) -> None:
        """Welcome first, then an answer of the full 4,096 characters."""
        customer = stage.make_customer()
        long = "a" * 4096
        stage.model.say(write_answer(long, ["F1"], answered=True))
        await stage.write("horario", customer=customer)
        assert [WELCOME, long] == await stage.read_answers(customer, count=2)
        ids = [sent["biz_opaque_callback_data"] for sent in await stage.read_sent(customer)]
        assert 2 == len(set(ids))
        assert None not in ids


class TestReceipts:
    async def test_typing_shows_while_the_model_thinks(self, stage: Stage) -> None:
        """Read and typing come before the model has answered."""
        customer = stage.make_customer()
        stage.model.misbehave("hang")
        before = await stage.read_counters()
        written = await stage.write(HOURS_QUESTION, customer=customer)

        async def is_typing() -> bool:
            query = {"phone_number_id": PLAZA, "customer": customer}
            async with stage.http.get(f"{stage.sandbox_url}/chat/messages", params=query) as answer:
                chat = await answer.json()
            read = [message["status"] for message in chat["messages"]] == ["read"]
            return bool(chat["typing"] and read and written["wamid"])

        await wait_until(is_typing)
        assert [] == await stage.read_sent(customer)
        stage.release_model()
        assert [FIRST] == await stage.read_answers(customer)
        after = await stage.read_counters()
        assert before["typing"] + 1 == after["typing"]

    async def test_every_message_carries_its_own_id_and_statuses_are_kept(
        self, stage: Stage
    ) -> None:
        """biz_opaque_callback_data is the outbox id; its row ends as read, with Meta's wamid."""
        customer = stage.make_customer()
        await stage.write(HOURS_QUESTION, customer=customer)
        await stage.read_answers(customer)
        (sent,) = await stage.read_sent(customer)

        async def is_read() -> bool:
            rows = stage.query(
                "SELECT state, status, wamid, delivered_at > 0, read_at > 0 FROM outbox"
                " WHERE id = ?",
                sent["biz_opaque_callback_data"],
            )
            return rows == [("sent", "read", sent["wamid"], 1, 1)]

        await wait_until(is_read)

    async def test_statuses_in_any_order_end_the_same(self, stage: Stage) -> None:
        """`read` before `delivered` before `sent`: still read."""
        customer = stage.make_customer()
        await stage.set_faults(reorder_statuses=True, duplicate_webhooks=3)
        await stage.write(HOURS_QUESTION, customer=customer)
        await stage.read_answers(customer)
        (sent,) = await stage.read_sent(customer)

        async def is_read() -> bool:
            rows = stage.query(
                "SELECT status, delivered_at > 0 FROM outbox WHERE wamid = ?", sent["wamid"]
            )
            return rows == [("read", 1)]

        await wait_until(is_read)
        assert 1 == len(await stage.read_sent(customer))


class TestBursts:
    async def test_several_messages_at_once_get_one_answer(self, stage: Stage) -> None:
        """One call to the model holds all that was written, one message answers it."""
        customer = stage.make_customer()
        lines = ["hola", "quiero saber", "el horario"]
        for number, line in enumerate(lines):
            wamid = f"wamid.burst{number}.{customer}"
            await stage.post(build_text_webhook(line, customer=customer, wamid=wamid))
        assert [FIRST] == await stage.read_answers(customer)
        await stage.settle()
        assert 1 == len(await stage.read_sent(customer))
        assert ["hola\nquiero saber\nel horario"] == [last_input(r) for r in stage.model.requests]

    async def test_what_is_written_meanwhile_gets_the_next_turn(self, stage: Stage) -> None:
        """A message during the model's thinking is answered after it, with the first as history."""
        customer = stage.make_customer()
        stage.model.misbehave("hang")
        await stage.write(HOURS_QUESTION, customer=customer)
        await wait_for_requests(stage, 1)
        await stage.write("¿Tenéis menú del día?", customer=customer)
        stage.release_model()
        menu = read_demo_faqs()[2].answer
        assert [FIRST, menu] == await stage.read_answers(customer, count=2)
        assert [HOURS_QUESTION, "¿Tenéis menú del día?"] == [
            last_input(request) for request in stage.model.requests
        ]
        told = [item["content"] for item in stage.model.requests[1]["input"]]
        assert [HOURS_QUESTION, FIRST] == told[:2]

    async def test_customers_do_not_wait_for_each_other(self, stage: Stage) -> None:
        """While one customer's model call hangs, another's answer goes out."""
        slow, quick = stage.make_customer(), stage.make_customer()
        stage.model.misbehave("hang")
        await stage.write(HOURS_QUESTION, customer=slow)
        await wait_for_requests(stage, 1)
        await stage.write(HOURS_QUESTION, customer=quick)
        assert [FIRST] == await stage.read_answers(quick)
        assert [] == await stage.read_sent(slow)
        stage.release_model()
        assert [FIRST] == await stage.read_answers(slow)


class TestOtherTypes:
    @pytest.mark.parametrize("kind", ["audio", "location", "contacts", "order"])
    async def test_what_holds_no_words_gets_the_fallback(self, stage: Stage, kind: str) -> None:
        """No model is asked about it."""
        customer = stage.make_customer()
        await stage.write("", customer=customer, number=PLAZA, type=kind)
        assert [f"{WELCOME}\n\n{FALLBACK}"] == await stage.read_answers(customer)
        assert [] == stage.model.requests

    async def test_a_caption_is_a_question(self, stage: Stage) -> None:
        """Words under a picture are answered."""
        customer = stage.make_customer()
        await stage.write("el horario", customer=customer, type="image")
        assert [FIRST] == await stage.read_answers(customer)

    @pytest.mark.parametrize("kind", ["reaction", "sticker", "system", "edit", "revoke"])
    async def test_what_asks_nothing_is_kept_and_passed_over(self, stage: Stage, kind: str) -> None:
        """Ignored: no answer, no typing, nothing pending."""
        customer, other = stage.make_customer(), stage.make_customer()
        before = await stage.read_counters()
        written = await stage.write("👍", customer=customer, type=kind)
        await stage.settle()
        await stage.write(HOURS_QUESTION, customer=other)
        await stage.read_answers(other)
        assert [] == await stage.read_sent(customer)
        assert before["typing"] + 1 == (await stage.read_counters())["typing"]
        state = stage.query("SELECT state FROM inbox WHERE wamid = ?", written["wamid"])
        assert [("ignored",)] == state

    async def test_a_group_is_not_answered(self, stage: Stage) -> None:
        """A message with a group_id is none of a bot's business."""
        customer, other = stage.make_customer(), stage.make_customer()
        body = build_text_webhook("hola", customer=customer, wamid=f"wamid.group.{customer}")
        value = body["entry"][0]["changes"][0]["value"]
        value["messages"][0]["group_id"] = "group-1"
        assert 200 == (await stage.post(body)).status
        await stage.write(HOURS_QUESTION, customer=other)
        await stage.read_answers(other)
        assert [] == await stage.read_sent(customer)

    async def test_a_message_from_yesterday_is_parked(self, stage: Stage) -> None:
        """Past the 24 hours nothing free-form may be sent, and an operator sees it."""
        customer = stage.make_customer()
        wamid = f"wamid.old.{customer}"
        old = {"from": customer, "id": wamid, "timestamp": str(int(time.time()) - 90_000)}
        message = {**old, "type": "text", "text": {"body": "hola"}}
        await stage.post(wrap(PLAZA, messages=[message]))
        await stage.settle()
        kept = stage.query("SELECT state, error FROM inbox WHERE wamid = ?", wamid)
        assert [("parked", "expired")] == kept
        assert 1 <= (await stage.read_health())["inbox"]["parked"]
        assert [] == await stage.read_sent(customer)


async def test_outside_business_hours_the_bot_answers_all_the_same(stage: Stage) -> None:
    """The model is told that the business is closed, outside the byte-stable instructions."""
    customer = stage.make_customer()
    await stage.write(HOURS_QUESTION, customer=customer, number=CLOSED)
    assert [HOURS] == await stage.read_answers(customer)
    (request,) = stage.model.requests
    notes = [item["content"] for item in request["input"] if item["role"] == "developer"]
    assert 1 == len(notes)
    assert "closed" in notes[0].casefold()
    assert "closed" not in request["instructions"].partition("FAQs:")[2].casefold()


async def test_the_customer_is_named_to_nobody(stage: Stage) -> None:
    """No phone, user id or wamid reaches the model; the same customer has the same hash."""
    customer = stage.make_customer()
    for count in (1, 2):
        await stage.write(HOURS_QUESTION, customer=customer)
        await stage.read_answers(customer, count=count)
    asked = json.dumps(stage.model.requests)
    assert customer not in asked
    assert "wamid" not in asked
    assert 1 == len({request["safety_identifier"] for request in stage.model.requests})


async def test_twenty_customers_at_once_are_all_answered(stage: Stage) -> None:
    """Each with one answer of its own."""
    customers = [stage.make_customer() for _ in range(20)]
    await asyncio.gather(*(stage.write(HOURS_QUESTION, customer=each) for each in customers))
    for customer in customers:
        assert [FIRST] == await stage.read_answers(customer)
