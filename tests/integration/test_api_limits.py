"""How often the admin API may be called, by whom, and what is said to who calls too often."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from daemon.api.limiting import ADDRESSES_LIMIT, LIMITER, RATES, Limiter, Rates, TooManyCalls
from daemon.core import tokens
from tests.doubles.admin import Admin, assert_problem, open_admin
from tests.doubles.daemon_process import wait_until
from tests.doubles.stage import Answer

FEW = Rates(per_token=6, per_address=3, window_s=3600)


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[Admin]:
    async with open_admin(tmp_path, rates=FEW) as opened:
        yield opened


@pytest.fixture
def lookups(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note which tokens are looked up in the database."""
    seen: list[str] = []
    look_up: Callable[..., Any] = tokens.check_token

    def noted(conn: Any, token: str, **options: Any) -> Any:
        seen.append(token)
        return look_up(conn, token, **options)

    monkeypatch.setattr(tokens, "check_token", noted)
    return seen


async def call(admin: Admin, token: str | None, path: str = "/clients", **named: str) -> Answer:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    answer = await admin.house.call("GET", path, headers=headers | named)
    admin.check("GET", path, answer)
    return answer


async def test_the_daemon_allows_what_is_promised(tmp_path: Path) -> None:
    """3,000 a minute with a token, 60 without; and the description says so."""
    assert (3_000, 60, 60) == (RATES.per_token, RATES.per_address, RATES.window_s)
    async with open_admin(tmp_path) as admin:
        about = admin.description["info"]["description"]
    assert "3,000" in about
    assert "60 times" in about


async def test_a_token_that_calls_too_often_must_wait(admin: Admin) -> None:
    """429 with Retry-After, whatever it asks for, until its time has come; others go on."""
    assert [200] * 6 == [(await call(admin, admin.token)).status for _ in range(6)]
    refused = await call(admin, admin.token)
    assert 429 == refused.status
    assert 3590 <= int(refused.headers["Retry-After"]) <= 3600
    assert refused.headers["Retry-After"] in assert_problem(refused)["detail"]
    assert 429 == (await call(admin, admin.token, "/clients/99")).status
    other = await admin.make_token("other")
    assert 200 == (await call(admin, other)).status


async def test_a_limited_token_costs_the_database_nothing(admin: Admin, lookups: list[str]) -> None:
    """It is refused before it is looked up."""
    for _ in range(6):
        await call(admin, admin.token)
    lookups.clear()
    assert 429 == (await call(admin, admin.token)).status
    assert [] == lookups


async def test_tokens_cannot_be_tried_out(admin: Admin, lookups: list[str]) -> None:
    """Three wrong ones are looked up; then not even a right one that nobody has seen before."""
    tried = [(await call(admin, f"rel_{number}")).status for number in range(5)]
    assert [401, 401, 401, 429, 429] == tried
    assert ["rel_0", "rel_1", "rel_2"] == lookups
    assert 429 == (await call(admin, None)).status
    assert 429 == (await call(admin, admin.token)).status
    assert 3 == len(lookups)


async def test_wrong_tokens_at_once_are_counted_one_after_another(
    admin: Admin, lookups: list[str]
) -> None:
    """A flood does not slip in before the first is counted."""
    answers = await asyncio.gather(*[call(admin, f"rel_{number}") for number in range(30)])
    assert [401] * 3 + [429] * 27 == sorted(answer.status for answer in answers)
    assert 3 == len(lookups)


async def test_calls_without_a_token_are_counted_too(admin: Admin) -> None:
    """In whatever way it lacks."""
    for headers in ({}, {"Authorization": "Bearer"}, {"Authorization": "Basic eDp5"}):
        assert 401 == (await admin.house.call("GET", "/metrics", headers=headers)).status
    refused = await admin.house.call("GET", "/metrics")
    assert (429, True) == (refused.status, int(refused.headers["Retry-After"]) > 0)


async def test_a_flood_of_wrong_tokens_keeps_no_operator_out(admin: Admin) -> None:
    """Who was valid a moment ago goes on, though the flood comes from the same address."""
    assert 200 == (await call(admin, admin.token)).status
    assert 429 == [await call(admin, "rel_wrong") for _ in range(4)][-1].status
    assert 200 == (await call(admin, admin.token)).status


async def test_many_first_calls_at_once_are_no_flood(admin: Admin, lookups: list[str]) -> None:
    """A valid token's calls never count for its address: one of them makes it known to the rest."""
    door = admin.house.app[LIMITER].door("127.0.0.1")

    async def are_waiting() -> bool:
        return len(door._waiters or ()) == 6

    async with door:
        calls = [asyncio.create_task(call(admin, admin.token)) for _ in range(6)]
        await wait_until(are_waiting)
    assert [200] * 6 == [answer.status for answer in await asyncio.gather(*calls)]
    assert [admin.token] * 7 == lookups


async def test_a_token_that_was_valid_is_counted_as_wrong_once_revoked(admin: Admin) -> None:
    """Revoked, it is one of the strangers."""
    other = await admin.make_token("other")
    assert 200 == (await call(admin, other)).status
    assert 204 == (await admin.call("DELETE", "/tokens/other")).status
    assert [401, 401, 401, 429] == [(await call(admin, other)).status for _ in range(4)]


async def test_a_proxy_on_this_machine_is_believed_about_the_address(admin: Admin) -> None:
    """Each caller behind it has calls of his own: by what it adds, not by what a caller says."""

    async def ask(named: str) -> int:
        return (await call(admin, None, **{"X-Forwarded-For": named})).status

    assert [401] * 3 == [await ask(f"10.0.0.{n}, 203.0.113.7") for n in range(3)]
    assert 429 == await ask("203.0.113.7")
    assert 401 == await ask("203.0.113.8")
    assert [401] * 3 == [await ask("no address") for _ in range(3)]
    assert 429 == (await call(admin, None)).status


async def test_a_line_that_the_caller_wrote_hides_nobody(admin: Admin) -> None:
    """A proxy may add its own X-Forwarded-For line after the caller's: the last one counts."""

    async def ask(claimed: str) -> int:
        lines = CIMultiDict([("X-Forwarded-For", claimed), ("X-Forwarded-For", "203.0.113.9")])
        return (await admin.house.call("GET", "/clients", headers=lines)).status

    assert [401, 401, 401, 429] == [await ask(f"10.0.0.{n}") for n in range(4)]


async def test_the_trail_tells_the_address(admin: Admin) -> None:
    """The caller's own, through a proxy too."""
    for headers in ({}, {"X-Forwarded-For": "203.0.113.7"}):
        await admin.call("PATCH", "/clients/1", {"name": f"n{len(headers)}"}, headers=headers)
    origins = await admin.query("SELECT origin FROM audit ORDER BY id DESC LIMIT 2")
    assert [("203.0.113.7",), ("127.0.0.1",)] == origins


async def test_what_is_open_is_never_limited(admin: Admin) -> None:
    """Meta and a monitor call as often as they like."""
    for _ in range(5):
        assert 401 == (await admin.house.call("POST", "/webhook", data=b"{}")).status
        for path in ("/health", "/openapi.json", "/docs"):
            assert 200 == (await admin.house.call("GET", path)).status


async def test_who_has_waited_is_heard_again() -> None:
    """The window moves on."""
    limiter = Limiter(Rates(per_token=1, per_address=1, window_s=1))
    limiter.count_token("a")
    with pytest.raises(TooManyCalls):
        limiter.count_token("a")

    async def is_heard() -> bool:
        try:
            limiter.count_token("a")
        except TooManyCalls:
            return False
        return True

    await wait_until(is_heard)


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("203.0.113.7", "203.0.113.8", False),
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:203.0.113.7", "203.0.113.7", True),
        ("unknown", "unknown", True),
    ],
)
def test_one_subscriber_counts_once(first: str, second: str, *, together: bool) -> None:
    """Whoever has one IPv6 address has a whole network of them."""
    limiter = Limiter(Rates(per_address=1))
    limiter.count_stranger(first)
    if not together:
        limiter.count_stranger(second)
        return
    with pytest.raises(TooManyCalls):
        limiter.count_stranger(second)


def test_addresses_do_not_fill_the_memory() -> None:
    """Beyond a thousand all are forgotten."""
    limiter = Limiter(Rates(per_address=1))
    for number in range(ADDRESSES_LIMIT + 1):
        limiter.count_stranger(f"10.0.{number >> 8}.{number & 255}")
    limiter.count_stranger("10.0.0.0")
    assert len(limiter._address_counts.events) < ADDRESSES_LIMIT
