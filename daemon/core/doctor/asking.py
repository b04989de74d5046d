"""One HTTP request of the doctor's, and why it failed in words for an operator."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from daemon.core.errors import Retryable

REQUEST_BUDGET_S = 8.0
"""Seconds for one request, from the wait for a connection to the last byte."""

BODY_LIMIT = 65_536
"""Bytes of an answer that are read; ours are shorter."""


class Unreachable(Retryable):
    """Nobody answered."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, redirects not followed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def ask(
    http: aiohttp.ClientSession,
    url: str,
    *,
    method: str = "GET",
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = REQUEST_BUDGET_S,
    verify: bool = True,
) -> Answer:
    """Send one request; only one without a secret may go to whom nobody `verify`s.

    Raises:
        Unreachable: with a reason that quotes no query.

    """
    try:
        async with (
            asyncio.timeout(timeout_s),
            http.request(
                method, url, params=query, headers=headers, allow_redirects=False, ssl=verify
            ) as response,
        ):
            return Answer(
                response.status, response.headers, await response.content.read(BODY_LIMIT)
            )
    except TimeoutError:
        raise Unreachable(f"no answer within {timeout_s:g} seconds") from None
    except (aiohttp.ClientError, OSError, ValueError) as failed:
        raise Unreachable(explain(failed)) from None


def explain(failed: Exception) -> str:
    """Say in words why nothing came back; nothing of the address or of the call is in them."""
    if isinstance(failed, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not valid"
    if isinstance(failed, aiohttp.ClientConnectorDNSError):
        return "its name is not known to the DNS"
    if isinstance(failed, aiohttp.ClientSSLError):
        return "no TLS connection could be made"
    if isinstance(failed, aiohttp.ClientConnectorError):
        # asyncio's own words for it, beside the number, name the call that failed.
        number = failed.os_error.errno
        return f"no connection could be made ({os.strerror(number) if number else 'refused'})"
    return f"what answered does not speak HTTP ({type(failed).__name__})"
