"""One call to a daemon far away: sent, repeated where that is safe, and its answer read.

Owns the connection, its budget and its retries; what an answer means is `answers`' to say.
"""

import http.client
import json
import secrets
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import IO, Any
from urllib.parse import urlencode, urlsplit

from daemon.core.errors import Misconfigured, Retryable
from released_cli.places import Place

CALL_BUDGET_S = 30.0
"""Seconds one call may take, its repetitions included."""

PAUSES_S = (0.5, 1.0, 2.0)
"""What is waited before each repetition where the other side does not say how long."""

ANSWER_LIMIT = 64 * 1024 * 1024
"""Bytes of an answer; a thousand clients are one of them."""

TLS_LOOK_S = 2.0
"""Seconds a port has to show that it speaks TLS."""

CHUNK = 65_536
BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, read to its end."""

    status: int
    headers: Message
    body: bytes

    @property
    def retry_after_s(self) -> float | None:
        """How long we are asked to wait, in seconds; None where it does not say."""
        text = (self.headers.get("Retry-After") or "").strip()
        if text.isascii() and text.isdigit():
            return float(text[:9])
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
        except (ValueError, TypeError, OverflowError):
            return None


@dataclass(frozen=True, slots=True)
class Dropped:
    """What is left when the connection ended before the answer did: why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls one daemon as the bearer of one token.

    `budget_s` is for each call; `clock` and `sleep` are in seconds.
    """

    place: Place
    budget_s: float
    clock: Callable[[], float] = field(default=time.monotonic)
    sleep: Callable[[float], None] = field(default=time.sleep)

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        twice: bool = True,
        budget_s: float | None = None,
    ) -> Reply:
        """Send one call and read its answer, whatever its status.

        What may be done `twice` is sent again when the connection breaks or the other side is
        busy; a POST then carries a key by which the daemon knows it again. Anything is sent again
        after 429, which says that nothing was done.

        Raises:
            Retryable: when there is no answer.
            Misconfigured: when no connection can be trusted.

        """
        request = self._build(method, path, query=query, body=body, twice=twice)
        ends = self.clock() + (budget_s or self.budget_s)
        pauses = iter(PAUSES_S)
        while True:
            outcome = self._try(request, ends)
            wait_s = _choose_wait(outcome, next(pauses, None), twice=twice)
            if wait_s is not None and self.clock() + wait_s < ends:
                self.sleep(wait_s)
            elif isinstance(outcome, Reply):
                return outcome
            else:
                _refuse_tls(self.place)
                look = "" if twice else " Look whether it was done before you do it again."
                raise Retryable(f"{self.place} broke off: {outcome.reason}.{look}")

    def _build(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None,
        body: object,
        twice: bool,
    ) -> urllib.request.Request:
        address = f"{self.place.url}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {
            "Authorization": f"Bearer {self.place.token}",
            "Accept": "application/json",
            "User-Agent": "released-cli",
        }
        if method == "POST" and twice:
            headers["Idempotency-Key"] = secrets.token_hex(16)
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        # The scheme was checked when the place was made: no file is ever opened here.
        return urllib.request.Request(address, data, headers, method=method)  # noqa: S310

    def _try(self, request: urllib.request.Request, ends: float) -> Reply | Dropped:
        try:
            with self._open(request, ends) as answer:
                return Reply(answer.status, answer.headers, self._read(answer, ends))
        except urllib.error.URLError as failed:
            return self._explain(failed.reason)
        except (OSError, http.client.HTTPException) as failed:
            return self._explain(failed)

    def _open(self, request: urllib.request.Request, ends: float) -> Any:
        handlers: list[urllib.request.BaseHandler] = [_Stay()]
        if self.place.is_loopback:
            handlers.append(urllib.request.ProxyHandler({}))
        opener = urllib.request.build_opener(*handlers)
        try:
            return opener.open(request, timeout=max(0.1, ends - self.clock()))
        except urllib.error.HTTPError as refused:
            return refused

    def _read(self, answer: Any, ends: float) -> bytes:
        """Read to the end, within the budget however slowly it comes."""
        read = b""
        while chunk := answer.read1(CHUNK):
            read += chunk
            if self.clock() > ends:
                raise TimeoutError
            if len(read) > ANSWER_LIMIT:
                raise Misconfigured(
                    f"{self.place} answers without end: no daemon of Released does."
                )
        if getattr(answer, "length", None):
            # What the standard library tells of a whole read, and not of one in pieces.
            raise http.client.IncompleteRead(read)
        return read

    def _explain(self, failed: object) -> Dropped:
        """Say why there is no answer, or that the connection was lost on the way."""
        match failed:
            case ssl.SSLCertVerificationError():
                raise Misconfigured(
                    f"The certificate of {self.place} is not to be trusted:"
                    f" {failed.verify_message}. Is the address right? SSL_CERT_FILE names a"
                    " certificate authority of your own."
                ) from None
            case ssl.SSLError():
                raise Misconfigured(
                    f"{self.place} speaks no TLS that can be used ({failed.reason or failed})."
                    " Is the address right, and its port?"
                ) from None
            case TimeoutError():
                raise Retryable(
                    f"{self.place} does not answer in time. Try again, or look at it on the server"
                    " (released status there)."
                ) from None
            case ConnectionRefusedError():
                raise Retryable(
                    f"Nothing answers at {self.place}. Is released-daemon running there?"
                ) from None
            case socket.gaierror():
                raise Retryable(f"{self.place} cannot be found: is the name right?") from None
            case ConnectionError() | http.client.IncompleteRead():
                return Dropped("the connection was lost")
            case http.client.HTTPException():
                raise Misconfigured(
                    f"{self.place} does not speak HTTP. Is the address right, and its port?"
                ) from None
        reason = failed.strerror if isinstance(failed, OSError) and failed.strerror else failed
        raise Retryable(f"{self.place} cannot be reached: {reason}.") from None


def _refuse_tls(place: Place) -> None:
    """Say so where a port that was called in clear speaks HTTPS: it drops such a call wordless."""
    target = urlsplit(place.url)
    if target.scheme != "http":
        return
    # Nothing is sent over it: it only tells whether there is anything to talk HTTPS to.
    context = ssl._create_unverified_context()  # noqa: S323, SLF001
    address = (target.hostname or "", target.port or http.client.HTTP_PORT)
    try:
        with (
            socket.create_connection(address, timeout=TLS_LOOK_S) as plain,
            context.wrap_socket(plain, server_hostname=target.hostname),
        ):
            pass
    except OSError:
        return
    raise Misconfigured(f"{place}: this port speaks HTTPS: use https://{target.netloc}")


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the token is for the address it was given for, and for no other."""

    def redirect_request(
        self,
        req: urllib.request.Request,  # noqa: ARG002 - the standard library's own signature
        fp: IO[bytes],  # noqa: ARG002
        code: int,  # noqa: ARG002
        msg: str,  # noqa: ARG002
        headers: Message,  # noqa: ARG002
        newurl: str,  # noqa: ARG002
    ) -> None:
        """Decline; the redirect is then an answer like any other."""
        return


def _choose_wait(outcome: Reply | Dropped, pause_s: float | None, *, twice: bool) -> float | None:
    """Choose what to wait before the next try, in seconds; None where there is to be none."""
    if pause_s is None:
        return None
    if isinstance(outcome, Dropped):
        return pause_s if twice else None
    is_idle = outcome.status == HTTPStatus.TOO_MANY_REQUESTS
    if outcome.status not in BUSY or not (twice or is_idle):
        return None
    asked_s = outcome.retry_after_s
    return pause_s if asked_s is None else asked_s
