"""How a call arrived: from which address, and whether anybody could listen on the way.

The one place that believes a proxy, and only those that TRUSTED_PROXIES names. Who calls, and what
he may do, is `auth`'s business.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import HttpVersion, HttpVersion11, web
from multidict import CIMultiDictProxy

from daemon.api.shared import RUNTIME
from daemon.core.networks import Address, Network, find_address, is_loopback, is_within

FORWARDED_FOR = "X-Forwarded-For"
FORWARDED_PROTO = "X-Forwarded-Proto"

TRACES = (FORWARDED_FOR, FORWARDED_PROTO, "Forwarded", "Via", "X-Forwarded-Host", "X-Real-IP")
"""What a proxy leaves on a call that it passes on."""

Headers = CIMultiDictProxy[str]


@dataclass(frozen=True, slots=True)
class Arrival:
    """`address` is the caller's, "unknown" where there is none.

    `by_trusted` tells that a trusted proxy has brought the call; `is_private` that nobody could
    read it on the way: it came by TLS, or never left this machine.
    """

    address: str
    by_trusted: bool
    is_private: bool


def decide_arrival(
    peer: str,
    headers: Headers,
    *,
    encrypted: bool,
    proxies: Sequence[Network],
    version: HttpVersion = HttpVersion11,
) -> Arrival:
    """Decide what is true of a call that came from `peer`, over our own TLS when `encrypted`.

    A trusted proxy's X-Forwarded-Proto has the last word: a call that reached it in clear stays in
    clear over the finest TLS. A call from this machine to this machine, without a proxy's trace,
    has never left it.
    """
    hop = find_address(peer)
    if hop is None:
        return Arrival(peer or "unknown", by_trusted=False, is_private=encrypted)
    trusted = is_within(hop, proxies)
    schemes = _list(headers, FORWARDED_PROTO) if trusted else []
    is_private = (
        _all_https(schemes) if schemes else encrypted or _stayed_here(hop, headers, version)
    )
    caller = _find_caller(hop, _list(headers, FORWARDED_FOR), proxies) if trusted else hop
    return Arrival(str(caller), by_trusted=trusted, is_private=is_private)


def arrival_of(request: web.Request) -> Arrival:
    """Tell how a call arrived."""
    return decide_arrival(
        request.remote or "",
        request.headers,
        encrypted=request.secure,
        proxies=request.app[RUNTIME].settings.proxies,
        version=request.version,
    )


def _list(headers: Headers, name: str) -> list[str]:
    """List what all lines of a header hold, in order; each proxy adds to the end."""
    return [part.strip() for line in headers.getall(name, ()) for part in line.split(",")]


def _all_https(schemes: Sequence[str]) -> bool:
    return all(scheme.lower() == "https" for scheme in schemes)


def _find_caller(hop: Address, named: Sequence[str], proxies: Sequence[Network]) -> Address:
    """Follow the proxies' word back to the first address that is no trusted proxy's.

    What stands before that one, anybody could have written.
    """
    for text in reversed(named):
        address = find_address(text)
        if address is None:
            return hop
        hop = address
        if not is_within(hop, proxies):
            return hop
    return hop


def _stayed_here(hop: Address, headers: Headers, version: HttpVersion) -> bool:
    # A proxy may pass on the name it was called by; who calls from here calls this machine. And
    # nginx before 1.29.7, told nothing more, leaves no trace but HTTP/1.0. A later one leaves none
    # (proxy_http_version, read 2026-11): it must be told to send X-Forwarded-Proto.
    return (
        hop.is_loopback
        and version >= HttpVersion11
        and is_loopback(_read_host(headers))
        and not any(name in headers for name in TRACES)
    )


def _read_host(headers: Headers) -> str:
    try:
        return urlsplit(f"//{headers.get('Host', 'localhost')}").hostname or ""
    except ValueError:
        return ""
