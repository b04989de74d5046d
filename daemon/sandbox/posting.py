"""Posting signed webhooks, and repeating those that were not answered 200.

Owns the HTTP client, the retries and what is known of the other side's health. What a webhook says
is `webhooks.py`'s.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from daemon.core.meta.wire import sign_body
from daemon.sandbox.config import SandboxConfig
from daemon.sandbox.events import Event
from daemon.sandbox.faults import FaultBox
from daemon.sandbox.ledger import Ledger
from daemon.sandbox.tasks import Tasks
from daemon.sandbox.webhooks import encode_body, find_field

MAX_CONNECTIONS = 200
"""Meta delivers concurrently (whatsapp.md, Webhook, read 2026-11); ours is bounded."""

PROBE_TIMEOUT_S = 1
"""How long a look whether anybody listens may take; it is a loopback connection as a rule."""

OK = 200


@dataclass(frozen=True, slots=True)
class Delivery:
    """How one POST ended; `status` None: no answer at all."""

    status: int | None

    @property
    def acknowledged(self) -> bool:
        """Only 200 counts."""
        return self.status == OK


class Poster:
    """Signs, posts and repeats; `open` before use, `close` after."""

    def __init__(
        self,
        config: SandboxConfig,
        *,
        faults: FaultBox,
        ledger: Ledger,
        publish: Callable[[Event], None],
    ) -> None:
        self._config = config
        self._faults = faults
        self._ledger = ledger
        self._publish = publish
        self._session: aiohttp.ClientSession | None = None
        self._tasks = Tasks()
        self._last: Delivery | None = None

    def open(self) -> None:
        """Make the HTTP client; needs the running loop."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS),
            timeout=aiohttp.ClientTimeout(total=self._config.pace.webhook_timeout_s),
        )

    async def close(self) -> None:
        """Stop repeating and give back connections."""
        await self._tasks.close()
        if self._session is not None:
            await self._session.close()

    async def deliver(
        self, document: dict[str, Any], *, on_acknowledged: Callable[[], None] | None = None
    ) -> Delivery:
        """Post a webhook, its copies beside it, and say how the first POST ended.

        One that was not answered 200 is repeated in the background. `on_acknowledged` is called
        once, when the webhook is answered 200. What the app is not subscribed to is not posted.
        """
        if not self._is_subscribed(document):
            return Delivery(None)
        raw = encode_body(document)
        copies = self._faults.current.duplicate_webhooks
        delivery, *_ = await asyncio.gather(*(self._post(raw) for _ in range(copies + 1)))
        if delivery.acknowledged:
            _call(on_acknowledged)
        elif len(self._tasks) < self._config.pace.max_repeating:
            self._tasks.spawn(self._repeat(raw, on_acknowledged))
        else:
            self._ledger.count("webhooks_given_up")
        return delivery

    async def look(self) -> None:
        """Find out whether anybody listens, without posting anything."""
        url = urlsplit(self._config.webhook_url)
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                _, writer = await asyncio.open_connection(url.hostname, port)
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError):
            self._note(Delivery(None))
            return
        if self._last is not None and self._last.status is None:
            self._note(None)

    def describe(self) -> dict[str, Any]:
        """Give the webhook's health: its URL, the last status, one line on what is wrong."""
        return {
            "url": self._config.webhook_url,
            "status": self._last.status if self._last else None,
            "problem": _explain(self._config.webhook_url, self._last),
        }

    def _is_subscribed(self, document: dict[str, Any]) -> bool:
        faults = self._faults.current
        if faults.webhook_state != "active":
            return False
        return not faults.missing_fields or find_field(document) not in faults.missing_fields

    async def _repeat(self, raw: bytes, on_acknowledged: Callable[[], None] | None) -> None:
        for pause_s in self._config.pace.retry_pauses_s:
            await asyncio.sleep(pause_s)
            self._ledger.count("webhooks_repeated")
            if (await self._post(raw)).acknowledged:
                _call(on_acknowledged)
                return
        self._ledger.count("webhooks_given_up")

    async def _post(self, raw: bytes) -> Delivery:
        delivery = Delivery(await self._send(raw))
        self._ledger.count("webhooks_posted")
        if delivery.acknowledged:
            self._ledger.count("webhooks_acknowledged")
        self._note(delivery)
        return delivery

    async def _send(self, raw: bytes) -> int | None:
        if self._session is None:
            raise RuntimeError("the poster is not open")
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "facebookexternalua",
            "X-Hub-Signature-256": sign_body(self._config.app_secret, raw),
        }
        try:
            async with self._session.post(
                self._config.webhook_url, data=raw, headers=headers, allow_redirects=False
            ) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None

    def _note(self, delivery: Delivery | None) -> None:
        before = self.describe()
        self._last = delivery
        if self.describe() != before:
            self._publish({"type": "webhook", "webhook": self.describe()})


def _call(function: Callable[[], None] | None) -> None:
    if function is not None:
        function()


def _explain(url: str, last: Delivery | None) -> str | None:
    if last is None or last.acknowledged:
        return None
    if last.status is None:
        return f"The webhook answers nothing at {url}: is released-daemon running?"
    if last.status in {401, 403}:
        return (
            f"The webhook at {url} answered {last.status}:"
            " is META_APP_SECRET the same here and in released-daemon?"
        )
    return f"The webhook at {url} answered {last.status}: the message is posted again."
