"""One call of a model server through the openai SDK: the client, the retries, what failures mean.

Shared by the two engines that call a model. Owns what the vendor's errors become; refuses to
know what is asked or whether the answer is any good. Importing it imports the SDK (0.6 s and
more), so only the engines import it, and they are imported late.
"""

import math
import re
from collections.abc import Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TypeVar

import aiohttp
import openai
import stamina

from daemon.core.assistants.engine import EngineFailed
from daemon.core.assistants.posting import CONNECT_S, SILENCE_S, ServerRefused
from daemon.core.errors import Misconfigured

T = TypeVar("T")

OPENAI_BASE_URL = "https://api.openai.com/v1"
"""Given to the SDK in so many words: left out, it reads the environment itself, where an empty
OPENAI_BASE_URL is taken as the address."""

MAX_OUTPUT_TOKENS = 1_500
"""Tokens of one answer at most: a full WhatsApp message of 4,096 characters with its JSON."""

ATTEMPTS = 3
"""Calls of one answer at most. No idempotency key is sent: each may be billed."""

FIRST_PAUSE_S = 0.5
"""Wait before the second call where the server names none; doubles, and up to as much again is
added by chance."""

LONGEST_PAUSE_S = 15.0
"""A server that wants us to wait longer is not called again: the customer would hear nothing
until the deadline, and then the same fallback text."""

CODE = re.compile(r"[a-z0-9_.-]{1,64}", re.ASCII | re.IGNORECASE)


class TransientFailure(EngineFailed):
    """The same call may work a moment later; `retry_after_s` is what the server asked for."""

    def __init__(
        self,
        cause: str,
        message: str,
        *,
        retry_after_s: float | None = None,
        status: int | None = None,
    ) -> None:
        """Take the wait in seconds, None where the server named none."""
        super().__init__(cause, message, status=status)
        self.retry_after_s = retry_after_s


def build_client(*, api_key: str, base_url: str | None) -> openai.AsyncOpenAI:
    """Make an SDK client on aiohttp that retries nothing itself; opens no connection yet.

    Raises:
        Misconfigured: the key holds what no HTTP header can carry.

    """
    key = api_key.strip()
    if not key or not key.isascii() or not key.isprintable():
        raise Misconfigured("OPENAI_API_KEY is not a key: it is empty or holds odd characters.")
    return openai.AsyncOpenAI(
        api_key=key,
        base_url=base_url or OPENAI_BASE_URL,
        # The SDK would also retry an empty account, and cannot be told which pauses still fit.
        max_retries=0,
        timeout=openai.Timeout(SILENCE_S, connect=CONNECT_S),
        http_client=openai.DefaultAioHttpClient(),
    )


async def call_model(
    send: Callable[[], Awaitable[T]],
    *,
    first_pause_s: float,
    pace: Callable[[], Awaitable[None]],
    heed: Callable[[EngineFailed], None],
) -> T:
    """Send up to ATTEMPTS times, each after the first at `pace`; return what came back.

    `heed` is told the failures that are tried again.

    Raises:
        EngineFailed: the server refused, could not be reached or did not speak JSON.

    """
    try:
        # Most answers need no more than this, and stamina takes 0.2 ms of CPU to be ready for more.
        return await _send_translated(send)
    except TransientFailure as failed:
        first = last = failed
    # Not the decorator: stamina logs the arguments of what it retries, and ours hold a question.
    async for attempt in stamina.retry_context(
        on=_wait_before_next,
        attempts=ATTEMPTS,
        timeout=None,
        wait_initial=first_pause_s,
        wait_jitter=first_pause_s,
    ):
        with attempt:
            if attempt.num == 1:
                raise first
            heed(last)
            await pace()
            try:
                return await _send_translated(send)
            except TransientFailure as failed:
                last = failed
                raise
    raise AssertionError  # pragma: no cover - the last attempt returns or raises


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Read how long a server wants us to wait, in seconds; None where it does not say.

    `retry-after-ms` is OpenAI's own. A date counts from the server's own Date header.
    """
    milliseconds = _finite(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return max(milliseconds / 1000, 0.0)
    asked = headers.get("retry-after", "")
    seconds = _finite(asked)
    if seconds is not None:
        return max(seconds, 0.0)
    try:
        until, now = parsedate_to_datetime(asked), parsedate_to_datetime(headers.get("date", ""))
        return max((until - now).total_seconds(), 0.0)
    except (ValueError, TypeError):  # no date, or one with a zone against one without
        return None


def _finite(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _wait_before_next(failed: Exception) -> bool | float:
    """Tell stamina whether to call again: no, yes after its own pause, or after these seconds."""
    if not isinstance(failed, TransientFailure):
        return False
    if failed.retry_after_s is None:
        return True
    return failed.retry_after_s if failed.retry_after_s <= LONGEST_PAUSE_S else False


async def _send_translated(send: Callable[[], Awaitable[T]]) -> T:
    # `from None` throughout: the vendor's messages may quote the request, which is a customer's.
    try:
        return await send()
    except ServerRefused as refused:
        raise _translate_status(refused) from None
    except openai.APIStatusError as refused:
        headers = refused.response.headers
        raise _translate_status(
            ServerRefused(refused.status_code, headers, {"error": refused.body})
        ) from None
    except (openai.OpenAIError, aiohttp.ClientError, OSError):
        # The SDK's timeouts too: over aiohttp it calls a refused connection one. What breaks
        # HTTP itself passes the SDK untranslated.
        raise TransientFailure("connection", "The model server cannot be reached.") from None
    except (ValueError, RecursionError):
        raise EngineFailed("not_json", "The model server did not answer in JSON.") from None


def _translate_status(refused: ServerRefused) -> EngineFailed:
    status, code = refused.status, _vendor_code(refused.body)
    said = f"The model server answered {status}" + (f" ({code})." if code else ".")
    if status in {401, 403}:
        return EngineFailed("key", f"{said} Check OPENAI_API_KEY.", alert=True, status=status)
    if status == HTTPStatus.PAYMENT_REQUIRED or code == "insufficient_quota":
        said += " The account has no credit left."
        return EngineFailed("quota", said, alert=True, status=status)
    if status == HTTPStatus.NOT_FOUND or status < HTTPStatus.BAD_REQUEST:
        said += " Check OPENAI_MODEL and OPENAI_BASE_URL."
        return EngineFailed("bad_request", said, alert=True, status=status)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        wait_s = read_retry_after(refused.headers)
        return TransientFailure("rate_limited", said, retry_after_s=wait_s, status=status)
    if status in {408, 409} or status >= HTTPStatus.INTERNAL_SERVER_ERROR:  # as the SDK has it
        wait_s = read_retry_after(refused.headers)
        return TransientFailure("server", said, retry_after_s=wait_s, status=status)
    return EngineFailed("bad_request", said, status=status)


def _vendor_code(body: object) -> str | None:
    """Give the vendor's short word for the error, where it is one and no free text."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return None
    for word in (error.get("code"), error.get("type")):
        if isinstance(word, str) and CODE.fullmatch(word):
            return word
    return None
