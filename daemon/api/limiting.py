"""How often the admin API may be called: by one token, and by who has none that is valid.

Kept in memory, by this process. What a caller may do is `auth`'s business.
"""

import asyncio
import ipaddress
import math
import time
from dataclasses import dataclass
from http import HTTPStatus
from weakref import WeakValueDictionary

from aiohttp import web
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from daemon.api.problems import Problem

ADDRESSES_LIMIT = 1_000
"""Addresses that are remembered. With more, all are forgotten: who has so many to call from is not
slowed down by counting, and the library looks through all of them a hundred times a second."""

IPV6_SITE_BITS = 64
"""What one IPv6 subscriber is given at least: all its addresses count as one."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Calls that are allowed within any `window_s` seconds.

    `per_token`: fifty a second is what changing a fleet of 500 takes, and leaves the database to
    the customers. `per_address`, of calls without a valid token: enough for any mistake, and too
    few to try tokens or to keep the database busy with wrong ones.
    """

    per_token: int = 3_000
    per_address: int = 60
    window_s: int = 60


RATES = Rates()
"""What the daemon allows."""


class TooManyCalls(Problem):
    """Too many calls."""

    def __init__(self, whose: str, wait_s: float) -> None:
        """Take whose calls they are, and when the next one is heard."""
        seconds = max(1, math.ceil(wait_s))
        super().__init__(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"Too many calls {whose}. Call again in {seconds} s.",
            headers={"Retry-After": str(seconds)},
        )


class Limiter:
    """Counts calls; `rates` may be changed while it does, which tests do.

    Tokens go by their digest. A known one was valid a moment ago: its calls never count for the
    address they come from, so that nobody's wrong guesses keep an operator out.
    """

    def __init__(self, rates: Rates) -> None:
        """Know nobody and count from nought."""
        self.rates = rates
        self._tokens = MovingWindowRateLimiter(MemoryStorage())
        self._forget_addresses()
        self._known: set[str] = set()
        self._doors: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def knows(self, digest: str) -> bool:
        """Tell whether this token was valid when it was last looked up."""
        return digest in self._known

    def learn(self, digest: str) -> None:
        """Take note of a valid token."""
        self._known.add(digest)

    def forget(self, digest: str) -> None:
        """Take note that a token is valid no more."""
        self._known.discard(digest)

    def count_token(self, digest: str) -> None:
        """Count a call with a known token.

        Raises:
            TooManyCalls: when it has had its share.

        """
        rate = self._rate(self.rates.per_token)
        if not self._tokens.hit(rate, digest):
            raise TooManyCalls("with this token", _wait(self._tokens, rate, digest))

    def count_stranger(self, address: str) -> None:
        """Count a call without a valid token.

        Raises:
            TooManyCalls: when its address has had its share.

        """
        if len(self._address_counts.events) >= ADDRESSES_LIMIT:
            self._forget_addresses()
        if not self._addresses.hit(self._rate(self.rates.per_address), _site(address)):
            self.check_stranger(address)

    def check_stranger(self, address: str) -> None:
        """Ask whether a token that nobody knows may be looked up.

        Raises:
            TooManyCalls: when its address has had its share.

        """
        rate, site = self._rate(self.rates.per_address), _site(address)
        if not self._addresses.test(rate, site):
            wait_s = _wait(self._addresses, rate, site)
            raise TooManyCalls("without a valid token from this address", wait_s)

    def door(self, address: str) -> asyncio.Lock:
        """Let one unknown token of an address after another be looked up.

        Else a thousand wrong ones at once would all be looked up before the first is counted.
        """
        return self._doors.setdefault(_site(address), asyncio.Lock())

    def _forget_addresses(self) -> None:
        # Not the storage's own `reset`: its clearing thread would stumble over what is gone.
        self._address_counts = MemoryStorage()
        self._addresses = MovingWindowRateLimiter(self._address_counts)

    def _rate(self, amount: int) -> RateLimitItem:
        return RateLimitItemPerSecond(amount, self.rates.window_s)


LIMITER = web.AppKey("limiter", Limiter)


def _wait(limiter: MovingWindowRateLimiter, rate: RateLimitItem, whose: str) -> float:
    return limiter.get_window_stats(rate, whose).reset_time - time.time()


def _site(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed.packed, IPV6_SITE_BITS), strict=False))
