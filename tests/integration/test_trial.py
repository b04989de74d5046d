"""The file that puts a daemon on trial: found at its start, looked after, removed in the end."""

import asyncio
import logging
import os
from pathlib import Path

import pytest

from daemon.core.trial import LOOK_EVERY_S, TRIAL_S, Trial, begin_trial, name_trial_file
from tests.doubles.virtual_time import run_virtually

NOW = 1_780_000_000.0


def leave_file(folder: Path, *, age_s: float) -> Path:
    """Put a database on trial, as the installer did so many seconds ago."""
    file = name_trial_file(folder / "released.db")
    file.touch()
    os.utime(file, (NOW - age_s, NOW - age_s))
    return file


def begin(folder: Path) -> Trial:
    trial = begin_trial(folder / "released.db", now=NOW)
    assert trial is not None
    return trial


def test_without_the_file_there_is_no_trial(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And not a word of it."""
    with caplog.at_level(logging.DEBUG):
        assert begin_trial(tmp_path / "released.db", now=NOW) is None
    assert [] == caplog.messages


def test_a_file_that_is_too_old_is_ignored_and_removed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its installer is dead: the bots answer."""
    file = leave_file(tmp_path, age_s=TRIAL_S)
    assert begin_trial(tmp_path / "released.db", now=NOW) is None
    assert not file.exists()
    assert [("WARNING", "old trial ignored")] == [
        (line.levelname, line.message) for line in caplog.records
    ]


def test_a_trial_ends_when_the_file_goes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Noticed within half a second by all who wait; a line as it begins, and one at its end."""
    file = leave_file(tmp_path, age_s=10)
    caplog.set_level(logging.INFO)

    async def run() -> tuple[bool, float]:
        trial, loop = begin(tmp_path), asyncio.get_running_loop()
        loop.call_at(7.1, file.unlink)
        waiting = asyncio.gather(trial.end(), trial.end())
        await asyncio.sleep(7)
        was_on = trial.is_on and not waiting.done()
        await waiting
        assert not trial.is_on
        await trial.end()
        return was_on, loop.time()

    was_on, ended_at = run_virtually(run())
    assert was_on
    assert 7.1 <= ended_at <= 7.1 + LOOK_EVERY_S
    assert [("INFO", "on trial"), ("INFO", "trial ended")] == [
        (line.levelname, line.message) for line in caplog.records
    ]


def test_a_trial_ends_by_itself_when_its_time_is_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Counted from when the file was left; the file goes, and a warning says so."""
    file = leave_file(tmp_path, age_s=60)

    async def run() -> float:
        await begin(tmp_path).end()
        return asyncio.get_running_loop().time()

    assert TRIAL_S - 60 == run_virtually(run())
    assert not file.exists()
    assert ["trial ended by itself"] == [
        line.message for line in caplog.records if line.levelname == "WARNING"
    ]


def test_a_file_that_cannot_be_removed_keeps_nobody_on_trial(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A folder in its place stands for that: root may remove any file."""
    name_trial_file(tmp_path / "released.db").mkdir()
    os.utime(name_trial_file(tmp_path / "released.db"), (NOW, NOW))
    trial = begin(tmp_path)
    run_virtually(trial.end())
    assert not trial.is_on
    assert "cannot be removed" in str(caplog.records[-1].__dict__["error"])
