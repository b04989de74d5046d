"""Jobs of each kind in one commit: light ones on the loop, and first what somebody waits for."""

import asyncio
import threading
import time
from collections.abc import Sequence
from functools import partial

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from daemon.core.store import group_commit, tickets
from daemon.core.store.engine import Connection, Database, Writer
from daemon.core.store.faults import StoreDamaged, StoreUnavailable
from daemon.core.store.group_commit import GroupCommit
from daemon.core.store.schema import heartbeats
from daemon.core.store.tickets import Kept
from tests.doubles.writing_kit import beating, failing, keeping, locked, names


async def test_light_jobs_share_few_commits_with_all_their_answers(
    database: Database, group: GroupCommit
) -> None:
    """They run on the loop, some milliseconds of them for each, and none is forgotten."""
    answers = await asyncio.gather(*(group.write_light(beating(f"{n:04}")) for n in range(1000)))
    assert [f"{n:04}" for n in range(1000)] == answers == names(database)


async def test_light_and_other_jobs_take_turns(database: Database, group: GroupCommit) -> None:
    """Neither kind waits until there is nothing left of the other."""
    writes = [(group.write_light if n % 2 else group.write)(beating(f"{n:02}")) for n in range(20)]
    assert [f"{n:02}" for n in range(20)] == await asyncio.gather(*writes) == names(database)


async def test_a_light_job_that_takes_its_time_leaves_the_rest_for_the_next_commit(
    database: Database, group: GroupCommit
) -> None:
    """The loop is kept for a few milliseconds at a time; all are written, in order."""

    def slowly(conn: Connection, name: str) -> str:
        time.sleep(tickets.LIGHT_S)
        return beating(name)(conn)

    commits: list[None] = []
    event.listen(database.engine, "commit", lambda _conn: commits.append(None))
    jobs = [partial(slowly, name=f"{n}") for n in range(5)]
    assert list("01234") == await asyncio.gather(*(group.write_light(job) for job in jobs))
    assert 5 == len(commits)


async def test_a_light_job_that_fails_does_not_fail_its_neighbours(
    database: Database, group: GroupCommit
) -> None:
    """As for any other; and who keeps a memory of the undone is told to forget, before the rest."""
    told: list[list[str]] = []
    group.on_undo(lambda: told.append(names(database)))
    results = await asyncio.gather(
        group.write_light(beating("a")),
        group.write_light(failing),
        group.write_light(beating("b")),
        return_exceptions=True,
    )
    assert ["a", "b"] == [results[0], results[2]] == names(database)
    assert isinstance(results[1], ValueError)
    assert 1 == len(told)
    assert not {"b", "half done"} & set(told[0])


async def test_light_jobs_wait_off_the_loop_for_another_program(impatient: Database) -> None:
    """A lock that another program holds costs them their patience, and the loop nothing."""
    group = GroupCommit(impatient)
    await group.write_light(beating("before"))
    with locked(impatient):
        waiting = asyncio.create_task(group.write_light(beating("refused")))
        passes = 0
        while not waiting.done():
            passes += 1
            await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable):
            await waiting
        assert passes > 10
    assert await group.write_light(beating("after")) == "after"
    assert ["after", "before"] == names(impatient)
    await group.close()


async def test_what_somebody_waits_for_is_written_first(
    database: Database, group: GroupCommit
) -> None:
    """It goes before what nobody waits for, which still gets on by a job in each commit."""
    ran: list[str] = []

    def slowly(conn: Connection, name: str) -> str:
        ran.append(name)
        time.sleep(tickets.BESIDE_S)
        return beating(name)(conn)

    def together(conn: Connection, items: Sequence[str]) -> Kept:
        return Kept([slowly(conn, name) for name in items])

    light = [group.write_light(partial(slowly, name=f"light {n}")) for n in range(3)]
    first = [group.write_first(together, f"first {n}", within_s=30) for n in range(2)]
    answers = await asyncio.gather(*light, *first)
    assert ["light 0", "light 1", "light 2", "first 0", "first 1"] == answers
    assert ["first 0", "first 1", "light 0", "light 1", "light 2"] == ran
    assert sorted(answers) == names(database)


async def test_an_item_that_fails_beside_others_fails_alone(
    database: Database, group: GroupCommit
) -> None:
    """What shared its call or its transaction is written in the next, and it is told so itself."""
    results = await asyncio.gather(
        *(group.write_first(keeping, name, within_s=30) for name in ("a", "bad 1", "b", "bad 2")),
        group.write_light(failing),
        group.write_light(beating("c")),
        return_exceptions=True,
    )
    assert ["a", "b", "c"] == [results[0], results[2], results[5]] == names(database)
    assert [ValueError] * 3 == [type(results[n]) for n in (1, 3, 4)]


async def test_what_remains_of_items_is_written_beside_the_loop(
    database: Database, group: GroupCommit
) -> None:
    """In the transaction of all of them, on the thread that commits it."""
    threads: list[int] = []

    def finish(conn: Connection, items: Sequence[str]) -> None:
        threads.append(threading.get_ident())
        keeping(conn, items)

    def begin(_conn: Connection, items: Sequence[str]) -> Kept:
        return Kept(list(items), partial(finish, items=items))

    wanted = ["a", "b", "c"]
    kept = await asyncio.gather(*(group.write_first(begin, name, within_s=30) for name in wanted))
    assert wanted == kept == names(database)
    assert 1 == len(threads)
    assert threading.get_ident() not in threads


async def test_light_jobs_do_not_see_what_remains_of_items(
    database: Database, group: GroupCommit
) -> None:
    """They are run before it, in the same transaction; both are kept."""

    def look(conn: Connection) -> list[str]:
        return list(conn.execute(sa.select(heartbeats.c.name)).scalars())

    def begin(_conn: Connection, items: Sequence[str]) -> Kept:
        return Kept(list(items), partial(keeping, items=items))

    seen, kept = await asyncio.gather(
        group.write_light(look), group.write_first(begin, "a", within_s=30)
    )
    assert ([], "a", ["a"]) == (seen, kept, names(database))


async def test_what_keeps_items_without_a_result_for_each_fails_alone(
    database: Database, group: GroupCommit
) -> None:
    """Each is told, and the writer goes on."""

    def begin(conn: Connection, items: Sequence[str]) -> Kept:
        keeping(conn, items)
        return Kept(())

    told = await asyncio.gather(
        *(group.write_first(begin, name, within_s=30) for name in "ab"), return_exceptions=True
    )
    assert [IndexError, IndexError] == [type(error) for error in told]
    assert "c" == await group.write_light(beating("c"))
    assert ["c"] == names(database)


async def test_a_commit_that_fails_is_not_tried_again(
    group: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows what of it is on disk: whoever asked is told, and no job runs twice."""
    ran: list[None] = []

    def fail(_writer: Writer) -> None:
        raise StoreDamaged("torn")

    monkeypatch.setattr(Writer, "commit", fail)
    with pytest.raises(StoreDamaged):
        await group.write_light(lambda _conn: ran.append(None))
    assert 1 == len(ran)


async def test_what_remains_of_an_item_and_fails_harms_no_other(
    database: Database, group: GroupCommit
) -> None:
    """Then each is tried alone, whatever shared its transaction; whose fault it was is told."""

    def begin(_conn: Connection, items: Sequence[str]) -> Kept:
        return Kept(list(items), partial(keeping, items=items))

    results = await asyncio.gather(
        *(group.write_first(begin, name, within_s=30) for name in ("a", "bad", "b")),
        group.write_light(beating("c")),
        return_exceptions=True,
    )
    assert ["a", "b", "c"] == [results[0], results[2], results[3]] == names(database)
    assert isinstance(results[1], ValueError)


async def test_items_beyond_what_one_commit_takes_are_all_kept(
    database: Database, group: GroupCommit
) -> None:
    """In their order, and each with its own result."""
    wanted = [f"{n:03}" for n in range(3 * group_commit.TOGETHER_LIMIT)]
    kept = await asyncio.gather(*(group.write_first(keeping, name, within_s=30) for name in wanted))
    assert wanted == kept == names(database)


async def test_who_waits_too_long_is_told_so(impatient: Database) -> None:
    """In their own time, though the database makes the writer wait longer; the others are not."""
    group = GroupCommit(impatient)
    assert "before" == await group.write_light(beating("before"))
    with locked(impatient):
        late = [group.write_first(keeping, name, within_s=0.01) for name in ("late", "later")]
        told = await asyncio.gather(*late, return_exceptions=True)
    assert ["The database did not keep it in time."] * 2 == [str(error) for error in told]
    assert "after" == await group.write_first(keeping, "after", within_s=30)
    await group.close()
