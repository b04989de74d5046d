"""What is told of an access token, and what its end is worth: pure decisions."""

from dataclasses import replace
from typing import Any

import pytest

from daemon.core.credentials.judging import (
    describe_hidden,
    describe_lack,
    describe_token,
    describe_unreadable,
    find_missing_scopes,
)
from daemon.core.credentials.timing import count_days, name_exchange, say_days
from daemon.core.errors import ReleasedError
from daemon.core.meta.facts import TokenFacts
from daemon.core.meta.inspecting import LookupRefused, NoAnswer
from daemon.core.store.clients import Client
from tests.unit.test_doctor_judging import CLIENT as WITH_TOKEN

NOW = 1_794_000_000.0
DAY_S = 86_400.0
SCOPES = frozenset({"whatsapp_business_management", "whatsapp_business_messaging"})
FACTS = TokenFacts(
    is_valid=True,
    app_id="600",
    expires_at=NOW + 30.5 * DAY_S,
    scopes=SCOPES,
    account_ids=("900",),
    kind="SYSTEM_USER",
    issued_at=NOW - 29.5 * DAY_S,
)
CLIENT: Client = replace(WITH_TOKEN, access_token=None)


def describe(facts: TokenFacts | ReleasedError, **more: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {"client": CLIENT, "is_shared": False, "now": NOW}
    return describe_token(facts, **(plain | more))


def test_a_token_is_told_whole() -> None:
    """Whose it is, how it is, and everything that Meta said of it, in whole days."""
    assert {
        "client_id": 7,
        "client": "La Plaza",
        "shared": False,
        "state": "ok",
        "detail": "valid until 2026-12-07",
        "next": None,
        "valid": True,
        "type": "SYSTEM_USER",
        "app_id": "600",
        "issued_at": "2026-10-08T09:20:00Z",
        "age_days": 29,
        "never_expires": False,
        "expires_at": "2026-12-07T09:20:00Z",
        "days_left": 30,
        "data_access_expires_at": None,
        "missing_scopes": [],
    } == describe(FACTS)


@pytest.mark.parametrize(
    ("changed", "state", "word"),
    [
        ({"expires_at": None}, "ok", "does not expire"),
        ({"expires_at": NOW + 14 * DAY_S}, "ok", "valid until"),
        ({"expires_at": NOW + 13 * DAY_S}, "warning", "expires on"),
        ({"expires_at": NOW + 7 * DAY_S}, "warning", "expires on"),
        ({"expires_at": NOW + 6.9 * DAY_S}, "error", "expires on"),
        ({"expires_at": NOW - 1}, "error", "expired on"),
        ({"is_valid": False}, "error", "not valid"),
        ({"scopes": frozenset({"whatsapp_business_management"})}, "error", "messaging"),
        ({"scopes": frozenset({"whatsapp_business_messaging"})}, "warning", "management"),
        ({"data_access_expires_at": NOW + 13 * DAY_S}, "warning", "access to data ends"),
        ({"data_access_expires_at": NOW + 15 * DAY_S}, "ok", "valid until"),
    ],
)
def test_what_needs_somebody(changed: dict[str, Any], state: str, word: str) -> None:
    """Under a week is an error, under two a warning; what it may not do counts too."""
    told = describe(replace(FACTS, **changed))
    assert (state, True) == (told["state"], word in told["detail"]), told
    assert (told["next"] is None) is (state == "ok")


def test_the_next_step_is_the_exchange_of_that_token() -> None:
    """A client's own by its id; the shared one without any."""
    ending = replace(FACTS, expires_at=NOW + DAY_S)
    assert "`released meta token rotate 7`" in describe(ending)["next"]
    assert "`released meta token rotate`" in describe(ending, client=None, is_shared=True)["next"]
    assert "`released meta token rotate`" in describe(ending, is_shared=True)["next"]
    assert "released meta token rotate 3" == name_exchange(3)


@pytest.mark.parametrize(
    ("refused", "state"),
    [(LookupRefused(190), "error"), (LookupRefused(4), "skipped"), (NoAnswer("x"), "skipped")],
)
def test_what_meta_does_not_tell_is_null(refused: ReleasedError, state: str) -> None:
    """A void token is an error, silence is not."""
    told = describe(refused)
    assert state == told["state"]
    assert [None] * 4 == [told[key] for key in ("valid", "never_expires", "days_left", "age_days")]
    assert [] == told["missing_scopes"]


def test_every_document_has_the_same_keys() -> None:
    """Also where there is no token, or none that may be shown or read."""
    keys = describe(FACTS).keys()
    others = (
        describe_lack("two need it"),
        describe_lack("it has none", client=CLIENT),
        describe_hidden(CLIENT),
        describe_unreadable(CLIENT),
    )
    assert [keys] * 4 == [told.keys() for told in others]
    assert ["error", "error", "skipped", "error"] == [told["state"] for told in others]
    assert [True, True, True, False] == [told["shared"] for told in others]


def test_missing_permissions() -> None:
    """Where Meta names none at all, none is said to be missing."""
    assert () == find_missing_scopes(replace(FACTS, scopes=frozenset()))
    assert ("whatsapp_business_management", "whatsapp_business_messaging") == find_missing_scopes(
        replace(FACTS, scopes=frozenset({"ads_read"}))
    )


@pytest.mark.parametrize(
    ("left_days", "days", "said"),
    [(6.9, 6, "6 days"), (1.0, 1, "1 day"), (0.5, 0, "less than a day"), (-0.1, -1, "less than")],
)
def test_days_are_whole_and_rounded_down(left_days: float, days: int, said: str) -> None:
    """So that nobody counts on a day that is not there."""
    until = NOW + left_days * DAY_S
    assert days == count_days(until, now=NOW)
    assert said in say_days(until, now=NOW)
