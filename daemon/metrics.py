"""What is counted, in Prometheus's form.

A label holds a client's id, a code of Meta's, or one of a small known set of words.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST

ACK_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
TURN_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 20.0, 30.0)


class Metrics:
    """One registry and all its meters; a process has one, a test as many as it likes."""

    def __init__(self) -> None:
        """Make every meter; labelled ones show up with their first value."""
        self._registry = CollectorRegistry()
        self.webhooks = self._counter(
            "webhooks", "Webhook requests by the HTTP status they were answered with.", "status"
        )
        self.messages = self._counter(
            "messages", "Messages delivered, repeated ones too, by type.", "type"
        )
        self.statuses = self._counter("statuses", "Delivery statuses taken in.", "status")
        self.unknown_number = self._counter(
            "unknown_number", "Messages and statuses for a number no active client has."
        )
        self.passed_over = self._counter(
            "passed_over", "Parts of webhooks that are none of our business or unreadable.", "what"
        )
        self.turns = self._counter(
            "turns", "Answers made, by engine, outcome and cause.", "engine", "outcome", "cause"
        )
        self.parked = self._counter("parked", "Turns put aside for an operator.", "cause")
        self.sends = self._counter("sends", "Messages to Meta by what came of it.", "outcome")
        self.graph_errors = self._counter("graph_errors", "Errors Meta answered with.", "code")
        self.client_stops = self._counter("client_stops", "Clients stopped, by error.", "code")
        self.tokens = self._counter("model_tokens", "Tokens of the model.", "client", "kind")
        self.cost = self._counter("model_cost_usd", "What the model cost.", "client")
        self.purged = self._counter(
            "purged", "Rows that were too old to be kept, by what was done to them.", "what"
        )
        self.ack_seconds = self._histogram(
            "ack_seconds", "From a webhook's arrival to its answer.", ACK_BUCKETS
        )
        self.turn_seconds = self._histogram(
            "turn_seconds", "From a turn's claim to its answer on disk.", TURN_BUCKETS
        )
        self.inbox_pending = self._gauge("inbox_pending", "Messages not done yet.")
        self.inbox_oldest = self._gauge("inbox_oldest_seconds", "Age of the oldest of them.")
        self.inbox_parked = self._gauge("inbox_parked", "Messages that wait for an operator.")
        self.clients_stopped = self._gauge("clients_stopped", "Clients whose sends are stopped.")
        self.busy = self._gauge("workers_busy", "Conversations in work.")
        self.build = self._gauge("build_info", "Always 1; the label is the version.", "version")

    def render(self) -> bytes:
        """Write all of it as Prometheus's text."""
        return generate_latest(self._registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"released_{name}", text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"released_{name}", text, labels, registry=self._registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"released_{name}", text, buckets=buckets, registry=self._registry)
