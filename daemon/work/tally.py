"""Counts what turns and sends came to; no message text and no customer is told apart here."""

from daemon.core.assistants.engine import EngineFailed
from daemon.core.store.turns import TurnRecord
from daemon.metrics import Metrics, fold_status


def tally_turn(metrics: Metrics, client_id: int, record: TurnRecord, *, messages: int) -> None:
    """Count one answer that is on disk, what it cost, and how many messages it is to."""
    reply, usage = record.reply, record.reply.usage
    metrics.turns.labels(record.engine, reply.outcome, record.cause or "none").inc()
    metrics.turn_seconds.observe(record.latency_ms / 1000)
    meters = metrics.of_client(client_id)
    meters.answers[reply.outcome].inc()
    meters.messages.inc(messages)
    if reply.handoff:
        meters.handoffs.inc()
    for kind, count in (
        ("input", usage.input_tokens),
        ("cached", usage.cached_tokens),
        ("output", usage.output_tokens),
    ):
        if count:
            meters.tokens[kind].inc(count)
    if usage.cost_usd:
        meters.cost.inc(usage.cost_usd)


def tally_failure(metrics: Metrics, failed: EngineFailed) -> None:
    """Count one call of the model that failed."""
    metrics.model_errors.labels(failed.cause, fold_status(failed.status)).inc()
