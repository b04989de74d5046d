"""Sends what the outbox holds, and writes down at each step how far it came.

Owns the order of those steps and what each of Meta's refusals means for the message, its
conversation and its client. What a step changes in the database is `daemon.core.sending`'s.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from daemon.core import sending, turns
from daemon.core.answering import is_window_closed
from daemon.core.clients import stop_client
from daemon.core.meta.client import NotSent, SendInDoubt, SendRefused
from daemon.core.meta.codes import NO_TOKEN, Remedy, describe, retry_delay
from daemon.core.meta.outbound import build_text
from daemon.core.runtime import Runtime
from daemon.core.sending import Begun
from daemon.core.store import inbox
from daemon.core.store.clients import Client, find_client
from daemon.core.store.engine import Connection
from daemon.core.store.outbox import IN_DOUBT, Outgoing
from daemon.core.turns import Hand
from daemon.metrics import Metrics, fold_code
from daemon.tracing import bind
from daemon.work.throttle import Hold, Throttle

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """How far the sends of a hand came with one message.

    `goes_on`: what follows it may be sent. `after_s`: the seconds after which to try again where it
    may not, None when there is nothing to wait for. `more`: whether messages wait in the
    conversation, which was given back with the last send; None while the hand still holds it.
    """

    goes_on: bool = False
    after_s: float | None = None
    more: bool | None = None


class Sender:
    """Brings answers to Meta, one conversation's in order."""

    def __init__(
        self, runtime: Runtime, metrics: Metrics, throttle: Throttle, *, jitter: Callable[[], float]
    ) -> None:
        """Take `jitter` as a source of factors from 0.5 to 1.5."""
        self._store = runtime.store
        self._directory = runtime.directory
        self._graph = runtime.graph
        self._clock = runtime.clock
        self._settings = runtime.settings
        self._metrics = metrics
        self._throttle = throttle
        self._jitter = jitter

    async def send_all(self, hand: Hand, rows: tuple[Outgoing, ...]) -> Step:
        """Send in order as far as it goes."""
        step = Step(goes_on=True)
        for row in rows:
            step = await self._send(hand, row, is_last=row is rows[-1])
            if not step.goes_on:
                break
        return step

    async def _send(self, hand: Hand, row: Outgoing, *, is_last: bool) -> Step:
        """Send one, and after the last give the conversation back."""
        bind(turn=row.turn_id)
        client = self._directory.find(row.client_id)
        if client is None or not client.active:
            return await self._give_up(row, "client_inactive")
        if client.stopped_code is not None:
            return Step()
        held = await self._hold_if_early(hand, row)
        if held is not None:
            return held
        token = self._settings.token_for(client.access_token)
        if token is None:
            return await self._stop(row, code=NO_TOKEN, token="")
        if self._throttle.is_held(client.id):
            # Rung for at once: it waits in its client's line, where the bell ends the hold.
            return Step(after_s=0.0)
        return await self._try(hand, row, client, token, is_last=is_last)

    async def _hold_if_early(self, hand: Hand, row: Outgoing) -> Step | None:
        """Find the reason in the message's own past why it is not to be sent now."""
        now = self._clock()
        if row.due_at > now:
            return Step(after_s=row.due_at - now)
        if row.state == "sending":
            # Its worker lost the lease in the middle: whether Meta has it, only a status can tell.
            return await self._doubt(row, sending.LEASE_LOST)
        if row.attempts >= self._settings.retry_limit:
            # The last send too was given its time for a status; a daemon that died over it counts.
            # Doubt stands as its error too. Any other was met before RETRY_LIMIT was lowered.
            return await self._give_up(row, row.error or IN_DOUBT)
        if is_window_closed(hand.last_wrote_at, now=now):
            return await self._give_up(row, "expired")
        return None

    async def _try(
        self, hand: Hand, row: Outgoing, client: Client, token: str, *, is_last: bool
    ) -> Step:
        """Hand one to Meta, and write down what Meta made of it."""
        entered = self._throttle.enter(client.id)
        begun = await self._store.write_light(partial(sending.begin, row=row))
        if begun is not Begun.OURS:
            # When another turn has it, what follows in the conversation is for that turn to send.
            return Step(goes_on=begun is Begun.SETTLED)
        try:
            wamid = await self._deliver(hand, row, client, token)
        except NotSent:
            return await self._retry(row, "not_sent", None)
        except SendInDoubt:
            return await self._doubt(row, IN_DOUBT)
        except SendRefused as refused:
            return await self._refused(row, refused, token, entered)
        self._throttle.note_accepted(client.id, entered)
        return await self._accepted(hand, row, wamid, is_last=is_last)

    async def _deliver(self, hand: Hand, row: Outgoing, client: Client, token: str) -> str | None:
        payload = build_text(to=hand.conversation.customer, text=row.text or "", callback_id=row.id)
        with self._metrics.send_seconds.time():
            return await self._graph.send_message(
                phone_number_id=client.phone_number_id, access_token=token, payload=payload
            )

    async def _accepted(
        self, hand: Hand, row: Outgoing, wamid: str | None, *, is_last: bool
    ) -> Step:
        now = self._clock()

        def record(conn: Connection) -> tuple[bool | None, float | None]:
            sending.accepted(conn, row, wamid=wamid, now=now)
            if not is_last:
                return None, None
            return turns.release(conn, hand), _first_received_at(conn, hand, row)

        more, arrived_at = await self._store.insist(record)
        if arrived_at is not None:
            self._metrics.answer_seconds.observe(max(0.0, now - arrived_at))
        self._note(row, "accepted", None)
        return Step(goes_on=True, more=more)

    async def _refused(
        self, row: Outgoing, refused: SendRefused, token: str, entered: Hold | None
    ) -> Step:
        self._metrics.graph_errors.labels(fold_code(refused.code)).inc()
        if refused.remedy is Remedy.THROTTLED:
            self._throttle.note_refused(row.client_id, entered, retry_after_s=refused.retry_after_s)
        if refused.remedy in (Remedy.RETRY, Remedy.THROTTLED):
            return await self._retry(row, str(refused.code), refused.retry_after_s)
        if refused.remedy is Remedy.NEVER:
            return await self._give_up(row, str(refused.code))
        return await self._stop(row, code=refused.code, token=token)

    async def _retry(self, row: Outgoing, error: str, retry_after_s: float | None) -> Step:
        attempts = row.attempts + 1
        if attempts >= self._settings.retry_limit:
            return await self._give_up(row, error)
        delay = retry_delay(
            attempts, base_s=self._settings.retry_base_seconds, jitter=self._jitter()
        )
        delay = max(delay, retry_after_s or 0.0)
        due_at = self._clock() + delay
        await self._store.insist(partial(sending.postpone, row=row, error=error, due_at=due_at))
        self._note(row, "retry", error)
        return Step(after_s=delay)

    async def _doubt(self, row: Outgoing, error: str) -> Step:
        delay = self._settings.in_doubt_seconds
        due_at = self._clock() + delay
        await self._store.insist(partial(sending.doubt, row=row, error=error, due_at=due_at))
        self._note(row, "in_doubt", error)
        return Step(after_s=delay)

    async def _give_up(self, row: Outgoing, error: str) -> Step:
        if await self._store.insist(partial(sending.give_up, row=row, error=error)):
            self._metrics.parked.labels(fold_code(error)).inc()
            self._note(row, "parked", error)
        # Nothing to wait for: what the customer wrote after it is answered in a turn of its own.
        return Step()

    async def _stop(self, row: Outgoing, *, code: int, token: str) -> Step:
        now = self._clock()

        def stop(conn: Connection) -> bool:
            sending.hold_back(conn, row, error=str(code), now=now)
            client = find_client(conn, row.client_id)
            if client is None or (self._settings.token_for(client.access_token) or "") != token:
                # A new token was stored while Meta refused the old one.
                return False
            stop_client(conn, row.client_id, code=code, access_token=token, now=now)
            return True

        stopped = await self._store.insist(stop)
        await self._directory.refresh()
        if not stopped:
            return Step(after_s=0.0)
        self._metrics.client_stops.labels(fold_code(code)).inc()
        facts = {"client": row.client_id, "error": str(code), "reason": describe(code)}
        log.error("client stopped", extra=facts)
        return Step()

    def _note(self, row: Outgoing, outcome: str, error: str | None) -> None:
        self._metrics.sends.labels(outcome).inc()
        log.info(
            "send",
            extra={
                "client": row.client_id,
                "conversation": row.conversation_id,
                "turn": row.turn_id,
                "outbox": row.id,
                "attempt": row.attempts + 1,
                "outcome": outcome,
                "error": error,
            },
        )


def _first_received_at(conn: Connection, hand: Hand, row: Outgoing) -> float | None:
    """Tell since when the customer waits: looked up for an answer that an earlier turn made."""
    if hand.messages:
        return hand.messages[0].received_at
    return inbox.first_received_at(conn, client_id=row.client_id, turn_id=row.turn_id)
