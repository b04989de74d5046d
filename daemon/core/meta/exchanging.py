"""Exchanges an access token for a new one of the same kind, which starts its 60 days anew.

Owns this one call to Meta. It keeps and logs nothing: what becomes of the new token, and whether it
is any good, is its caller's to decide. The old token works on until its own end.

Sources, read 2026-11: Meta's "Install Apps, Generate, Refresh, and Revoke Tokens" (system users)
and "Long-Lived Access Tokens". Both show the call as a GET whose query holds the app secret and the
token. Meta's endpoint takes the same parameters in the body of a POST, as OAuth 2.0 (RFC 6749,
3.2) has it, and as common OAuth clients send them to Meta; so they stand in no address that a proxy
may log. A Graph API that knows no POST there is asked as its pages show it.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import aiohttp

from daemon.core.errors import ReleasedError
from daemon.core.meta.client import connect_timeout, fits_header
from daemon.core.meta.codes import TOKEN_REFUSED
from daemon.core.meta.inspecting import NoAnswer
from daemon.core.meta.reading import read_code, read_epoch, read_object

EXCHANGE_BUDGET_S = 20.0
"""Seconds for one exchange, from the wait for a connection to the last byte of the answer."""

NO_POST_HERE = 100
"""Graph's code for "Unsupported post request", among others."""

_REASONS: Mapping[int, str] = {
    1: "META_APP_SECRET is not the secret of the app that this token belongs to",
    4: "the app reached its call limit; try again in an hour",
    10: "the app may not exchange tokens of this kind",
    100: "Meta finds the exchange's parameters wrong; a token of this kind may have no exchange",
    101: "Meta does not know the app that this token belongs to",
    190: "the token is expired, revoked or of another app: make a new one",
}


class ExchangeRefused(ReleasedError):
    """Meta answered and gave no token. Its own words are left out: they may quote the old one."""

    def __init__(self, code: int) -> None:
        """Take Meta's code."""
        reason = _REASONS.get(code, "not a code that we know of exchanges; try again later")
        super().__init__(f"Meta error {code}: {reason}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Exchanged:
    """The new token, which shows up in no trace, and its life in seconds where Meta tells it."""

    access_token: str = field(repr=False)
    expires_in_s: float | None


class GraphExchanger:
    """Exchanges tokens through a session that its maker closes."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        base_url: str,
        version: str,
        timeout_s: float = EXCHANGE_BUDGET_S,
    ) -> None:
        """Take the URL without the version, and the budget of one exchange in seconds."""
        self._session = session
        self._url = f"{base_url.rstrip('/')}/{version}/oauth/access_token"
        self._timeout_s = timeout_s

    async def exchange(
        self, access_token: str, *, app_id: str, app_secret: str, in_60_days: bool
    ) -> Exchanged:
        """Get a new token for one that is still valid; `in_60_days` for those of system users.

        Raises:
            ExchangeRefused: Meta said no.
            NoAnswer: Meta gave no answer that can be read. It may have made a token nobody knows,
                which does no harm: the same call makes another.

        """
        form = {
            "grant_type": "fb_exchange_token",
            "client_id": app_id,
            "client_secret": app_secret,
            "fb_exchange_token": access_token,
        }
        form |= {"set_token_expires_in_60_days": "true"} if in_60_days else {}
        status, answer = await self._call("POST", data=form)
        if status == HTTPStatus.METHOD_NOT_ALLOWED or _find_code(answer) == NO_POST_HERE:
            status, answer = await self._call("GET", params=form)
        return _read(status, answer)

    async def _call(self, method: str, **sent: Any) -> tuple[int, Mapping[str, Any]]:
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._session.request(
                    method,
                    self._url,
                    timeout=connect_timeout(self._timeout_s),
                    allow_redirects=False,
                    **sent,
                ) as response,
            ):
                return response.status, _decode(await response.read())
        except (aiohttp.ClientError, OSError) as error:
            # Not chained: such an error carries the request, and that is all secrets.
            raise NoAnswer(f"no answer ({type(error).__name__})") from None


def _read(status: int, answer: Mapping[str, Any]) -> Exchanged:
    code = _find_code(answer)
    if code is None and status == HTTPStatus.UNAUTHORIZED:
        code = TOKEN_REFUSED
    if code is not None:
        raise ExchangeRefused(code)
    token = answer.get("access_token")
    if status != HTTPStatus.OK or not isinstance(token, str) or not _is_token(token):
        raise NoAnswer(f"HTTP {status} that holds no access token")
    # A number of seconds has the shape of a moment, and its bounds.
    return Exchanged(token, read_epoch(answer.get("expires_in")) or None)


def _is_token(text: str) -> bool:
    return bool(text) and fits_header(text) and " " not in text


def _find_code(answer: Mapping[str, Any]) -> int | None:
    return read_code(read_object(answer.get("error")).get("code"))


def _decode(body: bytes) -> Mapping[str, Any]:
    try:
        return read_object(json.loads(body))
    except (ValueError, RecursionError):
        return {}
