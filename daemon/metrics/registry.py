"""Every meter, its name and what it tells; made once for a process, and written out as text.

What a deactivated client had leaves with the next `keep_clients`.
"""

import math
import platform
from collections.abc import Collection, Iterable, Iterator

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from daemon.metrics.clients import ClientMeters
from daemon.metrics.labels import FAULTS, MODEL_ERRORS, OUTCOMES, PAUSES, SENDS, STAGES, WEBHOOKS
from daemon.metrics.process import Process

ACK_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
TURN_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 20.0, 30.0)
STAGE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0)
ANSWER_BUCKETS = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 30.0, 60.0, 300.0, 3600.0)
LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """One registry and all its meters; a process has one, a test as many as it likes."""

    def __init__(self, *, proc: str = "/proc") -> None:
        """Make every meter; labelled ones show up with their first value."""
        # Each counter would come with a second line that says when it was made.
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._of_client: dict[int, ClientMeters] = {}
        self._by_client: tuple[Counter | Gauge, ...] = ()
        Process(proc=proc, registry=self._registry)
        self._make_intake_meters()
        self._make_turn_meters()
        self._make_timers()
        self._make_client_counters()
        self._make_client_gauges()
        self._make_state_meters()
        self._make_machine_meters()

    def render(self) -> bytes:
        """Write all of it as Prometheus's text."""
        return b"".join(self.render_parts())

    def render_parts(self) -> Iterator[bytes]:
        """Write it a meter at a time: all of hundreds of clients would hold up who waits.

        On the event loop, because it would have to share Python's lock with a thread beside it.
        """
        for family in self._registry.collect():
            yield generate_latest(_Only(family))

    def expect_engine(self, name: str) -> None:
        """Show what may be counted of an engine as 0, so that the first time is seen as a step."""
        for outcome in OUTCOMES:
            self.turns.labels(name, outcome, "none")
        for cause in FAULTS:
            self.turns.labels(name, "unanswered", cause)

    def of_client(self, client_id: int) -> ClientMeters:
        """Get a client's own meters, made when there are none."""
        meters = self._of_client.get(client_id)
        if meters is None:
            meters = self._of_client[client_id] = ClientMeters(self, client_id)
        return meters

    def keep_clients(self, active: Collection[int]) -> None:
        """Drop what all other clients had."""
        for client_id in self._of_client.keys() - set(active):
            del self._of_client[client_id]
            for meter in self._by_client:
                meter.remove_by_labels({"client": str(client_id)})

    def count_webhook(self, status: int) -> None:
        """Count one webhook request by its answer; to look its label up costs more than that."""
        counter = self._webhooks.get(status)
        if counter is None:
            counter = self._webhooks[status] = self.webhooks.labels(str(status))
        counter.inc()

    def count_message(self, kind: str) -> None:
        """Count one message by its type, which is one of few."""
        counter = self._messages.get(kind)
        if counter is None:
            counter = self._messages[kind] = self.messages.labels(kind)
        counter.inc()

    def note_build(self, version: str) -> None:
        """Tell which version runs on which Python."""
        self.build.labels(version, platform.python_version()).set(1)

    def _make_intake_meters(self) -> None:
        self.webhooks = self._counter(
            "webhooks", "Webhook requests by the HTTP status they were answered with.", "status"
        )
        self._webhooks = {status: self.webhooks.labels(str(status)) for status in WEBHOOKS}
        self.messages = self._counter(
            "messages", "Messages delivered, repeated ones too, by type.", "type"
        )
        self._messages = {"text": self.messages.labels("text")}
        self.statuses = self._counter("statuses", "Delivery statuses taken in.", "status")
        for status in ("sent", "delivered", "read", "failed"):
            self.statuses.labels(status)
        self.unknown_number = self._counter(
            "unknown_number", "Messages and statuses for a number no active client has."
        )
        self.echoes = self._counter(
            "echoes", "Messages of owners, written in the WhatsApp Business app."
        )
        self.passed_over = self._counter(
            "passed_over", "Parts of webhooks that are none of our business or unreadable.", "what"
        )
        self.ack_seconds = self._histogram(
            "ack_seconds", "From a webhook's arrival to its answer.", ACK_BUCKETS
        )

    def _make_turn_meters(self) -> None:
        self.turns = self._counter(
            "turns", "Answers made, by engine, outcome and cause.", "engine", "outcome", "cause"
        )
        self.parked = self._counter(
            "parked", "Turns put aside for an operator; of crashed ones, messages.", "cause"
        )
        self.sends = self._counter("sends", "Messages to Meta by what came of it.", "outcome")
        for outcome in SENDS:
            self.sends.labels(outcome)
        self.graph_errors = self._counter("graph_errors", "Errors Meta answered with.", "code")
        self.client_stops = self._counter("client_stops", "Clients stopped, by error.", "code")
        self.model_errors = self._counter(
            "model_errors",
            "Calls of the model that failed, those that were tried again too.",
            "cause",
            "status",
        )
        for cause, answer in MODEL_ERRORS:
            self.model_errors.labels(cause, answer)
        self.purged = self._counter(
            "purged", "Rows that were too old to be kept, by what was done to them.", "what"
        )

    def _make_timers(self) -> None:
        self.turn_seconds = self._histogram(
            "turn_seconds", "From a turn's claim to its answer on disk.", TURN_BUCKETS
        )
        self.stage_seconds = self._histogram(
            "turn_stage_seconds", "What each stage of an answer took.", STAGE_BUCKETS, "stage"
        )
        stages = {stage: self.stage_seconds.labels(stage) for stage in STAGES}
        self.waiting_seconds, self.model_seconds = stages["waiting"], stages["model"]
        self.settle_seconds, self.send_seconds = stages["settle"], stages["send"]
        self.answer_seconds = self._histogram(
            "answer_seconds",
            "From the first message of a turn to Meta's acceptance of the whole answer.",
            ANSWER_BUCKETS,
        )

    def _make_client_counters(self) -> None:
        self.client_answers = self._counter(
            "client_answers", "Answers made, by client and outcome.", "client", "outcome"
        )
        self.client_messages = self._counter(
            "client_messages", "Messages that an answer was made to, by client.", "client"
        )
        self.client_handoffs = self._counter(
            "client_handoffs", "Answers to customers who asked for a person, by client.", "client"
        )
        self.tokens = self._counter("model_tokens", "Tokens of the model.", "client", "kind")
        self.cost = self._counter("model_cost_usd", "What the model cost.", "client")
        self.rate_wait = self._counter(
            "model_rate_wait_seconds",
            "Seconds held back by OPENAI_RPS_PER_CLIENT, or by Meta's own limits.",
            "client",
        )
        self._by_client += (
            self.client_answers,
            self.client_messages,
            self.client_handoffs,
            self.tokens,
            self.cost,
            self.rate_wait,
        )

    def _make_client_gauges(self) -> None:
        self.client_info = self._gauge(
            "client_info", "Always 1; the label is the client's name.", "client", "name"
        )
        self.client_stopped = self._gauge(
            "client_stopped", "1 while a client's sends are stopped, else 0.", "client"
        )
        self.client_pending = self._gauge(
            "client_inbox_pending", "A client's messages not done yet.", "client"
        )
        self.client_oldest = self._gauge(
            "client_inbox_oldest_seconds", "Age of the oldest of them.", "client"
        )
        self.client_parked = self._gauge(
            "client_inbox_parked", "A client's messages that wait for an operator.", "client"
        )
        self.client_last_message = self._gauge(
            "client_last_message_timestamp_seconds", "When a client was last written to.", "client"
        )
        self.token_days_left = self._gauge(
            "access_token_days_left", "Days until a client's access token ends.", "client"
        )
        self.number_quality = self._gauge(
            "number_quality", "Always 1; the label is what Meta says.", "client", "quality"
        )
        self._by_client += (
            self.client_info,
            self.client_stopped,
            self.client_pending,
            self.client_oldest,
            self.client_parked,
            self.client_last_message,
            self.token_days_left,
            self.number_quality,
        )

    def _make_state_meters(self) -> None:
        self.healthy = self._gauge("healthy", "1 while messages can be kept and answered.")
        self.inbox_pending = self._gauge("inbox_pending", "Messages not done yet.")
        self.inbox_oldest = self._gauge("inbox_oldest_seconds", "Age of the oldest of them.")
        self.inbox_parked = self._gauge("inbox_parked", "Messages that wait for an operator.")
        self.clients = self._gauge("clients", "Clients by what they are.", "state")
        self.clients_stopped = self._gauge("clients_stopped", "Clients whose sends are stopped.")
        self.paused = self._gauge(
            "conversations_paused", "Conversations in which the bot says nothing.", "cause"
        )
        for cause in PAUSES:
            self.paused.labels(cause)
        self.workers = self._gauge("workers", "Conversations that may be in work at once.")
        self.busy = self._gauge("workers_busy", "Conversations in work.")
        self.doorbell = self._gauge(
            "doorbell_conversations", "Conversations that rest, stand in line or are in work."
        )

        self.writes_waiting = self._gauge(
            "writes_waiting", "Jobs that wait for the database's one writer; 503 from 4096 on."
        )

    def _make_machine_meters(self) -> None:
        self.build = self._gauge(
            "build_info", "Always 1; the labels are the versions.", "version", "python"
        )
        self.started = self._gauge("start_timestamp_seconds", "When this daemon was started.")
        self.loop_lag = self._histogram(
            "event_loop_lag_seconds", "How late the event loop wakes who asked for it.", LAG_BUCKETS
        )
        self.write_seconds = self._histogram(
            "probe_write_seconds", "What a small write took to be on disk.", ACK_BUCKETS
        )
        self.database_bytes = self._gauge("database_bytes", "Size of the database file.")
        self.wal_bytes = self._gauge("database_wal_bytes", "Size of its write-ahead log.")
        self.disk_free = self._gauge("disk_free_bytes", "What is free on the database's disk.")
        self.disk_size = self._gauge("disk_size_bytes", "Size of the database's disk.")
        self.last_backup = self._gauge(
            "last_backup_timestamp_seconds",
            "When the newest backup in BACKUP_DIR was made; 0 is never, NaN without BACKUP_DIR.",
        )
        self.certificate_days_left = self._gauge(
            "certificate_days_left", "Days until the one in TLS_CERT_FILE ends; NaN without one."
        )
        # 0 would be a fact, and an alert.
        for unknown in (self.disk_free, self.disk_size, self.last_backup):
            unknown.set(math.nan)
        self.certificate_days_left.set(math.nan)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"released_{name}", text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"released_{name}", text, labels, registry=self._registry)

    def _histogram(
        self, name: str, text: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return Histogram(f"released_{name}", text, labels, buckets=buckets, registry=self._registry)


class _Only(Collector):
    """One meter as a registry of its own."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterable[Metric]:
        return (self._family,)
