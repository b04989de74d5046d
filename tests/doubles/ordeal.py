"""A daemon killed at random moments while Meta misbehaves and customers write on.

Owns the rack; how many messages and kills, and what is asserted or printed, is its caller's.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.doubles.crashing_daemon import QuickDaemon
from tests.doubles.customers import Account, Crowd
from tests.doubles.daemon_process import wait_until
from tests.doubles.echo_model import serve_echo_model
from tests.doubles.stage import Stage, open_stage
from tests.doubles.stage_clients import CLOSED, PLAZA, SOL

MISCHIEF: tuple[dict[str, Any], ...] = (
    {"latency_ms": 40, "duplicate_webhooks": 2, "drop_after_accept": 3},
    {"latency_ms": 10, "error": {"code": 131016, "count": 8}, "reorder_statuses": True},
    {"duplicate_webhooks": 1, "reorder_statuses": True, "drop_after_accept": 2},
    {"latency_ms": 80, "error": {"code": 130429, "count": 6}, "duplicate_webhooks": 3},
    {"drop_before_accept": 2, "html_200": 1, "duplicate_webhooks": 2, "reorder_statuses": True},
    {"latency_ms": 20, "error": {"code": 131056, "count": 4}, "drop_after_accept": 2},
)
"""What the sandbox does wrong, one set after the other."""


LIFE_S = 1.0
"""About how long the daemon lives between two kills."""

PATIENCE_S = 3.0
"""How long a daemon is waited for that answers little: all may be answered, or in doubt."""


@dataclass(frozen=True, slots=True)
class Ordeal:
    """How much of it. Seconds are how long the daemon lives on after its first answers."""

    customers: int
    questions_each: int
    kills: int
    life_s: tuple[float, float] = (0.0, 0.4)
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    account: Account
    counters: dict[str, int]
    kills: int
    turns: int
    parked_for: dict[str, int]


async def torture(folder: Path, ordeal: Ordeal, *, settle_within_s: float = 60.0) -> Outcome:
    """Let customers write, Meta misbehave and the daemon die; wait until all is settled."""
    chance = random.Random(ordeal.seed)
    async with (
        serve_echo_model() as model,
        _open_patient(folder, model.base_url) as stage,
    ):
        model.delay_s = 0.03
        await stage.daemon.close()
        stage.daemon = QuickDaemon.in_place_of(stage.daemon)
        crowd = Crowd(stage)
        try:
            await _rage(crowd, ordeal, chance)
            await crowd.wait_until_settled(within_s=settle_within_s)
            ((turns,),) = stage.query("SELECT count(*) FROM turns")
            causes = "SELECT error, count(*) FROM inbox WHERE state = 'parked' GROUP BY error"
            parked_for = dict(stage.query(causes))
            return Outcome(
                await crowd.draw_up(), await stage.read_counters(), ordeal.kills, turns, parked_for
            )
        finally:
            await stage.daemon.close()


@asynccontextmanager
async def _open_patient(folder: Path, model_url: str) -> AsyncIterator[Stage]:
    """Open a stage on which only a crash, and no throttling, could park a message."""
    async with open_stage(
        folder,
        OPENAI_BASE_URL=model_url,
        RETRY_LIMIT="60",
        IN_DOUBT_SECONDS="2",
        RETRY_BASE_SECONDS="0.3",
    ) as stage:
        yield stage


async def _rage(crowd: Crowd, ordeal: Ordeal, chance: random.Random) -> None:
    stage = crowd.stage
    await stage.daemon.start()
    mischief = asyncio.create_task(_misbehave(stage))
    try:
        async with asyncio.TaskGroup() as group:
            for place in range(ordeal.customers):
                group.create_task(
                    crowd.converse(
                        stage.make_customer(),
                        number=(PLAZA, SOL, CLOSED)[place % 3],
                        questions=ordeal.questions_each,
                        pause_s=_spread(ordeal, chance),
                    )
                )
            for _ in range(ordeal.kills):
                await _let_live(stage, answers=chance.randint(1, ordeal.customers // 2))
                await asyncio.sleep(chance.uniform(*ordeal.life_s))
                await stage.daemon.kill()
                await stage.daemon.start()
    finally:
        mischief.cancel()
        await asyncio.gather(mischief, return_exceptions=True)
    await stage.set_faults()


async def _let_live(stage: Stage, *, answers: int) -> None:
    """Let a new daemon answer a little: three deaths before the first answer park everything."""
    await stage.daemon.wait_until_well()
    enough = (await stage.read_counters())["accepted"] + answers

    async def has_answered() -> bool:
        return (await stage.read_counters())["accepted"] >= enough

    with suppress(AssertionError):
        await wait_until(has_answered, within_s=PATIENCE_S)


def _spread(ordeal: Ordeal, chance: random.Random) -> float:
    """Choose a customer's pause, so that their questions are spread over all the kills."""
    whole_s = ordeal.kills * LIFE_S
    return chance.uniform(0.5, 1.5) * whole_s / ordeal.questions_each


async def _misbehave(stage: Stage) -> None:
    while True:
        for faults in MISCHIEF:
            await stage.set_faults(**faults)
            await asyncio.sleep(0.4)
