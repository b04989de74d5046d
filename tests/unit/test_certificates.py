"""Networks, lifetimes and subjects: what is read, and what is not guessed at."""

import pytest

from daemon.core.certificates import DAY_S, Lifetime, find_common_names
from daemon.core.doctor.https import judge_certificate, judge_privacy
from daemon.core.networks import find_address, is_loopback, is_within, parse_networks

META = "client.webhooks.fbclientcerts.com"
NOON = 1795348800.0
"""2026-11-22 12:00 UTC."""

QUARTER = Lifetime(NOON, NOON + 90 * DAY_S)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("127.0.0.1,::1", "::1", "127.0.0.2"),
        (" 10.0.0.0/24 , 192.0.2.7,", "10.0.0.255", "10.0.1.0"),
        ("fd00::/8", "fd12::1", "fe80::1"),
        ("10.0.0.0/24", "::ffff:10.0.0.1", "::ffff:10.0.1.1"),
    ],
)
def test_networks(text: str, inside: str, outside: str) -> None:
    """Addresses and networks of both kinds, white space and a comma too many aside."""
    networks = parse_networks(text)
    found = [find_address(address) for address in (inside, outside)]
    assert [True, False] == [address and is_within(address, networks) for address in found]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("caddy", "'caddy' is no address"),
        ("10.0.0.1/24", "is no address and no network"),
        ("127.0.0.1, 10.0.0.300", "'10.0.0.300' is no address"),
        ("0.0.0.0/0", "0.0.0.0/0 is everybody"),
        ("::/0", "::/0 is everybody"),
    ],
)
def test_what_is_no_network_is_named(text: str, reason: str) -> None:
    """A slip must not trust the wrong ones, nor everybody."""
    with pytest.raises(ValueError, match=reason):
        parse_networks(text)


def test_this_machine_has_several_names() -> None:
    """As sockets, URLs and settings write them."""
    ours = ("127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost", "::ffff:127.0.0.1")
    assert [] == [name for name in ours if not is_loopback(name)]
    others = ("0.0.0.0", "::", "192.0.2.1", "bot.example.com", "", "::ffff:192.0.2.1")
    assert [] == [name for name in others if is_loopback(name)]


@pytest.mark.parametrize(
    ("day", "fault", "is_ending", "days_left"),
    [
        (-1, "is not valid before 2026-11-22", False, 91),
        (0, None, False, 90),
        (71, None, False, 19),
        (75, None, False, 15),
        (77, None, True, 13),
        (89.5, None, True, 0),
        (90, "expired on 2027-02-20", True, 0),
        (91, "expired on 2027-02-20", True, -1),
    ],
)
def test_the_life_of_a_certificate(
    day: float, fault: str | None, days_left: int, *, is_ending: bool
) -> None:
    """Warned of with two weeks left: whoever renews by himself did so with a third left."""
    now = NOON + day * DAY_S
    assert (is_ending, days_left) == (QUARTER.is_ending(now=now), QUARTER.days_left(now=now))
    found = QUARTER.find_fault(now=now)
    assert found is None if fault is None else found is not None and found.startswith(fault)


def test_a_short_life_is_measured_by_itself() -> None:
    """Six days are renewed half-way, and are no reason to warn; two are never enough."""
    week = Lifetime(NOON, NOON + 6 * DAY_S)
    assert [False, True] == [week.is_ending(now=NOON + day * DAY_S) for day in (4.5, 5)]
    assert [False, True] == [week.is_urgent(now=NOON + day * DAY_S) for day in (4.5, 5)]
    assert Lifetime(NOON, NOON + 2 * DAY_S).is_urgent(now=NOON)


@pytest.mark.parametrize(
    ("subject", "names"),
    [
        (META, (META,)),
        (f" {META} ", (META,)),
        (rf"CN={META},O=Meta Platforms\, Inc.,L=Menlo Park,ST=California,C=US", (META,)),
        (rf"C=US, O=Meta Platforms\, Inc. , CN = {META}", (META,)),
        (f"2.5.4.5=#0c0141,serialNumber=1,cn={META}+OU=x", (META,)),
        (f"CN=other,2.5.4.3={META}", ("other", META)),
        (rf"O=x\,CN={META},CN=other", ("other",)),
        (rf"O=x\\\,CN={META}", ()),
        (f"O=CN={META}", ()),
        (f'O="Meta, CN={META}",CN=x', ()),
        (f"/C=US/CN={META}", ()),
        ("CN=", ("",)),
        ("", ("",)),
        ("=", ()),
        ("CN=a,,", ()),
    ],
)
def test_only_a_name_is_a_name(subject: str, names: tuple[str, ...]) -> None:
    """A value that looks like one is none; what cannot be read to its end has none."""
    assert names == find_common_names(subject)


@pytest.mark.parametrize(
    ("day", "state", "words"),
    [
        (1, "ok", "TLS_CERT_FILE=x is valid for 89 more days, until 2027-02-20"),
        (80, "warning", "is valid for 10 more days"),
        (88, "error", "is valid for 2 more days"),
        (89.3, "error", "is valid for 16 more hours"),
        (89.95, "error", "is valid for 1 more hour, until"),
        (100, "error", "expired on 2027-02-20"),
    ],
)
def test_the_doctor_counts_the_days(day: float, state: str, words: str) -> None:
    """What is not well has a next step."""
    now = NOON + day * DAY_S
    found = judge_certificate(QUARTER, "TLS_CERT_FILE=x", "renew it", now=now)
    assert (state, None if state == "ok" else "renew it") == (found.state, found.next)
    assert words in found.detail


@pytest.mark.parametrize(
    ("by_https", "in_clear", "state", "word"),
    [
        (401, None, "ok", "no admin call"),
        (401, 308, "ok", "no admin call"),
        (401, 403, "ok", "no admin call"),
        (404, None, "ok", "no admin call"),
        (401, 401, "error", "over plain HTTP is heard"),
        (403, None, "error", "is taken for one in clear"),
        (403, 401, "error", "is taken for one in clear"),
        (None, 401, "skipped", "gives no answer"),
    ],
)
@pytest.mark.parametrize("forged", [None, 401])
def test_the_doctor_judges_how_admin_calls_come(
    by_https: int | None, in_clear: int | None, state: str, word: str, forged: int | None
) -> None:
    """401 means heard: a token would have been looked at."""
    found = judge_privacy(by_https, in_clear, where="https://bot.example.com", forged=forged)
    assert state == found.state
    assert word in found.detail
    assert (found.next is None) == (state == "ok")
