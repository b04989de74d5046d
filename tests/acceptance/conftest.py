"""One whole house for each file of tests: starting the daemon is what costs the time."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.doubles.stage import Stage, open_stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Serve all tests of a file; its deadline is short, so that a silent model costs little."""
    folder = tmp_path_factory.mktemp("house")
    async with open_stage(folder, ANSWER_DEADLINE_SECONDS="3") as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def stage(house: Stage) -> AsyncIterator[Stage]:
    """Lend the house with all switches off; what the model was asked must obey openai.md."""
    await house.reset()
    house.model.requests.clear()
    yield house
    assert [] == house.model.violations
    await house.reset()
