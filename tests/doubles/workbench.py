"""The workers' parts over a real database, with a model and a Meta that do as they are told."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from daemon.core.assistants.engine import Question, Reply
from daemon.core.meta.client import GraphClient
from daemon.core.meta.wire import parse_delivery
from daemon.core.runtime import Runtime, open_runtime
from daemon.metrics import Metrics
from daemon.work.bell import Bell, Key
from daemon.work.sender import Sender
from daemon.work.sweeper import Sweeper
from daemon.work.throttle import Throttle
from daemon.work.turn import TurnRunner
from tests.doubles.inhouse import make_settings
from tests.doubles.stage import build_echo_webhook, build_text_webhook, wrap
from tests.doubles.stage_clients import PLAZA, SEEDS, onboard

CUSTOMER = "34600111222"


class Clock:
    """Time that passes only when a test says so; starts where Meta's timestamps are now."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class ScriptedGraph(GraphClient):
    """Takes every message, unless the script's next step raises; keeps what it was given."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.tokens: list[str] = []
        self.typed: list[str] = []
        self.script: deque[Exception | None] = deque()
        self.typing_error: Exception | None = None
        self.during_send: Callable[[], Any] | None = None

    async def send_message(
        self, *, phone_number_id: str, access_token: str, payload: dict[str, Any]
    ) -> str | None:
        assert phone_number_id.isdigit()
        self.sent.append(payload)
        self.tokens.append(access_token)
        if self.during_send is not None:
            await self.during_send()
        step = self.script.popleft() if self.script else None
        if step is not None:
            raise step
        return f"wamid.out{len(self.sent)}"

    async def show_read_and_typing(
        self, *, phone_number_id: str, access_token: str, wamid: str
    ) -> None:
        assert phone_number_id.isdigit()
        assert access_token
        self.typed.append(wamid)
        if self.typing_error is not None:
            raise self.typing_error


class ScriptedEngine:
    """Answers with one sentence, unless `answering` is something else; keeps the questions."""

    name = "scripted"
    calls_model = False

    def __init__(self) -> None:
        self.questions: list[Question] = []
        self.answering: Callable[[Question], Any] | None = None

    async def answer(self, question: Question) -> Reply:
        self.questions.append(question)
        if self.answering is not None:
            reply: Reply = await self.answering(question)
            return reply
        return Reply("answered", f"Answer {len(self.questions)}.", ("F1",))

    async def close(self) -> None:
        pass


@dataclass(slots=True)
class Bench:
    """Every part under its own name."""

    runtime: Runtime
    graph: ScriptedGraph
    engine: ScriptedEngine
    clock: Clock
    bell: Bell
    throttle: Throttle
    metrics: Metrics
    runner: TurnRunner
    sweeper: Sweeper
    _wamids: int = field(default=0)

    async def write(
        self, text: str = "hola", *, customer: str = CUSTOMER, number: str = PLAZA
    ) -> Key:
        """Let a customer write; give the conversation's key."""
        self._wamids += 1
        body = build_text_webhook(
            text, customer=customer, wamid=f"wamid.in{self._wamids}", number=number
        )
        body["entry"][0]["changes"][0]["value"]["messages"][0]["timestamp"] = str(
            int(self.clock.now)
        )
        accepted = await self.runtime.intake.accept(parse_delivery(body))
        (ring,) = accepted.rings
        return ring.client_id, ring.conversation_id

    async def echo(
        self,
        *,
        customer: str = CUSTOMER,
        number: str = PLAZA,
        at: float | None = None,
        wamid: str = "wamid.echo",
    ) -> None:
        """Let the owner write to a customer in the WhatsApp Business app."""
        body = build_echo_webhook(
            "Soy yo.", customer=customer, number=number, wamid=wamid, at=at or self.clock.now
        )
        await self.runtime.intake.accept(parse_delivery(body))

    async def tell(self, status: str, *, outbox_id: str) -> None:
        """Let Meta post a status of one of our messages."""
        told = {
            "id": "wamid.told",
            "status": status,
            "timestamp": str(int(self.clock.now)),
            "recipient_id": CUSTOMER,
            "biz_opaque_callback_data": outbox_id,
        }
        await self.runtime.intake.accept(parse_delivery(wrap(PLAZA, statuses=[told])))

    async def work(self, key: Key) -> None:
        """Run what a conversation needs now, as the pool would: nothing of a client on hold."""
        self.bell.wake(key)
        if self.throttle.is_held(key[0]):
            return
        async with asyncio.timeout(30):
            while (taken := await self.bell.take()) != key:
                self.bell.done(taken)
        try:
            await self.runner.run(key)
        finally:
            self.bell.done(key)

    async def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        return await self.runtime.store.read(
            lambda conn: [tuple(row) for row in conn.exec_driver_sql(sql, parameters)]
        )


@asynccontextmanager
async def open_bench(folder: Path, *, now: float, **given: Any) -> AsyncIterator[Bench]:
    """Open a runtime over the stage's clients, with the model and Meta played here.

    A second time in the same folder it goes on with the database that is there.
    """
    if not (folder / "released.db").exists():
        onboard(folder / "released.db", SEEDS)
    clock = Clock(now)
    async with open_runtime(make_settings(folder, **given), clock=clock) as opened:
        graph, engine = ScriptedGraph(), ScriptedEngine()
        runtime = replace(opened, graph=graph, engine=engine)
        metrics = Metrics()
        loop = asyncio.get_running_loop()

        def monotonic() -> float:
            return loop.time() + max(0.0, clock.now - now)

        bell = Bell(
            quiet_s=0,
            clock=monotonic,
            note_pause=lambda client_id, s: metrics.of_client(client_id).rate_wait.inc(s),
        )
        base_s = runtime.settings.retry_base_seconds
        throttle = Throttle(bell, clock=monotonic, base_s=base_s, jitter=lambda: 1.0)
        sender = Sender(runtime, metrics, throttle, jitter=lambda: 1.0)
        runner = TurnRunner(runtime, sender, bell, metrics)
        sweeper = Sweeper(runtime, bell, metrics)
        yield Bench(runtime, graph, engine, clock, bell, throttle, metrics, runner, sweeper)
