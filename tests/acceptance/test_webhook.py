"""The webhook and the two machine addresses of the running daemon, to the status code."""

import asyncio
import json

import pytest

from tests.doubles.stage import VERIFY_TOKEN, Answer, Stage, build_text_webhook, sign
from tests.doubles.stage_clients import PLAZA, UNKNOWN

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT = 3 * 1024 * 1024
MODE, GIVEN, CHALLENGE = "hub.mode", "hub.verify_token", "hub.challenge"
RIGHT = {MODE: "subscribe", GIVEN: VERIFY_TOKEN, CHALLENGE: "1158201444"}


def assert_problem(answer: Answer, status: int) -> None:
    body = answer.read_json()
    assert status == answer.status == body["status"]
    assert "application/problem+json" == answer.type.partition(";")[0]
    assert body["title"]
    assert "about:blank" == body["type"]


def fill(size: int) -> bytes:
    """Write valid JSON of exactly so many bytes."""
    frame = json.dumps({"object": "whatsapp_business_account", "entry": [], "pad": ""}).encode()
    return frame[:-2] + b"x" * (size - len(frame)) + frame[-2:]


async def test_the_right_token_gets_its_challenge_back(stage: Stage) -> None:
    """GET with Meta's three parameters answers the challenge as text."""
    answer = await stage.call("GET", "/webhook", params=RIGHT)
    assert (200, "1158201444") == (answer.status, answer.text)
    assert "text/plain" == answer.type.partition(";")[0]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({GIVEN: "wrong"}, 403),
        ({GIVEN: "año"}, 403),
        ({MODE: "unsubscribe"}, 400),
        ({MODE: None}, 400),
        ({GIVEN: None}, 400),
        ({CHALLENGE: None}, 400),
    ],
)
async def test_a_wrong_subscription_is_refused(
    stage: Stage, change: dict[str, str | None], status: int
) -> None:
    """403 for a wrong token, 400 for another mode and for anything missing."""
    given = {name: value for name, value in (RIGHT | change).items() if value is not None}
    assert_problem(await stage.call("GET", "/webhook", params=given), status)


@pytest.mark.parametrize(
    "signature",
    [None, "sha256=", "sha256=" + "0" * 64, "sha1=abc", sign(b"{}", "another secret"), "ñ"],
)
async def test_a_body_that_is_not_meta_s_is_refused(stage: Stage, signature: str | None) -> None:
    """401 without a signature, with a wrong one, and with one by another secret."""
    assert_problem(await stage.post(b"{}", signature), 401)


async def test_the_signature_covers_the_bytes_and_not_their_meaning(stage: Stage) -> None:
    """The same JSON in other bytes is another body."""
    assert 200 == (await stage.post(b'{"entry":[]}')).status
    assert_problem(await stage.post(b'{"entry": []}', sign(b'{"entry":[]}')), 401)


@pytest.mark.parametrize(
    "body", [b"", b"hola", b"[]", b'"x"', b"1", b"null", b"\xff{}", b"[" * 100_000]
)
async def test_what_is_signed_but_no_object_is_refused(stage: Stage, body: bytes) -> None:
    """400 for what is not JSON, or is JSON of another kind."""
    assert_problem(await stage.post(body), 400)


@pytest.mark.parametrize("body", [{}, {"entry": 7}, {"entry": [{"changes": [{"field": 3}]}]}])
async def test_any_object_is_taken(stage: Stage, body: dict[str, object]) -> None:
    """What Meta may send one day is counted and answered 200."""
    assert 200 == (await stage.post(body)).status


async def test_a_body_of_three_mebibytes_is_taken_and_no_more(stage: Stage) -> None:
    """200 at the limit, 413 a byte over it, signed or not."""
    assert 200 == (await stage.post(fill(LIMIT))).status
    over = fill(LIMIT + 1)
    assert_problem(await stage.post(over), 413)
    assert_problem(await stage.post(over, None), 413)
    assert_problem(await stage.post(fill(5 * LIMIT), None), 413)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_another_method_is_told_which_are_allowed(stage: Stage, method: str) -> None:
    """405 with Allow."""
    answer = await stage.call(method, "/webhook")
    assert_problem(answer, 405)
    assert {"GET", "POST"} == set(answer.headers["Allow"].split(","))


async def test_an_address_that_is_none_is_not_found(stage: Stage) -> None:
    """404 as a problem too."""
    assert_problem(await stage.call("GET", "/nothing/here"), 404)


async def test_health_says_what_waits(stage: Stage) -> None:
    """The contract's shape, and no secrets."""
    await stage.settle()
    health = await stage.read_health()
    assert {"status", "version", "inbox"} == health.keys()
    assert "ok" == health["status"]
    assert {"pending": 0, "oldest_seconds": 0, "parked": 0} == health["inbox"]


async def test_metrics_are_prometheus_s_text_and_open_when_asked_for(stage: Stage) -> None:
    """METRICS_OPEN=1 frees them of the token."""
    answer = await stage.call("GET", "/metrics")
    assert 200 == answer.status
    assert answer.type.startswith("text/plain; version=")
    assert "released_build_info" in answer.text


async def test_a_hundred_copies_of_one_webhook_get_one_answer(stage: Stage) -> None:
    """Duplicates at the same moment are one message."""
    customer = stage.make_customer()
    body = build_text_webhook("¿Cuál es el horario?", customer=customer, wamid="wamid.Hundred")
    answers = await asyncio.gather(*(stage.post(body) for _ in range(100)))
    assert {200} == {answer.status for answer in answers}
    await stage.read_answers(customer)
    assert 200 == (await stage.post(body)).status
    await stage.settle()
    assert 1 == len(await stage.read_sent(customer))
    assert [(1,)] == stage.query("SELECT count(*) FROM inbox WHERE wamid = 'wamid.Hundred'")


async def test_an_unknown_number_is_counted_and_nothing_else(stage: Stage) -> None:
    """200, nothing stored, nothing sent."""
    customer = stage.make_customer()
    before = await stage.read_metric("released_unknown_number_total")
    body = build_text_webhook("hola", customer=customer, wamid="wamid.Unknown", number=UNKNOWN)
    assert 200 == (await stage.post(body)).status
    assert before + 1 == await stage.read_metric("released_unknown_number_total")
    assert [] == stage.query("SELECT 1 FROM inbox WHERE wamid = 'wamid.Unknown'")
    assert [] == stage.query("SELECT 1 FROM conversations WHERE wa_id = ?", customer)
    assert [] == await stage.read_sent(customer)


async def test_one_body_with_many_messages_keeps_them_all(stage: Stage) -> None:
    """A body for several customers, one of an unknown number among them, gets each an answer."""
    customers = [stage.make_customer() for _ in range(20)]
    bodies = [
        build_text_webhook("¿Cuál es el horario?", customer=customer, wamid=f"wamid.{customer}")
        for customer in customers
    ]
    bodies.append(build_text_webhook("x", customer="34699", wamid="wamid.no", number=UNKNOWN))
    entries = [entry for body in bodies for entry in body["entry"]]
    answer = await stage.post({"object": "whatsapp_business_account", "entry": entries})
    assert 200 == answer.status
    for customer in customers:
        assert 1 == len(await stage.read_answers(customer))
    assert PLAZA == (await stage.read_sent(customers[0]))[0]["phone_number_id"]
