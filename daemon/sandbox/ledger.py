"""What the sandbox accepted and how often things happened, for tests to look up.

Owns the list and the counters; decides nothing.
"""

import asyncio
from collections import Counter, deque
from typing import Any

from daemon.sandbox.bells import Bells

MAX_ACCEPTED = 10_000
"""Accepted messages kept; the counters go on."""

COUNTED = (
    "sends",
    "accepted",
    "refused",
    "struck",
    "reads",
    "typing",
    "webhooks_posted",
    "webhooks_acknowledged",
    "webhooks_repeated",
    "webhooks_given_up",
    "exchanges",
)
"""`sends` are well-formed ones; `refused` are all calls answered with an error; `struck` are sends
that hung, broke off before they were accepted, or got a page. `webhooks_posted` counts every POST,
repetitions and copies too."""

_BELL = "ledger"


class Ledger:
    """Accepted sends in order, and counters since the start or the last reset."""

    def __init__(self, bells: Bells) -> None:
        self._bells = bells
        self._accepted: deque[dict[str, Any]] = deque(maxlen=MAX_ACCEPTED)
        self._counters: Counter[str] = Counter()

    def count(self, name: str) -> None:
        """Count one more."""
        self._counters[name] += 1

    def accept(self, record: dict[str, Any]) -> None:
        """Keep an accepted send."""
        self._accepted.append(record)
        self.count("accepted")
        self._bells.ring(_BELL)

    def reset(self) -> None:
        """Forget all of it."""
        self._accepted.clear()
        self._counters.clear()

    def as_json(self) -> dict[str, Any]:
        """Give the list and the counters as `GET /sandbox/accepted` shows them."""
        return {
            "accepted": list(self._accepted),
            "counters": {name: self._counters[name] for name in COUNTED},
        }

    async def wait_for(self, accepted: int, *, timeout_s: float) -> None:
        """Wait until so many were accepted since the reset, or the time is up."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while self._counters["accepted"] < accepted and loop.time() < deadline:
            if not await self._bells.wait(_BELL, deadline - loop.time()):
                return
