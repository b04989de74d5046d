"""The Graph API over HTTP: sends one body, and says exactly how it went.

The only home of calls to Meta. It builds no message (`outbound` does), retries nothing and keeps
nothing: the difference between refused, surely not sent and in doubt is what the sender needs,
because the messages call has no idempotency key.

Source: Meta's "Messages API reference" and "Graph API handling errors", read 2026-11. Throttling
comes as HTTP 400 with a code, so the code decides and the HTTP status hardly matters.
"""

import asyncio
import json
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import aiohttp

from daemon.core.errors import ReleasedError, Retryable
from daemon.core.meta.codes import DAY_S, TOKEN_REFUSED, classify, describe
from daemon.core.meta.outbound import build_read_and_typing
from daemon.core.meta.reading import read_code, read_identifier, read_object

SEND_BUDGET_S = 20.0
"""Seconds for one send, from the wait for a connection to the last byte of the answer."""

TYPING_BUDGET_S = 5.0
"""Seconds for read and typing, which is a courtesy: the answer must not wait for it."""

CONNECT_BUDGET_S = 5.0
"""Seconds for a connection, TLS included; always less than the call's own, so that running out
of it is told from running out of patience with a request that was written."""


class SendRefused(ReleasedError):
    """Meta answered and did not take the message.

    Meta's own words are left out on purpose: they may quote the access token or a phone number.
    """

    def __init__(self, code: int, *, retry_after_s: float | None = None) -> None:
        """Take Meta's code, and what its Retry-After asked for in seconds."""
        super().__init__(describe(code))
        self.code = code
        self.remedy = classify(code)
        self.retry_after_s = retry_after_s


class NotSent(Retryable):
    """No connection to Meta was made; the message was surely not taken."""


class SendInDoubt(ReleasedError):
    """Meta may have taken the message or not; only a status can tell."""


class GraphClient:
    """Talks to the Graph API through a session that its maker closes."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        base_url: str,
        version: str,
        timeout_s: float = SEND_BUDGET_S,
    ) -> None:
        """Take the URL without the version, and the budget of a send in seconds."""
        self._session = session
        self._root = f"{base_url.rstrip('/')}/{version}"
        self._timeout_s = timeout_s

    async def send_message(
        self, *, phone_number_id: str, access_token: str, payload: dict[str, Any]
    ) -> str | None:
        """Send one message and give its wamid, None where Meta took it without naming one.

        Raises:
            SendRefused: Meta said no; `remedy` tells what to do.
            NotSent: Meta was never reached.
            SendInDoubt: it is not known whether Meta took it.

        """
        answer = await self._post(
            phone_number_id, access_token, payload=payload, budget_s=self._timeout_s
        )
        messages = read_object(answer).get("messages")
        first = messages[0] if isinstance(messages, list) and messages else None
        return read_identifier(read_object(first).get("id"))

    async def show_read_and_typing(
        self, *, phone_number_id: str, access_token: str, wamid: str
    ) -> None:
        """Mark a message read and show typing.

        Raises:
            SendRefused, NotSent, SendInDoubt: as `send_message`; none of them matters much.

        """
        await self._post(
            phone_number_id,
            access_token,
            payload=build_read_and_typing(wamid),
            budget_s=min(TYPING_BUDGET_S, self._timeout_s),
        )

    async def _post(
        self, phone_number_id: str, access_token: str, *, payload: dict[str, Any], budget_s: float
    ) -> object:
        if not fits_header(access_token):
            raise SendRefused(TOKEN_REFUSED)
        try:
            async with (
                asyncio.timeout(budget_s),
                self._session.post(
                    f"{self._root}/{quote(phone_number_id, safe='')}/messages",
                    data=json.dumps(payload).encode(),
                    headers={
                        "Authorization": f"Bearer {access_token}",
                        "Content-Type": "application/json",
                    },
                    timeout=connect_timeout(budget_s),
                    allow_redirects=False,
                ) as response,
            ):
                return _read_answer(response, await response.read())
        except (
            aiohttp.ClientConnectorError,
            aiohttp.ConnectionTimeoutError,
            aiohttp.ClientHttpProxyError,
            aiohttp.InvalidURL,
        ) as error:
            raise NotSent(f"No connection to Meta: {type(error).__name__}.") from error
        except (aiohttp.ClientError, OSError) as error:
            # OSError holds TimeoutError, that of `asyncio.timeout` too.
            # Not chained: a broken answer's error carries the request's headers, token included.
            raise SendInDoubt(f"The answer to a send never came: {type(error).__name__}.") from None


def fits_header(access_token: str) -> bool:
    """Tell whether a token can be sent at all; aiohttp would refuse it only once connected."""
    return access_token.isascii() and access_token.isprintable()


def connect_timeout(budget_s: float) -> aiohttp.ClientTimeout:
    """Bound the connection only; the call as a whole is bounded by its `asyncio.timeout`."""
    return aiohttp.ClientTimeout(total=None, connect=min(CONNECT_BUDGET_S, budget_s / 2))


def _read_answer(response: aiohttp.ClientResponse, body: bytes) -> object:
    try:
        answer: object = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    code = read_code(read_object(read_object(answer).get("error")).get("code"))
    if code is None and response.status == HTTPStatus.UNAUTHORIZED:
        # No gateway that answers 401 has handed the message on, so this is not in doubt.
        code = TOKEN_REFUSED
    if code is not None:
        raise SendRefused(code, retry_after_s=_read_retry_after(response))
    if response.status != HTTPStatus.OK:
        raise SendInDoubt(f"Meta answered HTTP {response.status} without a Graph error.")
    if answer is None:
        raise SendInDoubt("Meta answered HTTP 200 with something that is not JSON.")
    return answer


def _read_retry_after(response: aiohttp.ClientResponse) -> float | None:
    """Read the seconds of Retry-After; its form with a date is not used by Meta."""
    given = response.headers.get("Retry-After", "")
    return min(float(given), DAY_S) if given.isascii() and given.isdigit() else None
