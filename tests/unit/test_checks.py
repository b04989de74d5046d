"""Which raw texts are answers, and what answers cost."""

import json
from typing import Any

import pytest

from daemon.core.assistants.checks import accept_answer, drop_unstorable
from daemon.core.assistants.engine import EngineFailed, Reply, Usage
from daemon.core.assistants.pricing import build_usage, read_count

USAGE = Usage("m", 10, 5, 2, 0.5)


def raw(**changes: Any) -> str:
    answer = {"answer": "A las 9.", "faq_ids": ["F1"], "answered": True, "handoff": False}
    return json.dumps(answer | changes)


def test_accepts() -> None:
    """A sound answer goes through as it stands, each FAQ named once, with what it took."""
    reply = accept_answer(raw(faq_ids=["F2", "F1", "F2"]), faq_count=2, usage=USAGE)
    assert Reply("answered", "A las 9.", ("F2", "F1"), handoff=False, usage=USAGE) == reply


def test_handoff_beside_an_answer() -> None:
    """An answer may come with the wish for a person."""
    assert accept_answer(raw(handoff=True), faq_count=1).handoff is True


@pytest.mark.parametrize("handoff", [True, False])
def test_unanswered_has_no_text(handoff: bool) -> None:  # noqa: FBT001 - pytest's parameter
    """What the model says beside `answered: false` never reaches the customer."""
    reply = accept_answer(raw(answered=False, handoff=handoff), faq_count=1, usage=USAGE)
    assert Reply("unanswered", handoff=handoff, usage=USAGE) == reply


@pytest.mark.parametrize(
    ("raw_text", "cause"),
    [
        ("", "not_json"),
        ("Abrimos a las 9.", "not_json"),
        (raw()[:-1], "not_json"),
        (raw() + raw(), "not_json"),
        ("[" * 200_000, "not_json"),
        ("9" * 5_000, "not_json"),
        ("```json\n" + raw() + "\n```", "not_json"),
        ("null", "bad_schema"),
        ("[]", "bad_schema"),
        ("{}", "bad_schema"),
        (raw(extra=1), "bad_schema"),
        (raw(answer=None), "bad_schema"),
        (raw(answer=["A las 9."]), "bad_schema"),
        (raw(faq_ids="F1"), "bad_schema"),
        (raw(faq_ids=[1]), "bad_schema"),
        (raw(answered="true"), "bad_schema"),
        (raw(answered=1), "bad_schema"),
        (raw(handoff=None), "bad_schema"),
        (raw(answer=" \n"), "bad_schema"),
        (raw(answer="\0"), "bad_schema"),
        (raw(faq_ids=[]), "bad_faq_id"),
        (raw(faq_ids=["F1", "F4"]), "bad_faq_id"),
        (raw(faq_ids=["F0"]), "bad_faq_id"),
        (raw(faq_ids=["F01"]), "bad_faq_id"),
        (raw(faq_ids=["f1"]), "bad_faq_id"),
        (raw(faq_ids=["1"]), "bad_faq_id"),
        (raw(faq_ids=["F1\n"]), "bad_faq_id"),
        (raw(faq_ids=["F\u0661"]), "bad_faq_id"),
        (raw(faq_ids=["F9999999"]), "bad_faq_id"),
        (raw(faq_ids=["F4"], answered=False), "bad_faq_id"),
    ],
)
def test_refuses(raw_text: str, cause: str) -> None:
    """Anything else is no answer; the cause says why, and what was spent is not lost."""
    with pytest.raises(EngineFailed) as failed:
        accept_answer(raw_text, faq_count=3, usage=USAGE)
    assert (cause, False, USAGE) == (failed.value.cause, failed.value.alert, failed.value.usage)


def test_error_holds_no_text() -> None:
    """A customer's words in a broken answer do not travel on with the error."""
    with pytest.raises(EngineFailed) as failed:
        accept_answer("My number is 600", faq_count=1)
    assert "600" not in str(failed.value)
    assert failed.value.__cause__ is None


def test_text_is_cleaned() -> None:
    """What a model escapes into JSON can be stored and sent; real emoji stay."""
    text = raw().replace("A las 9.", r"a\u0000\ud83d b \ud83d\ude00")
    assert accept_answer(text, faq_count=1).text == "a b 😀"
    assert drop_unstorable("\udfffñ\0") == "ñ"


@pytest.mark.parametrize("model", ["gpt-6-luna", "gpt-6-luna-2026-09-01"])
def test_cost(model: str) -> None:
    """Cached tokens and cache writes are parts of the input, each at its own price."""
    usage = build_usage(model, read=1_000_000, cached=600_000, written=100_000, output=10_000)
    assert pytest.approx(0.03 + 0.006 + 0.0125 + 0.005) == usage.cost_usd
    assert (model, 1_000_000, 600_000, 10_000) == (
        usage.model,
        usage.input_tokens,
        usage.cached_tokens,
        usage.output_tokens,
    )


def test_cost_of_another_model() -> None:
    """A model without a known price has no cost rather than a wrong one."""
    assert build_usage("llama3", read=5, cached=0, written=0, output=5).cost_usd is None


def test_cost_is_never_negative() -> None:
    """A server whose details exceed its total makes no money."""
    usage = build_usage("gpt-6-luna", read=1, cached=1_000_000, written=0, output=0)
    assert pytest.approx(0.01) == usage.cost_usd


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"usage": {"n": 7}}, 7),
        ({"usage": {"n": -7}}, 0),
        ({"usage": {"n": True}}, 0),
        ({"usage": {"n": "7"}}, 0),
        ({"usage": None}, 0),
        ({}, 0),
        (None, 0),
    ],
)
def test_counts_of_careless_servers(source: object, expected: int) -> None:
    """A count that is missing or no count reads as 0."""
    assert expected == read_count(source, "usage", "n")


def test_nothing_counted_is_not_free() -> None:
    """A server that counts no tokens leaves the cost unknown, not zero."""
    assert build_usage("gpt-6-luna", read=0, cached=0, written=0, output=0).cost_usd is None
