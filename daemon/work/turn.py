"""One turn of one conversation: claim, decide, ask, settle, send.

Owns the order of those steps and what a failure in each means. Decisions are `core.answering`'s,
transactions `core.turns`'s, the question `asking`'s and the sends `sender`'s.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from daemon.core import turns
from daemon.core.answering import Plan, is_suspect, plan_turn
from daemon.core.assistants.engine import Reply
from daemon.core.documents import fallback_of
from daemon.core.meta.outbound import compose_parts
from daemon.core.runtime import Runtime
from daemon.core.store.clients import Client
from daemon.core.store.conversations import HOUSE, LeaseLost
from daemon.core.store.engine import Connection
from daemon.core.store.faults import StoreUnavailable
from daemon.core.store.outbox import Outgoing
from daemon.core.store.turns import TurnRecord
from daemon.core.turns import Hand, HandedOver
from daemon.core.wording import confirm_start, confirm_stop
from daemon.metrics import Metrics
from daemon.tracing import bind
from daemon.work.asking import Asker
from daemon.work.bell import Bell, Key
from daemon.work.sender import Sender
from daemon.work.suspects import SuspectGate
from daemon.work.tally import tally_turn

log = logging.getLogger(__name__)

LEASE_MARGIN_S = 60.0
"""What a lease lasts beyond the answer deadline: what is not counted in it, and a few sends."""


class TurnRunner:
    """Runs the turns of all clients; called by the pool, one conversation at a time each."""

    def __init__(self, runtime: Runtime, sender: Sender, bell: Bell, metrics: Metrics) -> None:
        """Share the daemon's parts; own none of them."""
        self._store = runtime.store
        self._directory = runtime.directory
        self._engine = runtime.engine
        self._clock = runtime.clock
        self._settings = runtime.settings
        self._sender = sender
        self._bell = bell
        self._metrics = metrics
        self._asker = Asker(runtime, bell, metrics)
        self._suspects = SuspectGate()

    async def run(self, key: Key) -> None:
        """Do what a conversation needs now: send what is unsent, else answer what waits."""
        bind(client=key[0], conversation=key[1])
        client = self._directory.find(key[0])
        if client is None or (client.active and client.stopped_code is not None):
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
            self._suspects.leave(key)

    async def _claim(self, key: Key) -> Hand | None:
        """Claim a conversation; what may be killing the daemon is in work one at a time.

        A suspect that is left now is rung for by the sweeper.
        """
        hand = await self._lease(key, leave_suspects=True)
        if hand is None and self._suspects.enter(key):
            # Mostly there was nothing to claim; only a second look can tell that from a suspect.
            hand = await self._lease(key, leave_suspects=False)
            if hand is None or not is_suspect(hand.messages):
                self._suspects.leave(key)
        if hand is not None and hand.messages:
            waited_s = self._clock() - hand.messages[0].received_at
            self._metrics.waiting_seconds.observe(max(0.0, waited_s))
        return hand

    async def _lease(self, key: Key, *, leave_suspects: bool) -> Hand | None:
        crashed: set[int] = set()
        made: list[Hand] = []
        claim = partial(
            turns.claim,
            client_id=key[0],
            conversation_id=key[1],
            now=self._clock(),
            until=self._lease_end(),
            leave_suspects=leave_suspects,
            crashed=crashed,
        )

        def claim_and_tell(conn: Connection) -> Hand | None:
            hand = claim(conn)
            made[:] = [] if hand is None else [hand]
            return hand

        try:
            hand = await self._store.write_light(claim_and_tell)
        except asyncio.CancelledError:
            # It stands in line all the same, and is made before this is undone.
            await self._undo(made)
            raise
        if crashed:
            self._metrics.parked.labels("crashed").inc(len(crashed))
            facts = {"client": key[0], "conversation": key[1], "error": "crashed"}
            log.error("parked", extra=facts)
        return hand

    async def _work(self, key: Key, client: Client, hand: Hand) -> None:
        try:
            rows = hand.unsent or await self._answer(client, hand)
            step = await self._sender.send_all(hand, rows)
        except LeaseLost as lost:
            is_usual = isinstance(lost, HandedOver)
            line = "handed over in hand" if is_usual else "lease lost"
            facts = {"client": key[0], "conversation": key[1]}
            log.log(logging.INFO if is_usual else logging.WARNING, line, extra=facts)
            self._bell.wake(key)
            return
        except asyncio.CancelledError:
            await self._undo([hand])
            raise
        except StoreUnavailable:
            # No fault of the messages: it would park them like those that kill.
            with suppress(LeaseLost):
                await self._store.insist(partial(turns.give_back, hand=hand))
            raise
        except Exception:
            # The messages stay counted as tried: whatever this is, three times is enough.
            await self._store.insist(partial(turns.release, hand=hand))
            raise
        more = step.more
        if more is None:
            more = await self._store.insist(partial(turns.release, hand=hand))
        if more or step.after_s is not None:
            self._bell.wake(key, after_s=step.after_s or 0.0)

    async def _undo(self, hands: Sequence[Hand]) -> None:
        """Give back what a turn that is cancelled has claimed, as far as the database lets it."""

        def give_back(conn: Connection) -> None:
            for hand in hands:
                turns.give_back(conn, hand)

        with suppress(StoreUnavailable, LeaseLost):
            await asyncio.shield(self._store.write_light(give_back))

    async def _answer(self, client: Client, hand: Hand) -> tuple[Outgoing, ...]:
        """Do what the messages ask for; give what is to be sent for it, if anything is."""
        plan = plan_turn(
            hand.messages,
            active=client.active,
            looping=hand.looping,
            paused_by=hand.paused_by,
            now=self._clock(),
        )
        if plan.action != "ask":
            self._bell.refund((client.id, hand.conversation.id))
        if plan.action == "park":
            await self._park(hand, plan)
            return ()
        if plan.action == "ignore":
            await self._ignore(hand, plan)
            return ()
        if plan.action in ("stop", "start"):
            return await self._confirm(client, hand, plan)
        return await self._make_answer(client, hand, plan)

    async def _make_answer(self, client: Client, hand: Hand, plan: Plan) -> tuple[Outgoing, ...]:
        """Make the one answer to all that the customer wrote and put it in the outbox."""
        started = time.monotonic()
        assistant = await self._directory.assistant_of(client)
        reply, cause = await self._asker.ask_while_typing(client, hand, plan, assistant)
        if await self._is_stopped_meanwhile(hand):
            return ()
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
            now=self._clock(),
            until=self._lease_end(),
        )
        with self._metrics.settle_seconds.time():
            rows = await self._store.insist(settle)
        if rows:
            bind(turn=rows[0].turn_id)
        self._note(client, hand, record)
        return rows

    async def _is_stopped_meanwhile(self, hand: Hand) -> bool:
        """Drop the answer of who said stop while it was made: the next turn confirms that alone.

        Looked up only when they have written at all since then.
        """
        key = (hand.conversation.client_id, hand.conversation.id)
        if not self._bell.rang_again(key):
            return False
        return await self._store.insist(partial(turns.yield_to_stop, hand=hand))

    async def _park(self, hand: Hand, plan: Plan) -> None:
        cause = plan.cause or "unknown"
        await self._store.insist(partial(turns.park, hand=hand, error=cause, now=self._clock()))
        self._metrics.parked.labels(cause).inc()
        client_id = hand.conversation.client_id
        log.warning("parked", extra={"client": client_id, "error": cause})

    async def _ignore(self, hand: Hand, plan: Plan) -> None:
        """Leave it to whoever is in charge, or to nobody: nothing is shown, nothing is sent."""
        await self._store.insist(partial(turns.ignore, hand=hand, plan=plan, now=self._clock()))
        facts = {"client": hand.conversation.client_id, "conversation": hand.conversation.id}
        log.info("ignored", extra={**facts, "messages": len(hand.messages), "cause": plan.cause})

    async def _confirm(self, client: Client, hand: Hand, plan: Plan) -> tuple[Outgoing, ...]:
        """Do what the customer wishes of the bot, and tell them; no engine is asked."""
        assistant = await self._directory.assistant_of(client)
        stops = plan.action == "stop"
        record = TurnRecord(
            engine=HOUSE,
            assistant_version=assistant.version,
            reply=Reply("answered"),
            cause="stopped" if stops else "resumed",
            latency_ms=0,
        )
        settle = partial(
            turns.settle_wish,
            hand=hand,
            plan=plan,
            record=record,
            text=confirm_stop(client.locale) if stops else confirm_start(client.locale),
            now=self._clock(),
            until=self._lease_end(),
        )
        rows = await self._store.insist(settle)
        bind(turn=rows[0].turn_id)
        self._note(client, replace(hand, messages=plan.taken or hand.messages), record)
        return rows

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
