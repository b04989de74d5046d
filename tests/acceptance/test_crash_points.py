"""A daemon killed at each named point of a message's way loses nothing and repeats nothing."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.doubles.crashing_daemon import POINTS, QuickDaemon
from tests.doubles.customers import KEPT, Crowd
from tests.doubles.echo_model import serve_echo_model
from tests.doubles.stage import open_stage
from tests.doubles.stage_clients import PLAZA, SOL

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crowd(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crowd]:
    folder = tmp_path_factory.mktemp("crashes")
    async with (
        serve_echo_model() as model,
        open_stage(folder, OPENAI_BASE_URL=model.base_url, IN_DOUBT_SECONDS="1.5") as stage,
    ):
        yield Crowd(stage)


@pytest.mark.parametrize("point", POINTS)
async def test_a_crash_costs_no_message_and_no_second_answer(crowd: Crowd, point: str) -> None:
    """Every question that was ever acknowledged has one answer, in order, and nothing waits."""
    stage = crowd.stage
    await stage.daemon.close()
    doomed = QuickDaemon.in_place_of(stage.daemon, point=point, nth=2)
    survivor = QuickDaemon.in_place_of(stage.daemon)
    try:
        await doomed.start()
        async with asyncio.TaskGroup() as writing:
            for number in (PLAZA, PLAZA, SOL):
                customer = stage.make_customer()
                writing.create_task(crowd.converse(customer, number=number, questions=2))
            assert -9 == await doomed.wait(within_s=30)
            await survivor.start()
        await crowd.wait_until_settled()
        assert KEPT == (await crowd.draw_up()).faults
        assert [] == stage.query("SELECT wamid FROM inbox WHERE state <> 'done'")
    finally:
        await doomed.close()
        await survivor.close()
