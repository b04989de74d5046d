"""Clients are served in turn: whoever has hundreds of customers waiting waits alone."""

import asyncio
from pathlib import Path

from tests.doubles.customers import KEPT, Crowd
from tests.doubles.daemon_process import wait_until
from tests.doubles.inner_house import open_inner_house
from tests.doubles.stage import Stage
from tests.doubles.stage_clients import PLAZA, SOL

FLOOD = 200


async def count_before(stage: Stage, customer: str) -> int:
    """Wait for a customer's answer and count what Meta accepted before it."""
    await stage.read_answers(customer)
    everyone = [sent["to"] for sent in await stage.read_sent()]
    return everyone.index(f"+{customer}")


async def flood(crowd: Crowd, *, count: int) -> None:
    """Let so many customers of one client write at once."""
    stage = crowd.stage
    await asyncio.gather(*(crowd.ask(stage.make_customer(), number=PLAZA) for _ in range(count)))


async def test_a_flood_at_one_client_does_not_delay_another(tmp_path: Path) -> None:
    """Hundreds wait for one client: another client's single customer is next but a few."""
    async with open_inner_house(tmp_path, WORKERS="2", COALESCE_SECONDS="0") as house:
        house.model.delay_s = 0.01
        crowd, customer = Crowd(house.stage), house.stage.make_customer()
        await flood(crowd, count=FLOOD)
        answered = len(await house.stage.read_sent())
        await crowd.ask(customer, number=SOL)
        before = await count_before(house.stage, customer)
        # Two are in work, and two more may be taken while the message is being kept.
        assert before - answered < FLOOD / 10
        assert answered + 50 < FLOOD, "the flood was over before it could delay anybody"


async def test_a_client_at_its_model_rate_holds_no_worker(tmp_path: Path) -> None:
    """Two workers, two answers a second a client: who waits for the rate leaves both free."""
    async with open_inner_house(
        tmp_path, WORKERS="2", COALESCE_SECONDS="0", OPENAI_RPS_PER_CLIENT="2"
    ) as house:
        crowd, customer = Crowd(house.stage), house.stage.make_customer()
        await flood(crowd, count=5)
        await crowd.ask(customer, number=SOL)
        assert 2 >= await count_before(house.stage, customer)

        async def is_idle() -> bool:
            return await house.stage.read_metric("released_workers_busy") == 0

        await wait_until(is_idle)
        assert len(await house.stage.read_sent()) < 6
        await crowd.wait_until_settled()
        assert KEPT == (await crowd.draw_up()).faults
