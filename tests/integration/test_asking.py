"""Asking takes its time from the engine alone: not from the client's rate, nor from WhatsApp."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from daemon.core import turns
from daemon.core.answering import plan_turn
from daemon.core.assistants.engine import AssistantVersion, Question, Reply
from daemon.core.runtime import Runtime
from daemon.core.settings import Settings
from daemon.core.store.clients import Client
from daemon.core.turns import Hand
from daemon.metrics import Metrics
from daemon.work.asking import PACE_LIMIT_S, TYPING_GRACE_S, Asker
from daemon.work.bell import Bell
from tests.doubles.virtual_time import run_virtually
from tests.doubles.workbench import open_bench

NOW = float(int(time.time()))
DEADLINE_S = 2.0
INTERVAL_S = 3.0
ANSWERED = Reply("answered", "ok", ("F1",))


@dataclass(slots=True)
class Scene:
    """One question to ask, with an engine and a Meta that take the time a test says."""

    client: Client
    hand: Hand
    assistant: AssistantVersion
    settings: Settings
    ended: list[str] = field(default_factory=list)

    def ask(
        self,
        answer: Callable[[Question], Awaitable[Reply]],
        *,
        typing_s: float = 0.0,
        typing_error: Exception | None = None,
        interval_s: float = INTERVAL_S,
    ) -> tuple[Reply, str | None, float]:
        """Ask in virtual time; give reply, cause, and the seconds that it took."""

        async def show(**_given: object) -> None:
            try:
                await asyncio.sleep(typing_s)
                if typing_error is not None:
                    raise typing_error
                self.ended.append("shown")
            except asyncio.CancelledError:
                self.ended.append("cancelled")
                raise

        async def run() -> tuple[Reply, str | None, float]:
            loop = asyncio.get_running_loop()
            bell = Bell(quiet_s=0, clock=loop.time, interval_of=lambda _client: interval_s)
            bell.wake((self.client.id, self.hand.conversation.id))
            await bell.take()
            parts: Any = SimpleNamespace(
                engine=SimpleNamespace(answer=answer),
                graph=SimpleNamespace(show_read_and_typing=show),
                clock=lambda: NOW,
                settings=self.settings,
            )
            plan = plan_turn(self.hand.messages, active=True, now=NOW)
            asker = Asker(cast("Runtime", parts), bell, Metrics())
            began = loop.time()
            reply, cause = await asker.ask_while_typing(
                self.client, self.hand, plan, self.assistant
            )
            return reply, cause, loop.time() - began

        return run_virtually(run())


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    async def set_up() -> Scene:
        async with open_bench(tmp_path, now=NOW, answer_deadline_seconds=DEADLINE_S) as bench:
            key = await bench.write()
            client = bench.runtime.directory.find(key[0])
            assert client is not None
            claim = partial(
                turns.claim, client_id=key[0], conversation_id=key[1], now=NOW, until=NOW + 60
            )
            hand = await bench.runtime.store.write(claim)
            assert hand is not None
            assistant = await bench.runtime.directory.assistant_of(client)
            return Scene(client, hand, assistant, bench.runtime.settings)

    return asyncio.run(set_up())


async def at_once(_question: Question) -> Reply:
    return ANSWERED


async def never(_question: Question) -> Reply:
    await asyncio.sleep(3600)
    raise AssertionError


def after_pace(answer: Callable[[Question], Awaitable[Reply]]) -> Callable[..., Awaitable[Reply]]:
    async def call_again(question: Question) -> Reply:
        await asyncio.sleep(1.5)
        await question.pace()
        return await answer(question)

    return call_again


def test_the_wait_for_the_rate_is_not_counted(scene: Scene) -> None:
    """A call that is tried again waits its turn, and has what is left of the deadline after it."""
    assert (ANSWERED, None, INTERVAL_S) == scene.ask(after_pace(at_once))
    _, cause, took_s = scene.ask(after_pace(never))
    assert ("timeout", DEADLINE_S + INTERVAL_S - 1.5) == (cause, took_s)


def test_a_rate_that_is_too_slow_ends_the_wait(scene: Scene) -> None:
    """The customer hears the fallback, and the lease of the turn outlasts the call."""
    _, cause, took_s = scene.ask(after_pace(at_once), interval_s=600.0)
    assert ("timeout", DEADLINE_S + PACE_LIMIT_S) == (cause, took_s)


def test_an_answer_does_not_wait_for_slow_typing(scene: Scene) -> None:
    """It is given up, and over, before anything is sent."""
    assert (ANSWERED, None, TYPING_GRACE_S) == scene.ask(at_once, typing_s=4.9)
    assert ["cancelled"] == scene.ended


def test_typing_that_is_about_to_be_shown_comes_first(scene: Scene) -> None:
    """An engine that is quicker than Meta does not take it away."""
    assert (ANSWERED, None, 0.25) == scene.ask(at_once, typing_s=0.25)
    assert ["shown"] == scene.ended


def test_no_failure_of_typing_costs_the_answer(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it is: it is logged, and the reply goes on its way."""
    caplog.set_level(logging.ERROR)
    error = RuntimeError("Session is closed")
    assert (ANSWERED, None, 0.0) == scene.ask(at_once, typing_error=error)
    assert ["typing not shown"] == caplog.messages
