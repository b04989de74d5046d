"""The watch over tokens and numbers when Meta tells nothing or something breaks: it looks again."""

import asyncio
import math
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.core.errors import Retryable
from daemon.core.meta.facts import TokenFacts
from daemon.core.meta.inspecting import GraphInspector, LookupRefused
from daemon.work import watching
from daemon.work.watching import AGAIN_S, EVERY_S, Watcher
from tests.doubles.inhouse import NOWHERE
from tests.doubles.mint import open_mint
from tests.doubles.tower import Tower, build_tower, days_of


@pytest.fixture
async def tower(tmp_path: Path) -> AsyncIterator[Tower]:
    async with open_mint(tmp_path) as mint:
        yield build_tower(mint)


async def test_a_silent_meta_is_asked_again_soon(tower: Tower) -> None:
    """Nothing is known of what it does not tell, and nothing is alerted."""
    whole = tower.mint.means
    deaf = GraphInspector(tower.mint.admin.house.http, base_url=NOWHERE, version="v26.0")
    tower.mint.means = replace(whole, inspector=deaf)
    assert 4 == await tower.look()
    assert (None, []) == (days_of(tower, 1), await tower.read_alerts())
    tower.mint.means = whole
    tower.now += AGAIN_S
    assert 4 == await tower.look()
    assert math.inf == days_of(tower, 1)


async def test_a_meta_that_is_busy_is_asked_again_soon(tower: Tower) -> None:
    """A call limit says nothing of a token or a number."""
    await tower.look()
    whole = tower.mint.means
    tower.mint.means = replace(whole, inspector=Busy())
    tower.now += EVERY_S
    assert 4 == await tower.look()
    assert math.inf == days_of(tower, 1)
    tower.mint.means = whole
    tower.now += AGAIN_S
    assert 4 == await tower.look()


class Busy(GraphInspector):
    """Has reached its call limit."""

    def __init__(self) -> None:
        """Need nothing."""

    async def fetch_token(self, *_given: Any, **_named: Any) -> TokenFacts:
        raise LookupRefused(4)

    async def fetch_number(self, *_given: Any, **_named: Any) -> Any:
        raise LookupRefused(4)


async def test_a_look_that_failed_is_done_again_soon(tower: Tower) -> None:
    """What it would have told is not lost for six hours, and the others are looked at meanwhile."""
    whole = tower.mint.means
    tower.mint.means = replace(whole, inspector=Broken())
    with pytest.raises(ZeroDivisionError):
        await tower.look()
    tower.mint.means = whole
    assert 3 == await tower.look()
    tower.now += AGAIN_S
    assert 1 == await tower.look()
    assert math.inf == days_of(tower, 1)


class Broken(GraphInspector):
    """Has a fault that nobody foresaw."""

    def __init__(self) -> None:
        """Need nothing."""

    async def fetch_token(self, *_given: Any, **_named: Any) -> TokenFacts:
        raise ZeroDivisionError


async def test_it_goes_on_whatever_happens(
    tower: Tower, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of its own, or a database that is down, ends no daemon: it looks again."""
    looks: list[BaseException | None] = [RuntimeError("bug"), Retryable("down"), None]
    seen = asyncio.Event()

    async def look(_self: Watcher, means: Any) -> int:
        assert means.settings is tower.mint.means.settings
        failure = looks.pop(0)
        if failure is not None:
            raise failure
        seen.set()
        await asyncio.sleep(60)
        return 0

    monkeypatch.setattr(watching, "FIRST_S", 0)
    monkeypatch.setattr(watching, "TICK_S", 0)
    monkeypatch.setattr(Watcher, "look", look)
    task = asyncio.create_task(tower.watcher.run())
    await asyncio.wait_for(seen.wait(), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert ["watch failed"] * 2 == [
        record.message for record in caplog.records if record.name == watching.__name__
    ]
