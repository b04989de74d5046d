"""One turn of one conversation: claim, decide, ask, settle, send.

Owns the order of those steps and what a failure in each means. Decisions are `core.answering`'s,
transactions `core.turns`'s, and the sends `sender`'s.
"""

import asyncio
import hashlib
import hmac
import logging
import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from daemon.core import turns
from daemon.core.answering import Plan, is_suspect, plan_turn
from daemon.core.assistants.engine import (
    AssistantVersion,
    EngineFailed,
    Question,
    Reply,
)
from daemon.core.documents import fallback_of
from daemon.core.errors import ReleasedError
from daemon.core.meta.outbound import compose_parts
from daemon.core.runtime import Runtime
from daemon.core.schedule import describe_situation
from daemon.core.store.clients import Client
from daemon.core.store.conversations import Conversation, LeaseLost
from daemon.core.store.faults import StoreUnavailable
from daemon.core.store.outbox import Outgoing
from daemon.core.store.turns import TurnRecord
from daemon.core.turns import Hand
from daemon.metrics import Metrics
from daemon.tracing import bind
from daemon.work.bell import Bell, Key
from daemon.work.sender import Sender
from daemon.work.tally import tally_failure, tally_turn

log = logging.getLogger(__name__)

LEASE_MARGIN_S = 60.0
"""What a lease lasts beyond the answer deadline: read and typing, and a few sends."""


class TurnRunner:
    """Runs the turns of all clients; called by the pool, one conversation at a time each."""

    def __init__(self, runtime: Runtime, sender: Sender, bell: Bell, metrics: Metrics) -> None:
        """Share the daemon's parts; own none of them."""
        self._store = runtime.store
        self._directory = runtime.directory
        self._engine = runtime.engine
        self._graph = runtime.graph
        self._clock = runtime.clock
        self._settings = runtime.settings
        self._sender = sender
        self._bell = bell
        self._metrics = metrics
        self._suspect: Key | None = None

    async def run(self, key: Key) -> None:
        """Do what a conversation needs now: send what is unsent, else answer what waits."""
        bind(client=key[0], conversation=key[1])
        client = self._directory.find(key[0])
        if client is None or client.stopped_code is not None:
            self._bell.refund(key)
            return
        try:
            hand = await self._claim(key)
            if hand is None or hand.unsent:
                self._bell.refund(key)
            if hand is not None:
                _bind_message(hand)
                await self._work(key, client, hand)
        finally:
            if self._suspect == key:
                self._suspect = None

    async def _claim(self, key: Key) -> Hand | None:
        """Claim a conversation; what may be killing the daemon is in work one at a time.

        A suspect that is left now is rung for by the sweeper.
        """
        is_only = self._suspect is None
        if is_only:
            self._suspect = key
        hand = await self._store.write_light(
            partial(
                turns.claim,
                client_id=key[0],
                conversation_id=key[1],
                now=self._clock(),
                until=self._lease_end(),
                leave_suspects=not is_only,
            )
        )
        if is_only and (hand is None or not is_suspect(hand.messages)):
            self._suspect = None
        if hand is not None and hand.messages:
            waited_s = self._clock() - hand.messages[0].received_at
            self._metrics.waiting_seconds.observe(max(0.0, waited_s))
        return hand

    async def _work(self, key: Key, client: Client, hand: Hand) -> None:
        try:
            rows = hand.unsent or await self._answer(client, hand)
            progress = await self._sender.send_all(hand, rows)
        except LeaseLost:
            log.warning("lease lost", extra={"client": key[0], "conversation": key[1]})
            self._bell.wake(key)
            return
        except asyncio.CancelledError:
            with suppress(StoreUnavailable, LeaseLost):
                await asyncio.shield(self._store.write_light(partial(turns.give_back, hand=hand)))
            raise
        except Exception:
            # The messages stay counted as tried: whatever this is, three times is enough.
            await self._store.insist(partial(turns.release, hand=hand))
            raise
        more = progress.more
        if more is None:
            more = await self._store.insist(partial(turns.release, hand=hand))
        if more or progress.after_s is not None:
            self._bell.wake(key, after_s=progress.after_s or 0.0)

    async def _answer(self, client: Client, hand: Hand) -> tuple[Outgoing, ...]:
        """Make the one answer to all that the customer wrote and put it in the outbox."""
        started = time.monotonic()
        plan = plan_turn(
            hand.messages, active=client.active, looping=hand.looping, now=self._clock()
        )
        if plan.action != "ask":
            self._bell.refund((client.id, hand.conversation.id))
        if plan.action == "park":
            await self._park(hand, plan)
            return ()
        assistant = await self._directory.assistant_of(client)
        reply, cause = await self._ask_while_typing(client, hand, plan, assistant)
        record = TurnRecord(
            engine=self._engine.name,
            assistant_version=assistant.version,
            reply=reply,
            cause=cause,
            latency_ms=round((time.monotonic() - started) * 1000),
        )
        text = fallback_of(client) if reply.outcome == "unanswered" else reply.text
        first = hand.conversation.welcomed_at is None
        settle = partial(
            turns.settle,
            hand=hand,
            record=record,
            parts=compose_parts(client.welcome_message if first else None, text),
            welcomed=first,
            now=self._clock(),
            until=self._lease_end(),
        )
        with self._metrics.settle_seconds.time():
            rows = await self._store.insist(settle)
        if rows:
            bind(turn=rows[0].turn_id)
        self._note(client, hand, record)
        return rows

    async def _ask_while_typing(
        self, client: Client, hand: Hand, plan: Plan, assistant: AssistantVersion
    ) -> tuple[Reply, str | None]:
        """Show read and typing while the engine works; both end before anything is sent."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._show_typing(client, hand))
            if plan.action == "fallback":
                return Reply("unanswered"), plan.cause
            question = self._question(client, hand, plan, assistant)
            try:
                with self._metrics.model_seconds.time():
                    async with asyncio.timeout(self._settings.answer_deadline_seconds):
                        return await self._engine.answer(question), None
            except TimeoutError:
                failed = EngineFailed("timeout", "The model gave no answer in time.")
            except EngineFailed as error:
                failed = error
        tally_failure(self._metrics, failed)
        level = logging.ERROR if failed.alert else logging.WARNING
        log.log(level, "engine failed", extra={"client": client.id, "cause": failed.cause})
        return Reply("unanswered", usage=failed.usage), failed.cause

    def _question(
        self, client: Client, hand: Hand, plan: Plan, assistant: AssistantVersion
    ) -> Question:
        return Question(
            client_id=client.id,
            assistant=assistant,
            text=plan.text,
            situation=describe_situation(
                now=datetime.fromtimestamp(self._clock(), UTC),
                timezone=client.timezone,
                business_hours=client.business_hours,
                locale=client.locale,
            ),
            locale=client.locale,
            customer_hash=self._hash_customer(hand.conversation),
            history=hand.history,
            pace=partial(self._pace, client.id),
            heed=partial(tally_failure, self._metrics),
        )

    async def _pace(self, client_id: int) -> None:
        await asyncio.sleep(self._bell.reserve(client_id))

    def _hash_customer(self, conversation: Conversation) -> str:
        """Name a customer to a vendor so that only we could tell who it is."""
        identity = f"{conversation.client_id}:{conversation.customer.key}".encode()
        key = self._settings.hash_key
        return hmac.new(key, identity, hashlib.sha256).hexdigest()[:32]

    async def _show_typing(self, client: Client, hand: Hand) -> None:
        token = self._settings.token_for(client.access_token)
        if token is None:
            return
        try:
            await self._graph.show_read_and_typing(
                phone_number_id=client.phone_number_id,
                access_token=token,
                wamid=hand.messages[-1].wamid,
            )
        except ReleasedError as refused:
            # A courtesy: the send that follows meets the same trouble and deals with it.
            log.debug("typing not shown", extra={"client": client.id, "error": str(refused)})

    async def _park(self, hand: Hand, plan: Plan) -> None:
        cause = plan.cause or "unknown"
        await self._store.insist(partial(turns.park, hand=hand, error=cause, now=self._clock()))
        self._metrics.parked.labels(cause).inc()
        client_id = hand.conversation.client_id
        log.warning("parked", extra={"client": client_id, "error": cause})

    def _note(self, client: Client, hand: Hand, record: TurnRecord) -> None:
        tally_turn(self._metrics, client.id, record, messages=len(hand.messages))
        log.info(
            "turn",
            extra={
                "client": client.id,
                "conversation": hand.conversation.id,
                "messages": len(hand.messages),
                "outcome": record.reply.outcome,
                "cause": record.cause,
                "latency_ms": record.latency_ms,
            },
        )

    def _lease_end(self) -> float:
        return self._clock() + self._settings.answer_deadline_seconds + LEASE_MARGIN_S


def _bind_message(hand: Hand) -> None:
    """Name a turn that has no id yet by the newest message it answers."""
    if hand.messages:
        bind(inbox=hand.messages[-1].id)
    log.debug("claimed", extra={"messages": len(hand.messages), "unsent": len(hand.unsent)})
