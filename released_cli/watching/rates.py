"""How fast answers are given, from consecutive status documents. Pure: the clock is an argument.

A document only counts the last 24 hours, from which old answers leave while new ones come: what
grows from one document to the next is what came.
"""

from collections import deque
from dataclasses import dataclass, field

from released_cli.admin import Document

WINDOW_S = 60.0
"""Over what time a rate is taken."""

SETTLING_S = 5.0
"""Before so much time has been seen, a rate would be a guess."""


@dataclass(slots=True)
class Rates:
    """Answers a minute, of each client and of all, over the last minute that was seen."""

    counts: dict[int, int] | None = None
    started: float = 0.0
    seen: float = 0.0
    steps: deque[tuple[float, dict[int, int]]] = field(default_factory=deque)

    def add(self, document: Document, *, at: float) -> None:
        """Take the next document, read `at` seconds of a clock that only goes forward."""
        counts = {client["id"]: _count(client) for client in document["clients"]}
        if self.counts is None or at - self.seen > WINDOW_S:
            self.started = at
            self.steps.clear()
        else:
            earlier = self.counts
            grown = {
                key: count - earlier[key]
                for key, count in counts.items()
                if count > earlier.get(key, count)
            }
            self.steps.append((at, grown))
        self.counts, self.seen = counts, at
        while self.steps and self.steps[0][0] <= at - WINDOW_S:
            self.steps.popleft()

    def per_minute(self, client_id: int | None = None) -> float | None:
        """Give the rate of a client, or of all of them; None while too little has been seen."""
        span_s = min(self.seen - self.started, WINDOW_S)
        if span_s < SETTLING_S:
            return None
        total = sum(
            sum(grown.values()) if client_id is None else grown.get(client_id, 0)
            for _, grown in self.steps
        )
        return total * 60 / span_s


def _count(client: Document) -> int:
    return int(client["answers_24h"]) + int(client["unanswered_24h"])
