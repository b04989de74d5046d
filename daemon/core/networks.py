"""IP addresses and networks as settings, sockets and headers write them. Pure.

An IPv4 address in IPv6's clothes (::ffff:192.0.2.1, as a socket for both tells it) is the IPv4 one.
"""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=8)
def parse_networks(text: str) -> tuple[Network, ...]:
    """Read addresses and networks that commas part; one address is a network of its own.

    Raises:
        ValueError: naming the part that is none, or that means everybody.

    """
    parts = (part.strip() for part in text.split(","))
    return tuple(_parse_network(part) for part in parts if part)


def find_address(text: str) -> Address | None:
    """Read one address; None when it is none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_within(address: Address, networks: Iterable[Network]) -> bool:
    """Tell whether an address is one of these networks'."""
    return any(address in network for network in networks)


def is_loopback(text: str) -> bool:
    """Tell whether an address, or the name of a host, is this machine's own."""
    address = find_address(text.removeprefix("[").removesuffix("]"))
    return text.lower() == "localhost" if address is None else address.is_loopback


def _parse_network(part: str) -> Network:
    try:
        network = ipaddress.ip_network(part)
    except ValueError:
        raise ValueError(
            f"{part!r} is no address and no network such as 192.0.2.7 or 10.0.0.0/24"
        ) from None
    if network.prefixlen == 0:
        raise ValueError(f"{part} is everybody: name the addresses that are the proxy's")
    return network
