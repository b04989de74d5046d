"""Which address a call came from, and whether anybody could listen on the way."""

from typing import Any

import pytest
from aiohttp import HttpVersion10
from multidict import CIMultiDict, CIMultiDictProxy

from daemon.api.arriving import Arrival, decide_arrival
from daemon.core.networks import parse_networks

HERE = "127.0.0.1,::1"
ANA = "203.0.113.7"
"""Whoever calls from outside."""


def decide(
    peer: str, *lines: tuple[str, str], encrypted: bool = False, proxies: str = HERE
) -> Arrival:
    headers = CIMultiDictProxy(CIMultiDict(lines))
    return decide_arrival(peer, headers, encrypted=encrypted, proxies=parse_networks(proxies))


def named(*values: str) -> list[tuple[str, str]]:
    return [("X-Forwarded-For", value) for value in values]


@pytest.mark.parametrize(
    ("peer", "lines", "address"),
    [
        ("127.0.0.1", (), "127.0.0.1"),
        ("127.0.0.1", (ANA,), ANA),
        ("::1", (ANA,), ANA),
        ("::ffff:127.0.0.1", (ANA,), ANA),
        ("127.0.0.1", (f"10.9.9.9, {ANA}",), ANA),
        ("127.0.0.1", ("10.9.9.9", ANA), ANA),
        ("127.0.0.1", (f"{ANA}, 127.0.0.1",), ANA),
        ("127.0.0.1", ("127.0.0.1, ::1",), "127.0.0.1"),
        ("127.0.0.1", ("2001:db8::1",), "2001:db8::1"),
        ("127.0.0.1", ("::ffff:203.0.113.7",), ANA),
        ("127.0.0.1", ("no address",), "127.0.0.1"),
        ("127.0.0.1", (f"{ANA}, unknown",), "127.0.0.1"),
        ("127.0.0.1", ("",), "127.0.0.1"),
        ("127.0.0.2", (ANA,), "127.0.0.2"),
        (ANA, ("10.9.9.9",), ANA),
        ("", (ANA,), "unknown"),
        ("/run/released.sock", (ANA,), "/run/released.sock"),
    ],
)
def test_only_a_trusted_proxy_is_believed_about_the_caller(
    peer: str, lines: tuple[str, ...], address: str
) -> None:
    """Back to the first address that is not trusted itself: what stands before it may be made up.

    Anybody else is who he is, whatever he writes.
    """
    arrival = decide(peer, *named(*lines))
    assert (address, peer in {"127.0.0.1", "::1", "::ffff:127.0.0.1"}) == (
        arrival.address,
        arrival.by_trusted,
    )


def test_a_chain_of_trusted_proxies_is_followed() -> None:
    """One in a network and one by its address; the caller is the first who is neither."""
    lines = named(f"192.0.2.66, {ANA}, 10.0.0.9")
    proxies = "10.0.0.0/24, 172.28.0.2"
    assert ANA == decide("172.28.0.2", *lines, proxies=proxies).address
    assert "127.0.0.1" == decide("127.0.0.1", *lines, proxies=proxies).address


HTTPS = ("X-Forwarded-Proto", "https")
HTTP = ("X-Forwarded-Proto", "http")


@pytest.mark.parametrize(
    ("peer", "lines", "is_private"),
    [
        ("127.0.0.1", (HTTPS,), True),
        ("127.0.0.1", (("X-Forwarded-Proto", "HTTPS"),), True),
        ("127.0.0.1", (HTTP,), False),
        ("127.0.0.1", (("X-Forwarded-Proto", "https, http"),), False),
        ("127.0.0.1", (HTTPS, HTTP), False),
        ("127.0.0.1", (HTTP, HTTPS), False),
        ("127.0.0.1", (("X-Forwarded-Proto", ""),), False),
        ("127.0.0.2", (HTTPS,), False),
        (ANA, (HTTPS,), False),
        (ANA, (), False),
        ("", (HTTPS,), False),
    ],
)
def test_what_came_by_https_is_a_trusted_proxys_to_say(
    peer: str, lines: tuple[tuple[str, str], ...], *, is_private: bool
) -> None:
    """Every hop must have been; from anybody else the header is only a claim."""
    assert is_private == decide(peer, *lines).is_private


def test_our_own_tls_needs_nobodys_word() -> None:
    """Unless a trusted proxy says that the caller's own way was in clear."""
    for peer in (ANA, "127.0.0.1", ""):
        assert decide(peer, encrypted=True).is_private
    assert decide(ANA, HTTP, encrypted=True).is_private
    assert not decide("127.0.0.1", HTTP, encrypted=True).is_private


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080", None])
@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_what_never_left_the_machine_is_private(peer: str, host: str | None) -> None:
    """The CLI, curl, a health check and Prometheus on the server itself."""
    lines = () if host is None else (("Host", host),)
    assert decide(peer, *lines).is_private
    assert decide(peer, *lines, proxies="192.0.2.1").is_private


def test_an_old_version_is_a_proxys_trace_too() -> None:
    """Nginx that was told nothing but where to pass calls on speaks HTTP/1.0, and leaves no other.

    Over TLS, its own word or ours, nobody minds.
    """
    old: dict[str, Any] = {"version": HttpVersion10, "proxies": parse_networks(HERE)}
    for lines, encrypted, is_private in (
        ((), False, False),
        ((), True, True),
        ((HTTPS,), False, True),
    ):
        headers = CIMultiDictProxy(CIMultiDict(lines))
        arrival = decide_arrival("127.0.0.1", headers, encrypted=encrypted, **old)
        assert is_private == arrival.is_private


@pytest.mark.parametrize(
    "line",
    [
        ("X-Forwarded-For", ANA),
        ("Forwarded", f"for={ANA}"),
        ("Via", "1.1 proxy"),
        ("X-Real-IP", ANA),
        ("X-Forwarded-Host", "bot.example.com"),
        ("Host", "bot.example.com"),
        ("Host", "[::1"),
        ("Host", "192.0.2.1:8080"),
    ],
)
def test_a_proxys_trace_tells_that_it_came_from_outside(line: tuple[str, str]) -> None:
    """One on this machine that does not say how it was called is not taken for the CLI."""
    assert not decide("127.0.0.1", line).is_private
