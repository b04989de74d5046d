"""The meters of one client. Which there are, and when they go, is `registry`'s."""

from typing import TYPE_CHECKING

from prometheus_client import Gauge

from daemon.metrics.labels import OUTCOMES, QUALITIES, TOKEN_KINDS

if TYPE_CHECKING:
    from daemon.metrics.registry import Metrics


class ClientMeters:
    """The meters of one client, bound once: looking a label up costs more than counting."""

    __slots__ = (
        "_client",
        "_metrics",
        "_said",
        "answers",
        "cost",
        "handoffs",
        "last_message",
        "messages",
        "oldest",
        "parked",
        "pending",
        "rate_wait",
        "stopped",
        "tokens",
    )

    def __init__(self, metrics: "Metrics", client_id: int) -> None:
        """Bind them; they show up in /metrics at once, with 0, so that no first step is missed."""
        self._metrics = metrics
        self._client = client = str(client_id)
        self._said: dict[Gauge, str] = {}
        self.answers = {word: metrics.client_answers.labels(client, word) for word in OUTCOMES}
        self.messages = metrics.client_messages.labels(client)
        self.handoffs = metrics.client_handoffs.labels(client)
        self.tokens = {kind: metrics.tokens.labels(client, kind) for kind in TOKEN_KINDS}
        self.cost = metrics.cost.labels(client)
        self.rate_wait = metrics.rate_wait.labels(client)
        self.stopped = metrics.client_stopped.labels(client)
        self.pending = metrics.client_pending.labels(client)
        self.oldest = metrics.client_oldest.labels(client)
        self.parked = metrics.client_parked.labels(client)
        self.last_message = metrics.client_last_message.labels(client)

    def note_name(self, name: str) -> None:
        """Tell what the client is called."""
        self._say(self._metrics.client_info, name)

    def note_token_days(self, days: float) -> None:
        """Tell how many days the client's access token still works; inf for one without an end."""
        self._metrics.token_days_left.labels(self._client).set(days)

    def note_quality(self, rating: str | None) -> None:
        """Tell Meta's `quality_rating` of the client's number; None where Meta did not say."""
        word = (rating or "").lower()
        self._say(self._metrics.number_quality, word if word in QUALITIES else "unknown")

    def _say(self, meter: Gauge, word: str) -> None:
        """Let the word be the meter's only one for this client."""
        former = self._said.get(meter)
        if former == word:
            return
        if former is not None:
            meter.remove(self._client, former)
        meter.labels(self._client, word).set(1)
        self._said[meter] = word
