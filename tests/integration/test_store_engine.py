"""One SQLite file: its mode, its locks, and the commit that many share."""

import asyncio
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from daemon.core.errors import Misconfigured
from daemon.core.store import engine as engine_module
from daemon.core.store import group_commit
from daemon.core.store.engine import Connection, Database, sqlite_path
from daemon.core.store.faults import StoreOverloaded, StoreUnavailable
from daemon.core.store.group_commit import GroupCommit
from daemon.core.store.heartbeats import beat
from daemon.core.store.schema import heartbeats


def names(database: Database) -> list[str]:
    return database.read(
        lambda conn: list(conn.execute(sa.select(heartbeats.c.name).order_by("name")).scalars())
    )


def beating(name: str) -> Callable[[Connection], str]:
    def job(conn: Connection) -> str:
        beat(conn, name, now=1.0)
        return name

    return job


def failing(conn: Connection) -> None:
    beat(conn, "half done", now=1.0)
    raise ValueError("the job's own fault")


def standing_still(
    started: threading.Event, going: threading.Event
) -> Callable[[Connection], bool]:
    def job(_conn: Connection) -> bool:
        started.set()
        return going.wait(30)

    return job


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, database: Database) -> Iterator[Database]:
    """Open the same file through connections that wait 50 ms for a lock."""
    shorter = tuple(
        "busy_timeout=50" if pragma.startswith("busy_timeout") else pragma
        for pragma in engine_module.PRAGMAS
    )
    monkeypatch.setattr(engine_module, "PRAGMAS", shorter)
    opened = Database(database.path)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite+aiosqlite:///released.db", "released.db"),
        ("sqlite:////srv/released/x.db", "/srv/released/x.db"),
    ],
)
def test_the_database_url_names_a_file(url: str, path: str) -> None:
    """The documented form and the plain one."""
    assert Path(path) == sqlite_path(url)


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("released.db", "not a database URL"),
        ("postgresql+asyncpg://u:hunter2@h/d", "postgresql"),
        ("sqlite+aiosqlite://", "must name a file"),
        ("sqlite+aiosqlite:///:memory:", "must name a file"),
    ],
)
def test_another_database_url_is_refused(url: str, named: str) -> None:
    """In one line, without the password."""
    with pytest.raises(Misconfigured, match=named) as refused:
        sqlite_path(url)
    assert "hunter2" not in str(refused.value)


def test_only_the_owner_may_read_the_database(database: Database) -> None:
    """Mode 0600 for the file and for what SQLite puts beside it, whatever the umask."""
    database.write(beating("a"))
    files = list(database.path.parent.glob("released.db*"))
    assert len(files) == 3
    assert {0o600} == {stat.S_IMODE(file.stat().st_mode) for file in files}


def test_a_path_with_marks_of_a_url_is_that_path(tmp_path: Path) -> None:
    """What stands after a question mark is no option."""
    made = Database(tmp_path / "100%?mode=memory#.db")
    made.create_file()
    made.write(lambda conn: conn.exec_driver_sql("CREATE TABLE t (a)"))
    made.close()
    assert made.path.stat().st_size > 0


def test_a_folder_that_does_not_exist_is_said(tmp_path: Path) -> None:
    """With the setting that names it."""
    with pytest.raises(Misconfigured, match="DATABASE_URL says where it is"):
        Database(tmp_path / "nope" / "x.db").create_file()


def test_every_connection_is_durable_and_strict(database: Database) -> None:
    """An acknowledged row survives a power loss, and no row points at nothing."""

    def pragmas(conn: Connection) -> list[object]:
        asked = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return [conn.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in asked]

    assert ["wal", 2, 1, 10_000] == database.read(pragmas)


def test_a_read_sees_one_picture(database: Database) -> None:
    """What is committed meanwhile by another connection is not seen half way."""

    def look(conn: Connection) -> tuple[int, int]:
        count = sa.select(sa.func.count()).select_from(heartbeats)
        before = conn.execute(count).scalar_one()
        database.write(beating("meanwhile"))
        return before, conn.execute(count).scalar_one()

    assert (0, 0) == database.read(look)
    assert ["meanwhile"] == names(database)


def test_a_job_that_fails_changes_nothing(database: Database) -> None:
    """All of it or nothing."""
    with pytest.raises(ValueError, match="own fault"):
        database.write(failing)
    assert [] == names(database)


def test_a_locked_database_is_unavailable(impatient: Database) -> None:
    """Another program's long transaction is waited for, and then said; nothing is written."""
    with closing(sqlite3.connect(impatient.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            impatient.write(beating("a"))
        assert [] == names(impatient)
        other.execute("ROLLBACK")
    impatient.write(beating("a"))
    assert ["a"] == names(impatient)


def test_a_full_disk_is_unavailable(database: Database) -> None:
    """Nothing of the transaction stays, and room cures it."""

    def limit(conn: sqlite3.Connection, _record: object) -> None:
        pages = conn.execute("PRAGMA page_count").fetchone()[0]
        conn.execute(f"PRAGMA max_page_count={pages}")

    narrow = Database(database.path)
    event.listen(narrow.engine, "connect", limit)
    with pytest.raises(StoreUnavailable, match="full"):
        narrow.write(beating("x" * 1_000_000))
    narrow.close()
    assert [] == names(database)


def test_a_read_only_database_is_unavailable(database: Database) -> None:
    """What cannot be written is not acknowledged, and can still be read."""
    fixed = Database(database.path)
    event.listen(
        fixed.engine, "connect", lambda conn, _record: conn.execute("PRAGMA query_only=ON")
    )
    with pytest.raises(StoreUnavailable, match="readonly"):
        fixed.write(beating("a"))
    assert [] == names(fixed)
    fixed.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="no file is read-only for root")
def test_a_file_without_write_permission_is_unavailable(database: Database) -> None:
    """As the mode says."""
    database.close()
    database.path.chmod(0o400)
    with pytest.raises(StoreUnavailable):
        database.write(beating("a"))


def test_a_database_that_has_vanished_is_unavailable(tmp_path: Path) -> None:
    """A folder that was unmounted may come back."""
    gone = Database(tmp_path / "gone" / "x.db")
    with pytest.raises(StoreUnavailable, match="unable to open"):
        gone.read(lambda conn: conn.exec_driver_sql("SELECT 1"))
    gone.close()


def test_too_many_readers_at_once_are_told_so(database: Database) -> None:
    """A pool without a free connection is a reason to come back, not a crash."""
    pool = database.engine.pool
    assert isinstance(pool, sa.QueuePool)
    pool._timeout = 0.01
    pool._max_overflow = 0
    taken = [database.engine.connect() for _ in range(pool.size())]
    with pytest.raises(StoreUnavailable, match="busy"):
        database.read(lambda _conn: None)
    for connection in taken:
        connection.close()


def test_a_statement_that_is_wrong_is_a_fault_of_ours(database: Database) -> None:
    """Bugs are not dressed up as a database that is down."""
    with pytest.raises(sa.exc.OperationalError):
        database.read(lambda conn: conn.exec_driver_sql("SELECT nothing FROM nowhere"))
    with pytest.raises(sa.exc.IntegrityError):
        database.write(
            lambda conn: conn.exec_driver_sql("INSERT INTO heartbeats VALUES ('a', 1), ('a', 1)")
        )


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
    going, started = threading.Event(), threading.Event()
    standing = asyncio.create_task(group.write(standing_still(started, going)))
    await asyncio.to_thread(started.wait, 30)
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
    with closing(sqlite3.connect(impatient.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(
            *(group.write(beating(f"{n}")) for n in range(5)), return_exceptions=True
        )
        assert {StoreUnavailable} == {type(result) for result in results}
        other.execute("ROLLBACK")
    assert await group.write(beating("after")) == "after"
    assert ["after"] == names(impatient)
    await group.close()


async def test_a_caller_who_went_away_harms_nobody(database: Database) -> None:
    """A cancelled request's rows are kept; the others get their answers."""
    group = GroupCommit(database)
    going, started = threading.Event(), threading.Event()
    standing = asyncio.create_task(group.write(standing_still(started, going)))
    await asyncio.to_thread(started.wait, 30)
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
    going, started = threading.Event(), threading.Event()
    standing = asyncio.create_task(group.write(standing_still(started, going)))
    await asyncio.to_thread(started.wait, 30)
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


def test_a_heart_beats_in_one_row(database: Database) -> None:
    """It proves that writing works, and grows nothing."""
    for now in (1.0, 2.0):
        database.write(lambda conn, now=now: beat(conn, "daemon", now=now))  # type: ignore[misc]
    assert [("daemon", 2.0)] == database.read(
        lambda conn: [tuple(row) for row in conn.execute(sa.select(heartbeats))]
    )


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
        time.sleep(group_commit.LIGHT_S)
        return beating(name)(conn)

    commits: list[None] = []
    event.listen(database.engine, "commit", lambda _conn: commits.append(None))
    jobs = [partial(slowly, name=f"{n}") for n in range(5)]
    assert list("01234") == await asyncio.gather(*(group.write_light(job) for job in jobs))
    assert 5 == len(commits)


async def test_what_somebody_waits_for_is_written_first(
    database: Database, group: GroupCommit
) -> None:
    """It goes before what nobody waits for, which still gets on by a job in each commit."""
    ran: list[str] = []

    def slowly(conn: Connection, name: str) -> str:
        ran.append(name)
        time.sleep(group_commit.BESIDE_S)
        return beating(name)(conn)

    def together(conn: Connection, items: Sequence[str]) -> list[str]:
        return [slowly(conn, name) for name in items]

    light = [group.write_light(partial(slowly, name=f"light {n}")) for n in range(3)]
    first = [group.write_first(together, f"first {n}", within_s=30) for n in range(2)]
    answers = await asyncio.gather(*light, *first)
    assert ["light 0", "light 1", "light 2", "first 0", "first 1"] == answers
    assert ["first 0", "first 1", "light 0", "light 1", "light 2"] == ran
    assert sorted(answers) == names(database)


def keeping(conn: Connection, items: Sequence[str]) -> list[str]:
    for name in items:
        if name.startswith("bad"):
            failing(conn)
        beat(conn, name, now=1.0)
    return list(items)


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


async def test_items_beyond_what_one_commit_takes_are_all_kept(
    database: Database, group: GroupCommit
) -> None:
    """In their order, and each with its own result."""
    wanted = [f"{n:03}" for n in range(3 * group_commit.TOGETHER_LIMIT)]
    kept = await asyncio.gather(*(group.write_first(keeping, name, within_s=30) for name in wanted))
    assert wanted == kept == names(database)


async def test_what_waits_for_the_writer_is_counted(group: GroupCommit) -> None:
    """Of every kind, until it is on disk."""
    writes = (group.write, group.write_light)
    waiting = [asyncio.create_task(write(beating("a"))) for write in writes]
    waiting.append(asyncio.create_task(group.write_first(keeping, "b", within_s=30)))
    await asyncio.sleep(0)
    assert 3 == group.waiting
    await asyncio.gather(*waiting)
    assert 0 == group.waiting


async def test_who_waits_too_long_is_told_so(impatient: Database) -> None:
    """In their own time, though the database makes the writer wait longer; the others are not."""
    group = GroupCommit(impatient)
    assert "before" == await group.write_light(beating("before"))
    with closing(sqlite3.connect(impatient.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        late = [group.write_first(keeping, name, within_s=0.01) for name in ("late", "later")]
        told = await asyncio.gather(*late, return_exceptions=True)
        other.execute("ROLLBACK")
    assert ["The database did not keep it in time."] * 2 == [str(error) for error in told]
    assert "after" == await group.write_first(keeping, "after", within_s=30)
    await group.close()


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
    with closing(sqlite3.connect(impatient.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(group.write_light(beating("refused")))
        passes = 0
        while not waiting.done():
            passes += 1
            await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable):
            await waiting
        assert passes > 10
        other.execute("ROLLBACK")
    assert await group.write_light(beating("after")) == "after"
    assert ["after", "before"] == names(impatient)
    await group.close()
