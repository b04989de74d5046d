"""A browser lets a page call the admin API only from an origin that ALLOWED_ORIGINS names."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.doubles.inhouse import House, open_inhouse

PANEL = "https://panel.example.com"
ALLOW = "Access-Control-Allow-Origin"
ASKING = {"Access-Control-Request-Method": "PATCH"}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_inhouse(
        tmp_path, allowed_origins=f"https://other.example.com, {PANEL}"
    ) as opened:
        yield opened


async def test_a_named_origin_may_ask_and_call(house: House) -> None:
    """The question is answered without a token; the answer may be read, the refusal too."""
    asked = await house.call("OPTIONS", "/clients/1", headers={"Origin": PANEL, **ASKING})
    assert (204, PANEL) == (asked.status, asked.headers[ALLOW])
    assert "PATCH" in asked.headers["Access-Control-Allow-Methods"]
    allowed = set(asked.headers["Access-Control-Allow-Headers"].split(", "))
    assert {"Authorization", "Content-Type", "Idempotency-Key", "If-Match"} == allowed
    called = await house.call("GET", "/clients", headers={"Origin": PANEL})
    assert (401, PANEL) == (called.status, called.headers[ALLOW])
    assert "Origin" in called.headers["Vary"]
    readable = set(called.headers["Access-Control-Expose-Headers"].split(", "))
    named = {"ETag", "Idempotent-Replayed", "Location", "Retry-After", "X-Request-ID"}
    assert named == readable
    assert called.headers["X-Request-ID"]


@pytest.mark.parametrize("origin", ["https://evil.example.com", "null", "*", f"{PANEL}.evil.com"])
async def test_any_other_origin_is_told_nothing(house: House, origin: str) -> None:
    """Its browser refuses for want of the header."""
    asked = await house.call("OPTIONS", "/clients/1", headers={"Origin": origin, **ASKING})
    assert 405 == asked.status
    called = await house.call("GET", "/health", headers={"Origin": origin})
    assert 200 == called.status
    assert ALLOW not in {**asked.headers, **called.headers}


async def test_without_a_browser_nothing_changes(house: House) -> None:
    """No Origin, no header; OPTIONS without the question is a method like any other."""
    assert ALLOW not in (await house.call("GET", "/health")).headers
    assert 405 == (await house.call("OPTIONS", "/clients", headers={"Origin": PANEL})).status
