"""What the doctor makes of facts: tokens, numbers, subscriptions, models, disks and clocks."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from daemon.core.doctor.here import judge_disk
from daemon.core.doctor.judging import (
    judge_callback,
    judge_number,
    judge_stop,
    judge_subscription,
    judge_token,
)
from daemon.core.doctor.model import judge_shutdown
from daemon.core.doctor.reach import judge_clock
from daemon.core.errors import ReleasedError, Retryable
from daemon.core.meta.facts import NumberFacts, TokenFacts
from daemon.core.meta.inspecting import LookupRefused
from daemon.core.sealing.keyring import Keyring
from daemon.core.sealing.own_token import OwnToken
from daemon.core.store.clients import Client
from tests.doubles.judged import SECRET, assert_says

NOW = 1_794_000_000.0
DAY_S = 86_400.0
CLIENT = Client(
    id=7,
    name="La Plaza",
    phone_number="+34666777888",
    phone_number_id="6312",
    active=True,
    welcome_message=None,
    business_hours=None,
    timezone="Europe/Madrid",
    locale="es",
    fallback_message=None,
    access_token=OwnToken(7, SECRET, Keyring(Path("x.db"))),
    stopped_code=None,
    stopped_at=None,
    stopped_token_digest=None,
    created_at=NOW,
    updated_at=NOW,
    assistant_id="asst_1",
    assistant_version=1,
    faq_count=1,
    faqs_digest="",
)
TOKEN = TokenFacts(True, "600", None, frozenset({"whatsapp_business_messaging"}), ("900",))
NUMBER = NumberFacts(
    phone="34666777888",
    status="CONNECTED",
    platform="CLOUD_API",
    verification="VERIFIED",
    quality="GREEN",
    limit="TIER_250",
    sending="AVAILABLE",
    error_codes=(),
    account_id="900",
    app_id="600",
    webhook_url="https://bot.example.com/webhook",
)


@pytest.mark.parametrize(
    ("facts", "state", "word"),
    [
        (TOKEN, "ok", "does not expire"),
        (replace(TOKEN, scopes=frozenset()), "ok", "does not expire"),
        (replace(TOKEN, expires_at=NOW + 59 * DAY_S), "ok", "valid until 2027-01-04"),
        (replace(TOKEN, expires_at=NOW + 13 * DAY_S), "warning", "expires on 2026-11-19"),
        (replace(TOKEN, expires_at=NOW + 13 * DAY_S), "warning", "meta token rotate"),
        (replace(TOKEN, expires_at=NOW + 6 * DAY_S), "error", "expires on 2026-11-12"),
        (replace(TOKEN, expires_at=NOW - 1), "error", "expired"),
        (replace(TOKEN, is_valid=False), "error", "not valid"),
        (replace(TOKEN, scopes=frozenset({"x"})), "error", "whatsapp_business_messaging"),
        (LookupRefused(190), "error", "Meta error 190"),
        (LookupRefused(10), "skipped", "number's line"),
        (LookupRefused(4), "skipped", "again later"),
        (Retryable("no time"), "skipped", "again later"),
    ],
)
def test_a_token_is_judged(facts: TokenFacts | ReleasedError, state: str, word: str) -> None:
    """What works is ok, what ends soon a warning, what is void an error; silence is no error."""
    assert_says(judge_token(facts, client=CLIENT, now=NOW), state, word)
    assert_says(judge_token(facts, client=None, now=NOW), state, word)


def test_a_void_token_is_replaced_where_it_came_from() -> None:
    """The shared token's step is the setting; a client's own is the command with its id."""
    void = LookupRefused(190)
    own = judge_token(void, client=CLIENT, now=NOW)
    assert ("La Plaza", True) == (own.subject, "client update 7 --access-token" in (own.next or ""))
    shared = judge_token(void, client=None, now=NOW)
    assert (None, True) == (shared.subject, "META_ACCESS_TOKEN" in (shared.next or ""))


@pytest.mark.parametrize(
    ("changed", "state", "word"),
    [
        ({}, "ok", "+34666777888, status CONNECTED, quality GREEN, limit TIER_250"),
        ({"phone": None, "status": None, "quality": None, "limit": None}, "ok", "known to Meta"),
        ({"platform": None, "sending": None}, "ok", "CONNECTED"),
        ({"sending": "LIMITED", "error_codes": (138024, 141010)}, "ok", "LIMITED (138024, 141010)"),
        ({"phone": "34111222333"}, "error", "+34111222333"),
        ({"status": "PENDING"}, "error", "register"),
        ({"platform": "ON_PREMISE"}, "error", "ON_PREMISE"),
        ({"sending": "BLOCKED", "error_codes": (141006,)}, "error", "BLOCKED (141006)"),
        ({"sending": "BLOCKED"}, "error", "sending BLOCKED"),
        ({"status": "FLAGGED"}, "warning", "FLAGGED"),
        ({"quality": "RED"}, "warning", "RED"),
        ({"status": None, "verification": "NOT_VERIFIED"}, "warning", "confirm the number"),
        ({"verification": "NOT_VERIFIED"}, "ok", "CONNECTED"),
    ],
)
def test_a_number_is_judged(changed: dict[str, Any], state: str, word: str) -> None:
    """Another phone, and what keeps messages from going, are errors; what may come is a warning."""
    finding = judge_number(replace(NUMBER, **changed), CLIENT)
    assert_says(finding, state, word)
    assert "La Plaza" == finding.subject


@pytest.mark.parametrize(
    ("refused", "state", "word"),
    [
        (LookupRefused(100, subcode=33), "error", "knows no 6312"),
        (LookupRefused(10), "warning", "whatsapp_business_management"),
        (LookupRefused(80008), "skipped", "again later"),
        (Retryable("no time"), "skipped", "no time"),
    ],
)
def test_a_number_that_is_not_shown_is_judged(
    refused: ReleasedError, state: str, word: str
) -> None:
    """An unknown number is an error, a right that lacks a warning, a busy Meta neither."""
    assert_says(judge_number(refused, CLIENT), state, word)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("+525512345678", "5215512345678"), ("+541112345678", "5491112345678")],
)
def test_whatsapp_writes_two_countries_differently(ours: str, theirs: str) -> None:
    """Mexico's and Argentina's extra digit makes no other number."""
    client = replace(CLIENT, phone_number=ours)
    assert_says(judge_number(replace(NUMBER, phone=theirs), client), "ok")


@pytest.mark.parametrize(
    ("apps", "app_id", "state", "word"),
    [
        (frozenset({"600", "1"}), "600", "ok", "app 600 hears"),
        (frozenset({"1"}), "600", "error", "app 600 is not subscribed"),
        (frozenset(), "600", "error", "no app"),
        (frozenset(), None, "error", "POST 900/subscribed_apps"),
        (frozenset({"1"}), None, "skipped", "does not tell if ours is"),
        (LookupRefused(200), "600", "skipped", "whatsapp_business_management"),
    ],
)
def test_a_subscription_is_judged(
    apps: frozenset[str] | ReleasedError, app_id: str | None, state: str, word: str
) -> None:
    """Only an account that our app hears of is ok; what cannot be told is said to be so."""
    found = judge_subscription(apps, client=CLIENT, app_id=app_id, account_id="900")
    assert_says(found, state, word)


def test_messages_that_go_elsewhere_are_an_error() -> None:
    """Meta's callback must be PUBLIC_URL's webhook; where one of them is not known, it passes."""
    elsewhere = replace(NUMBER, webhook_url="https://old.example.com/hook?key=secret")
    found = judge_callback(elsewhere, CLIENT, public_url="https://bot.example.com/")
    assert_says(found, "error", "old.example.com/hook", "https://bot.example.com/webhook")
    assert "secret" not in str(found)
    assert judge_callback(NUMBER, CLIENT, public_url="https://bot.example.com/") is None
    assert judge_callback(elsewhere, CLIENT, public_url=None) is None
    unknown = replace(NUMBER, webhook_url=None)
    assert judge_callback(unknown, CLIENT, public_url="https://bot.example.com") is None


def test_a_stopped_client_has_its_reason() -> None:
    """The code, since when, and how it goes on."""
    stopped = replace(CLIENT, stopped_code=131042, stopped_at=NOW)
    words = ("2026-11-06T", "131042", "released client resume 7")
    assert_says(judge_stop(stopped), "error", *words)


@pytest.mark.parametrize(
    ("ends_on", "state"),
    [
        (None, "ok"),
        (date(2027, 3, 1), "ok"),
        (date(2026, 12, 11), "warning"),
        (date(2026, 11, 6), "error"),
        (date(2026, 1, 1), "error"),
    ],
)
def test_the_end_of_a_model_is_told_in_time(ends_on: date | None, state: str) -> None:
    """Sixty days before, and from the day on as an error."""
    finding = judge_shutdown("gpt-5", ends_on, today=date(2026, 11, 6))
    assert_says(finding, state, "gpt-5", "" if ends_on is None else str(ends_on))


@pytest.mark.parametrize(
    ("free_bytes", "state", "word"),
    [
        (50 * 2**20, "error", "52.4 MB"),
        (500 * 2**20, "warning", "524.3 MB"),
        (500 * 2**30, "ok", "536.9 GB"),
    ],
)
def test_room_on_the_disk_is_judged(free_bytes: int, state: str, word: str) -> None:
    """Under a gigabyte is a warning, under a hundred megabytes an error."""
    assert_says(judge_disk(free_bytes=free_bytes, folder="/data"), state, word, "/data")


@pytest.mark.parametrize(
    ("ahead_s", "state", "word"),
    [(0, "ok", "Meta's"), (60, "ok", ""), (-61, "error", "behind"), (7200, "error", "7,200")],
)
def test_a_clock_is_judged(ahead_s: float, state: str, word: str) -> None:
    """More than a minute in either direction is an error."""
    assert_says(judge_clock(ahead_s, whose="Meta's"), state, word)
