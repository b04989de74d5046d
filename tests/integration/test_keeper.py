"""The daemon's keeper: a backup a night without a timer, none twice, and none that is too old."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.core import vault
from daemon.core.backups import name_backup
from daemon.core.vault import QUIET_HOUR
from daemon.work import keeper as keeper_module
from daemon.work.aside import run_aside
from daemon.work.keeper import Keeper
from tests.doubles.backup_kit import MOMENT, list_files
from tests.doubles.daemon_process import wait_until
from tests.doubles.workbench import Bench, open_bench

DAY_S = 86_400.0


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path, now=MOMENT, BACKUP_DIR=str(tmp_path / "kept")) as opened:
        yield opened


async def test_the_first_is_made_at_once_and_no_second(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Logged with its name and size."""
    caplog.set_level(logging.INFO, logger="daemon.work.keeper")
    keeper = Keeper(bench.runtime)
    assert await keeper.keep()
    (name,) = list_files(tmp_path / "kept")
    (record,) = caplog.records
    assert ("backed up", name) == (record.message, vars(record)["file"])
    assert await keeper.keep()
    assert [name] == list_files(tmp_path / "kept")


async def test_where_a_timer_made_tonights_none_is_made(bench: Bench, tmp_path: Path) -> None:
    """The next night without one, in the quiet hour, it makes one itself."""
    keeper = Keeper(bench.runtime)
    assert await keeper.keep()
    hours_s = (QUIET_HOUR - time.localtime(MOMENT).tm_hour) % 24 * 3600
    quiet = MOMENT + hours_s + (DAY_S if hours_s < vault.FRESH_S else 0)
    bench.clock.now = quiet - 3 * 3600
    timers = name_backup(tmp_path / "released.db", tmp_path / "kept", now=bench.clock.now)
    timers.write_bytes(next(iter((tmp_path / "kept").iterdir())).read_bytes())
    bench.clock.now = quiet
    assert await keeper.keep()
    assert 2 == len(list_files(tmp_path / "kept"))
    bench.clock.now = quiet + DAY_S
    assert await keeper.keep()
    assert 3 == len(list_files(tmp_path / "kept"))


async def test_what_is_too_old_goes_with_or_without_a_folder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What a restore left is deleted where no backups are made at all."""
    caplog.set_level(logging.INFO, logger="daemon.work.keeper")
    async with open_bench(tmp_path, now=MOMENT) as bench:
        left = tmp_path / "released.db.before-restore-20260401T000000Z"
        left.write_text("old")
        assert await Keeper(bench.runtime).keep()
    assert not left.exists()
    (record,) = caplog.records
    assert [left.name] == vars(record)["files"]


async def test_a_failure_is_one_line_and_tried_again(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The daemon answers on; what is no refusal of ours comes with its traceback."""
    keeper = Keeper(bench.runtime)
    (tmp_path / "kept").write_text("a file")
    assert not await keeper.keep()
    (record,) = caplog.records
    assert ("ERROR", "backup failed") == (record.levelname, record.message)
    assert record.exc_info is None
    (tmp_path / "kept").unlink()
    assert await keeper.keep()


async def test_a_fault_of_our_own_does_not_take_the_bots_with_it(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is logged with where it was."""

    def fail(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(vault, "delete_old", fail)
    assert not await Keeper(bench.runtime).keep()
    (record,) = caplog.records
    assert record.exc_info is not None


async def test_it_looks_again_and_ends_when_told(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sooner after a good look than after a bad one."""
    for name in ("FIRST_S", "EVERY_S", "AGAIN_S"):
        monkeypatch.setattr(keeper_module, name, 0)
    looks: list[bool] = []
    keeper = Keeper(bench.runtime)
    keep = keeper.keep

    async def look() -> bool:
        if looks:
            (tmp_path / "kept").rename(tmp_path / f"kept{len(looks)}")
            (tmp_path / "kept").write_text("a file")
        looks.append(await keep())
        if len(looks) == 2:
            raise asyncio.CancelledError
        return looks[-1]

    monkeypatch.setattr(keeper, "keep", look)
    with pytest.raises(asyncio.CancelledError):
        await keeper.run()
    assert [True, False] == looks


async def test_an_end_does_not_wait_for_a_backup(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy that was begun is thrown away."""
    monkeypatch.setattr(keeper_module, "FIRST_S", 0)
    begun, go_on = threading.Event(), threading.Event()
    keeper = Keeper(bench.runtime)
    watch = keeper._watch

    def hold(done: int, total: int) -> None:
        begun.set()
        go_on.wait(10)
        watch(done, total)

    monkeypatch.setattr(keeper, "_watch", hold)
    running = asyncio.create_task(keeper.run())

    async def is_begun() -> bool:
        return begun.is_set()

    await wait_until(is_begun)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    go_on.set()

    async def is_gone() -> bool:
        return [] == list_files(tmp_path / "kept")

    await wait_until(is_gone)


async def test_what_runs_aside_gives_back_what_it_found() -> None:
    """A value or an error, on another thread."""
    assert threading.get_ident() != await run_aside("t", threading.get_ident)
    with pytest.raises(ZeroDivisionError):
        await run_aside("t", lambda: 1 / 0)


def test_a_loop_that_has_ended_is_no_error() -> None:
    """Whoever waited is gone, and the thread ends in peace."""
    begun, go_on = threading.Event(), threading.Event()
    names: list[str] = []

    def job() -> None:
        begun.set()
        go_on.wait(10)

    async def leave() -> None:
        task = asyncio.create_task(run_aside("left behind", job))
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        names.extend(thread.name for thread in threading.enumerate())

    asyncio.run(leave())
    assert "left behind" in names
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "left behind")
    go_on.set()
    thread.join(10)
    assert not thread.is_alive()
