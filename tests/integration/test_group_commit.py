"""The commit that many writes share: what is acknowledged is kept, and what fails is told so."""

import asyncio
import sqlite3
import threading
from contextlib import closing

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from daemon.core.store import group_commit
from daemon.core.store.engine import Connection, Database
from daemon.core.store.faults import StoreOverloaded, StoreUnavailable
from daemon.core.store.group_commit import GroupCommit
from tests.doubles.writing_kit import beating, failing, keeping, locked, names


async def hold_up(group: GroupCommit) -> tuple[asyncio.Task[bool], threading.Event]:
    """Keep the writer at one job until the event is set."""
    going, started = threading.Event(), threading.Event()

    def stand_still(_conn: Connection) -> bool:
        started.set()
        return going.wait(30)

    standing = asyncio.create_task(group.write(stand_still))
    await asyncio.to_thread(started.wait, 30)
    return standing, going


async def test_many_writes_share_few_commits(database: Database, group: GroupCommit) -> None:
    """One sync of the disk for all that waits."""
    commits: list[None] = []
    event.listen(database.engine, "commit", lambda _conn: commits.append(None))
    answers = await asyncio.gather(*(group.write(beating(f"{n:04}")) for n in range(1000)))
    assert [f"{n:04}" for n in range(1000)] == answers == names(database)
    assert 1000 / 512 <= len(commits) <= 20


async def test_a_job_that_fails_does_not_fail_its_neighbours(
    database: Database, group: GroupCommit
) -> None:
    """Its own caller is told; of it nothing stays, of the others everything."""
    results = await asyncio.gather(
        group.write(beating("a")),
        group.write(failing),
        group.write(beating("b")),
        return_exceptions=True,
    )
    assert ["a", "b"] == [results[0], results[2]]
    assert isinstance(results[1], ValueError)
    assert ["a", "b"] == names(database)


async def test_a_job_that_fails_alone_is_told_so(group: GroupCommit) -> None:
    """A batch of one needs no second try."""
    with pytest.raises(ValueError, match="own fault"):
        await group.write(failing)


async def test_what_is_acknowledged_is_on_disk(database: Database, group: GroupCommit) -> None:
    """Another connection sees it the moment the write returns."""
    await group.write(beating("a"))
    with closing(sqlite3.connect(database.path)) as other:
        assert [("a",)] == other.execute("SELECT name FROM heartbeats").fetchall()


async def test_a_queue_that_is_full_refuses_at_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meta is told to come back; nothing piles up without bound."""
    monkeypatch.setattr(group_commit, "QUEUE_LIMIT", 3)
    group = GroupCommit(database)
    standing, going = await hold_up(group)
    queued = [asyncio.create_task(group.write(beating(f"{n}"))) for n in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(StoreOverloaded):
        await group.write(beating("late"))
    going.set()
    await asyncio.gather(standing, *queued)
    assert ["0", "1", "2"] == names(database)
    await group.close()


async def test_a_locked_database_fails_every_job_of_the_batch(impatient: Database) -> None:
    """None is acknowledged, and the writer lives on."""
    group = GroupCommit(impatient)
    with locked(impatient):
        results = await asyncio.gather(
            *(group.write(beating(f"{n}")) for n in range(5)), return_exceptions=True
        )
        assert {StoreUnavailable} == {type(result) for result in results}
    assert await group.write(beating("after")) == "after"
    assert ["after"] == names(impatient)
    await group.close()


async def test_a_caller_who_went_away_harms_nobody(database: Database) -> None:
    """A cancelled request's rows are kept; the others get their answers."""
    group = GroupCommit(database)
    standing, going = await hold_up(group)
    leaving = asyncio.create_task(group.write(beating("left")))
    staying = asyncio.create_task(group.write(beating("stayed")))
    await asyncio.sleep(0)
    leaving.cancel()
    going.set()
    assert await staying == "stayed"
    await standing
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert ["left", "stayed"] == names(database)
    await group.close()


async def test_closing_finishes_what_is_queued_and_takes_no_more(database: Database) -> None:
    """A stop loses nothing, and a latecomer is told instead of waiting for ever."""
    group = GroupCommit(database)
    standing, going = await hold_up(group)
    queued = asyncio.create_task(group.write(beating("queued")))
    await asyncio.sleep(0)
    closing_down = asyncio.create_task(group.close())
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable, match="being closed"):
        await group.write(beating("late"))
    going.set()
    await asyncio.gather(closing_down, standing, queued)
    assert ["queued"] == names(database)


async def test_an_idle_writer_closes(database: Database) -> None:
    """With nothing queued it simply ends."""
    group = GroupCommit(database)
    assert await group.read(lambda conn: conn.exec_driver_sql("SELECT 1").scalar_one()) == 1
    await group.close()
    assert [] == names(database)


async def test_what_waits_for_the_writer_is_counted(group: GroupCommit) -> None:
    """Of every kind, until it is on disk."""
    writes = (group.write, group.write_light)
    waiting = [asyncio.create_task(write(beating("a"))) for write in writes]
    waiting.append(asyncio.create_task(group.write_first(keeping, "b", within_s=30)))
    await asyncio.sleep(0)
    assert 3 == group.waiting
    await asyncio.gather(*waiting)
    assert 0 == group.waiting


async def test_a_commit_that_fails_leaves_nothing_behind(
    database: Database, group: GroupCommit
) -> None:
    """SQLite keeps the transaction open then; the next must not find itself within it."""

    def orphan(conn: Connection) -> None:
        conn.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        conn.exec_driver_sql("INSERT INTO faqs VALUES (1, 12345, 1, 'q', 'a')")

    with pytest.raises(sa.exc.IntegrityError):
        await group.write_light(orphan)
    assert "after" == await group.write_light(beating("after"))
    assert ["after"] == names(database)
