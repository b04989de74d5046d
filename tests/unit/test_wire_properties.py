"""Parsing is total: whatever JSON comes, a delivery comes out that any database takes."""

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.meta.wire import Delivery, needs_answer, parse_delivery

BODIES = sorted((Path(__file__).parents[1] / "data" / "webhooks").glob("*.json"))
LABELS = ("echo:", "field:", "malformed:", "status:", "type:", "value:")

NASTY = st.text(st.characters(codec=None, categories=None), max_size=12)
"""Lone surrogates and NUL included, as JSON may carry them."""

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | NASTY
    | st.sampled_from(["messages", "system", "user_changed_number", "34600111222", "x" * 300])
)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NASTY, inner, max_size=4)
)


def all_strings(delivery: Delivery) -> list[str]:
    strings = list(delivery.passed_over)
    customers = [m.customer for m in delivery.messages]
    for message in delivery.messages:
        given = [message.text, message.group_id, message.inner_type]
        strings += [message.wamid, message.phone_number_id, message.type]
        strings += [text for text in given if text is not None]
    for status in delivery.statuses:
        strings += [status.wamid, status.phone_number_id, status.status, status.callback_id or ""]
    for echo in delivery.echoes:
        customers.append(echo.customer)
        strings += [echo.wamid, echo.phone_number_id]
    for rekey in delivery.rekeys:
        customers += [rekey.old, rekey.new]
        strings.append(rekey.phone_number_id or "")
    return strings + [c.user_id or "" for c in customers] + [c.wa_id or "" for c in customers]


def check(delivery: Delivery) -> None:
    for text in all_strings(delivery):
        assert "\0" not in text
        text.encode()
    for message in delivery.messages:
        assert 0 < len(message.wamid) <= 256
        assert 0 < len(message.customer.key) <= 256
        assert message.sent_at >= 0
        assert needs_answer(message) in {True, False}
    assert all(word.startswith(LABELS) for word in delivery.passed_over)


@st.composite
def mutated_bodies(draw: st.DrawFn) -> Any:
    """Draw a body of ours in which a few values, anywhere, were replaced, dropped or doubled."""
    body = json.loads(draw(st.sampled_from(BODIES)).read_bytes())
    for _ in range(draw(st.integers(1, 4))):
        mutate(draw, body)
    return body


def mutate(draw: st.DrawFn, body: Any) -> None:
    place = body
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = draw(st.sampled_from(keys))
        inner = place[key]
        if not isinstance(inner, dict | list) or not draw(st.integers(0, 5)):
            break
        place = inner
    change = draw(st.sampled_from(["replace", "drop", "wrap"]))
    if change == "drop":
        del place[key]
    else:
        place[key] = [inner, inner] if change == "wrap" else draw(JSON)


@given(st.dictionaries(NASTY | st.just("entry"), JSON, max_size=4))
def test_any_object_is_read(body: dict[str, Any]) -> None:
    """No JSON object raises."""
    check(parse_delivery(body))


@given(JSON, st.sampled_from(["messages", "smb_message_echoes", "user_id_update"]))
def test_any_value_is_read(value: Any, field: str) -> None:
    """No value of a field that we read raises."""
    check(parse_delivery({"entry": [{"changes": [{"field": field, "value": value}]}]}))


@given(JSON, JSON, JSON, JSON)
def test_any_update_is_read(contact: Any, message: Any, status: Any, update: Any) -> None:
    """No contact, message, status or change of ids raises."""
    value = {
        "metadata": {"phone_number_id": "1"},
        "contacts": [contact],
        "messages": [message],
        "statuses": [status],
        "message_echoes": [message],
        "user_id_update": [update],
    }
    fields = ("messages", "smb_message_echoes", "user_id_update")
    changes = [{"field": field, "value": value} for field in fields]
    check(parse_delivery({"entry": [{"changes": changes}]}))


@given(mutated_bodies())
def test_a_damaged_body_is_read(body: Any) -> None:
    """Real bodies with anything replaced, dropped or wrapped still never raise."""
    check(parse_delivery(body))
