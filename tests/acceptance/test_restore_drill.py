"""The restore drill: a backup under writes, a dead machine, and a daemon on what was saved."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.customers import Crowd
from tests.doubles.daemon_process import wait_until
from tests.doubles.echo_model import QUESTION, serve_echo_model
from tests.doubles.stage import Stage, open_stage
from tests.doubles.stage_clients import PLAZA, SOL

UNSETTLED = "SELECT wamid FROM inbox WHERE state IN ('pending', 'answered')"
ANSWERS = (
    "SELECT wamid, inbox.state, (SELECT count(*) FROM outbox WHERE outbox.turn_id = inbox.turn_id"
    " AND outbox.state = 'sent') FROM inbox WHERE wamid = ?"
)


@pytest.fixture
async def crowd(tmp_path: Path) -> AsyncIterator[Crowd]:
    async with (
        serve_echo_model() as model,
        open_stage(tmp_path, OPENAI_BASE_URL=model.base_url, LOG_LEVEL="ERROR") as stage,
    ):
        # So slow that there is always something in hand.
        model.delay_s = 0.2
        yield Crowd(stage)


@asynccontextmanager
async def rush(crowd: Crowd) -> AsyncIterator[None]:
    """Let eight customers write on and on."""
    writing = [
        asyncio.create_task(
            crowd.converse(crowd.stage.make_customer(), number=number, questions=999)
        )
        for number in (PLAZA, SOL) * 4
    ]
    try:
        await wait_until(lambda: _has_answered(crowd.stage, 20))
        yield
    finally:
        for task in writing:
            task.cancel()
        await asyncio.gather(*writing, return_exceptions=True)


async def _has_answered(stage: Stage, count: int) -> bool:
    return len(await stage.read_sent()) >= count


def read(path: Path, sql: str) -> set[str]:
    with closing(sqlite3.connect(path)) as conn:
        return {row[0] for row in conn.execute(sql)}


async def save_and_die(crowd: Crowd, file: Path) -> set[str]:
    """Back up under writes, write on, and die; tell what was acknowledged before the backup."""
    stage = crowd.stage
    async with rush(crowd):
        before = {wamid for (wamid,) in stage.query("SELECT wamid FROM inbox")}
        saved = await stage.run_cli("db", "backup", str(file))
        assert 0 == saved.code, saved.err
        more = len(await stage.read_sent()) + 10
        await wait_until(lambda: _has_answered(stage, more))
        await stage.daemon.kill()
    return before


async def restore(stage: Stage, file: Path) -> Any:
    done = await stage.run_cli("db", "restore", str(file), "--yes", "--json")
    assert 0 == done.code, done.err
    return done.read_json()


async def settle(stage: Stage) -> None:
    async def is_settled() -> bool:
        open_sends = "SELECT seq FROM outbox WHERE state IN ('queued', 'sending', 'in_doubt')"
        return not stage.query(UNSETTLED) and not stage.query(open_sends)

    await wait_until(is_settled, within_s=30)


async def count_answers(stage: Stage) -> dict[str, int]:
    """Count how often Meta took an answer to each question, by its number."""
    counted: dict[str, int] = {}
    for sent in await stage.read_sent():
        for number in QUESTION.findall(sent["text"]):
            counted[number] = counted.get(number, 0) + 1
    return counted


def number_of(wamid: str) -> str:
    return wamid.removeprefix("wamid.q").partition(".")[0]


async def test_on_a_new_machine(crowd: Crowd, tmp_path: Path) -> None:
    """All that was acknowledged before the backup is there, and answered once by its books.

    Of the old database nothing is left. Only what was in hand when the backup was made may have
    been answered twice: nobody can know.
    """
    stage, file = crowd.stage, tmp_path / "backup.db"
    before = await save_and_die(crowd, file)
    saved, in_hand = read(file, "SELECT wamid FROM inbox"), read(file, UNSETTLED)
    assert before <= saved
    assert in_hand

    stage.database = tmp_path / "new" / "released.db"
    stage.database.parent.mkdir()
    stage.daemon.settings["DATABASE_URL"] = f"sqlite+aiosqlite:///{stage.database}"
    restored = await restore(stage, file)
    assert (len(in_hand), None) == (restored["unsettled"], restored["kept"])
    await stage.restart()
    await settle(stage)

    for wamid in saved:
        assert [(wamid, "done", 1)] == stage.query(ANSWERS, wamid)
    counted = await count_answers(stage)
    settled = {number_of(wamid) for wamid in saved - in_hand}
    assert {1} == {counted[number] for number in settled}
    assert {1, 2} >= {counted[number_of(wamid)] for wamid in in_hand}


async def test_over_the_database_of_the_dead_daemon(crowd: Crowd, tmp_path: Path) -> None:
    """What that one still knows is known: no question is answered twice, and none is lost."""
    stage, file = crowd.stage, tmp_path / "backup.db"
    before = await save_and_die(crowd, file)
    saved = read(file, "SELECT wamid FROM inbox")
    assert before <= saved
    assert read(file, UNSETTLED)

    restored = await restore(stage, file)
    assert 0 < restored["settled_since"]
    assert saved < read(Path(restored["kept"]), "SELECT wamid FROM inbox")
    await stage.restart()
    await settle(stage)

    parked = {
        number_of(wamid)
        for (wamid,) in stage.query("SELECT wamid FROM inbox WHERE error = 'restored'")
    }
    counted = await count_answers(stage)
    assert {number_of(wamid) for wamid in saved} <= counted.keys() | parked
    assert {1} == set(counted.values())
