"""Meta's own examples, where they lie beside the checkout, are read without a loss."""

import json
from pathlib import Path

import pytest

from daemon.core.meta.wire import Customer, parse_delivery

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples" / "webhooks"

pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="Meta's samples do not lie beside the checkout"
)


def test_every_sample_is_read_as_its_index_says() -> None:
    """All of Meta's examples are read, and nothing in them is malformed by our lights."""
    odd = {
        # Printed with a placeholder for the phone number, or with `field` in the wrong place.
        "meta-docs/31.json": ("malformed:message",),
        "meta-docs/53.json": ("malformed:change",),
        "meta-docs/54.json": ("malformed:change",),
    }
    seen = {}
    for path in sorted(SAMPLES.rglob("*.json")):
        read = parse_delivery(json.loads(path.read_bytes()))
        words = tuple(word for word in read.passed_over if not word.startswith("field:"))
        if words and words != ("value:errors",):
            seen[path.relative_to(SAMPLES).as_posix()] = words
        assert "field:other" not in read.passed_over
    assert odd == seen


def test_every_message_and_status_comes_through() -> None:
    """As many come out as went in."""
    for path in sorted(SAMPLES.rglob("*.json")):
        body = json.loads(path.read_bytes())
        values = [
            change["value"]
            for entry in body["entry"]
            for change in entry["changes"]
            if change.get("field") == "messages"
        ]
        read = parse_delivery(body)
        expected = sum(len(value.get("messages", [])) for value in values)
        assert expected == len(read.messages) + read.passed_over.count("malformed:message")
        assert sum(len(value.get("statuses", [])) for value in values) == len(read.statuses)


@pytest.mark.parametrize("name", ["48", "88"])
def test_an_echo_of_the_owners_own_app_is_read(name: str) -> None:
    """Meta's own examples name the customer, and not the business."""
    body = json.loads((SAMPLES / "meta-docs" / f"{name}.json").read_bytes())
    (read,) = parse_delivery(body).echoes
    assert Customer(None, "16505551234") == read.customer


def test_a_user_without_a_phone_is_read() -> None:
    """Meta's own example of May 2026 yields a customer by user id."""
    body = json.loads((SAMPLES / "meta-bsuid-2026-05" / "04.json").read_bytes())
    (read,) = parse_delivery(body).messages
    assert Customer("US.13491208655302741918", None) == read.customer
