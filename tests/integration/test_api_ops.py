"""/health proves that it can write and that somebody works; /metrics belong to token holders."""

import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from daemon.api import ops
from daemon.core import tokens
from daemon.core.store.audit import Actor
from daemon.core.store.faults import StoreUnavailable
from daemon.core.store.group_commit import GroupCommit
from tests.doubles.daemon_process import wait_until
from tests.doubles.inhouse import House, open_inhouse


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_inhouse(tmp_path, metrics_open=False) as opened:
        yield opened


async def test_a_database_that_cannot_be_written_is_unwell(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, with a reason that names no path."""

    async def fail() -> None:
        raise StoreUnavailable("The database /secret/path cannot be used.")

    monkeypatch.setattr(GroupCommit, "write_light", lambda _self, _job: fail())
    answer = await house.call("GET", "/health")
    assert 503 == answer.status
    assert "ok" != answer.read_json()["status"]
    assert "/secret/path" not in answer.text


async def test_a_database_that_never_answers_is_unwell(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks is not left waiting."""
    monkeypatch.setattr(ops, "HEALTH_BUDGET_S", 0.0)
    assert 503 == (await house.call("GET", "/health")).status


async def test_dead_workers_are_unwell_and_are_told(house: House) -> None:
    """The process hears of it once; /health says it until the process is gone."""
    assert 200 == (await house.call("GET", "/health")).status
    await house.runtime.store.write(lambda conn: conn.exec_driver_sql("DROP TABLE outbox"))

    async def is_unwell() -> bool:
        return (await house.call("GET", "/health")).status == 503

    await wait_until(is_unwell)
    assert [True] == house.deaths


async def test_the_use_of_a_token_is_noted_once_a_minute(house: House) -> None:
    """A scraper costs a write a minute and no more."""
    now = time.time()
    made = await house.runtime.store.write(
        partial(tokens.create_token, name="scraper", lifetime_days=1, now=now, actor=Actor("test"))
    )
    for _ in range(2):
        headers = {"Authorization": f"Bearer {made.token}"}
        assert 200 == (await house.call("GET", "/metrics", headers=headers)).status
    found = await house.runtime.store.read(
        partial(tokens.check_token, token=made.token, now=time.time())
    )
    assert found is not None
    assert found.last_used_at is not None
    assert not tokens.is_use_due(found, now=time.time())
    assert 401 == (await house.call("GET", "/metrics")).status
