"""Gets the answer to what a customer wrote, while WhatsApp shows them that it was read.

Owns the question, the deadline and what becomes of an engine that fails. It decides nothing of what
is done with the answer and writes nothing down.
"""

import asyncio
import hashlib
import hmac
import logging
from datetime import UTC, datetime
from functools import partial

from daemon.core.answering import Plan
from daemon.core.assistants.engine import AssistantVersion, EngineFailed, Question, Reply
from daemon.core.errors import ReleasedError
from daemon.core.runtime import Runtime
from daemon.core.schedule import describe_situation
from daemon.core.store.clients import Client
from daemon.core.store.conversations import Conversation
from daemon.core.turns import Hand
from daemon.metrics import Metrics
from daemon.work.bell import Bell
from daemon.work.tally import tally_failure

log = logging.getLogger(__name__)

TYPING_GRACE_S = 0.5
"""How long an answer that is there waits for read and typing, so that both come before it; where
Meta is well they take less, and a model takes longer."""

PACE_LIMIT_S = 30.0
"""How long the calls of one answer may wait for the client's rate beyond the deadline: its lease
must outlast them all."""


class Asker:
    """Asks the engine for one conversation at a time each, as the turns do."""

    def __init__(
        self,
        runtime: Runtime,
        bell: Bell,
        metrics: Metrics,
        *,
        typing_grace_s: float = TYPING_GRACE_S,
    ) -> None:
        """Share the daemon's parts; own none of them."""
        self._engine = runtime.engine
        self._graph = runtime.graph
        self._clock = runtime.clock
        self._settings = runtime.settings
        self._bell = bell
        self._metrics = metrics
        self._typing_grace_s = typing_grace_s

    async def ask_while_typing(
        self, client: Client, hand: Hand, plan: Plan, assistant: AssistantVersion
    ) -> tuple[Reply, str | None]:
        """Give the reply to all that was written, and the cause where it is none.

        Read and typing are over when this returns: shown, failed, or given up as too slow.
        """
        typing = asyncio.create_task(self._show_typing(client, hand))
        try:
            reply = await self._ask(client, hand, plan, assistant)
            if not typing.done():
                await asyncio.wait((typing,), timeout=self._typing_grace_s)
        finally:
            if not typing.done():
                typing.cancel()
                await asyncio.wait((typing,))
        return reply

    async def _ask(
        self, client: Client, hand: Hand, plan: Plan, assistant: AssistantVersion
    ) -> tuple[Reply, str | None]:
        if plan.action == "fallback":
            return Reply("unanswered"), plan.cause
        try:
            with self._metrics.model_seconds.time():
                async with asyncio.timeout(self._settings.answer_deadline_seconds) as deadline:
                    question = self._question(client, hand, plan, assistant, deadline)
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
        self,
        client: Client,
        hand: Hand,
        plan: Plan,
        assistant: AssistantVersion,
        deadline: asyncio.Timeout,
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
            pace=partial(
                self._pace,
                client.id,
                deadline=deadline,
                latest=(deadline.when() or 0.0) + PACE_LIMIT_S,
            ),
            heed=partial(tally_failure, self._metrics),
        )

    async def _pace(self, client_id: int, *, deadline: asyncio.Timeout, latest: float) -> None:
        """Wait for the client's rate, and move the deadline by that wait, but not past `latest`."""
        wait_s = self._bell.reserve(client_id)
        deadline.reschedule(min((deadline.when() or 0.0) + wait_s, latest))
        await asyncio.sleep(wait_s)

    def _hash_customer(self, conversation: Conversation) -> str:
        """Name a customer to a vendor so that only we could tell who it is."""
        identity = f"{conversation.client_id}:{conversation.customer.key}".encode()
        key = self._settings.hash_key
        return hmac.new(key, identity, hashlib.sha256).hexdigest()[:32]

    async def _show_typing(self, client: Client, hand: Hand) -> None:
        """Show read and typing; a courtesy, so that no failure of it may cost the answer."""
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
            # The send that follows meets the same trouble and deals with it.
            log.debug("typing not shown", extra={"client": client.id, "error": str(refused)})
        except Exception:
            log.exception("typing not shown", extra={"client": client.id})
