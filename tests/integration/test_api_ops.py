"""/health proves that it can write and that somebody works; /metrics belong to token holders."""

import logging
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
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
from tests.doubles.stage import build_text_webhook
from tests.doubles.stage_clients import SOL


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


def damage(database: Path) -> None:
    """Overwrite the beginning of a database that is in use, and leave no copy of it anywhere.

    Neither in its log nor, for the log tells of a change, in the memory of those that read.
    """
    with closing(sqlite3.connect(database, isolation_level=None)) as conn:
        while True:
            conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            conn.execute("BEGIN IMMEDIATE")
            if database.with_name(f"{database.name}-wal").stat().st_size == 0:
                break
            conn.execute("ROLLBACK")
        conn.execute("INSERT INTO heartbeats VALUES ('damage', 0)")
        with database.open("r+b") as file:
            file.write(b"\xff" * 4096)
        conn.execute("COMMIT")


async def test_a_damaged_database_is_told_by_every_route(
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """503 with what to do and no path, figures that say unwell, one line in the log."""
    damage(tmp_path / "released.db")
    headers = {"Authorization": "Bearer whatever"}
    with caplog.at_level(logging.ERROR, logger="daemon"):
        for path in ("/health", "/status", "/health", "/clients", "/inbox"):
            answer = await house.call("GET", path, headers=headers)
            assert (503, "application/problem+json") == (answer.status, answer.type.split(";")[0])
            assert "docs/runbook.md, A damaged database" in answer.read_json()["detail"]
            assert str(tmp_path) not in answer.text
        webhook = build_text_webhook("hola", customer="34699999999", wamid="wamid.1", number=SOL)
        answer = await house.post(webhook)
    assert 503 == answer.status
    assert "Retry-After" in answer.headers
    lines = [one for one in caplog.records if one.name.startswith(("daemon.api", "daemon.core"))]
    assert [("database is damaged", None)] == [(one.message, one.exc_info) for one in lines]


async def test_figures_are_shown_beside_a_damaged_database(tmp_path: Path) -> None:
    """What alerts is there to be read, and says that the daemon is unwell."""
    async with open_inhouse(tmp_path, metrics_open=True) as house:
        damage(tmp_path / "released.db")
        answer = await house.call("GET", "/metrics")
    assert 200 == answer.status
    assert "released_healthy 0.0" in answer.text


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
