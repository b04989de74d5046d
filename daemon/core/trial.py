"""Whether this daemon is on trial: a new release that may yet be taken back, database and all.

Owns the file that says so, and how long it counts. scripts/install.sh leaves it before it starts a
release that has changed the schema, and takes it away once the release is kept. What a daemon on
trial leaves undone, its edges decide: what it took in or sent would be lost on the way back.
"""

import asyncio
import logging
import math
from pathlib import Path

from daemon.core.errors import Retryable

log = logging.getLogger(__name__)

SUFFIX = ".on-trial"
"""What the file's name has behind the database's; scripts/install.sh writes the same."""

TRIAL_S = 180.0
"""Seconds after which a trial is over whatever the file says: an installer that died must leave no
bot silent. Longer than the installer waits for a release to be well, and for the former one."""

LOOK_EVERY_S = 0.5
"""Between two looks whether the file is still there."""

RETRY_AFTER_S = 5.0
"""What callers are asked to wait: most trials are over by then."""


class OnTrial(Retryable):
    """This release is on trial after an upgrade, and takes nothing in until it is kept."""

    def __init__(self) -> None:
        """Ask to be called again soon."""
        super().__init__(retry_after_s=RETRY_AFTER_S)


class Trial:
    """One daemon's trial; belongs to one event loop."""

    def __init__(self, file: Path, *, within_s: float) -> None:
        """Take the file whose going ends it, and the seconds after which it ends by itself."""
        self._file = file
        self._within_s = within_s
        self._watching = asyncio.Lock()
        self.is_on = True

    async def end(self) -> None:
        """Wait until it is over; one of those who wait looks after the file for all."""
        async with self._watching:
            if self.is_on:
                await self._watch()
                self.is_on = False

    async def _watch(self) -> None:
        try:
            async with asyncio.timeout(self._within_s):
                await self._wait_for_word()
        except TimeoutError:
            log.warning("trial ended by itself", extra=_remove(self._file))
        else:
            log.info("trial ended")

    async def _wait_for_word(self) -> None:
        while True:
            if _find_moment(self._file) is None:
                return
            await asyncio.sleep(LOOK_EVERY_S)


def begin_trial(database: Path, *, now: float) -> Trial | None:
    """Tell whether the daemon that starts now is on trial; a file that is too old is removed.

    `now` is seconds since the epoch.
    """
    file = name_trial_file(database)
    left_at = _find_moment(file)
    if left_at is None:
        return None
    left_s = decide_left(now - left_at)
    if left_s <= 0:
        log.warning("old trial ignored", extra=_remove(file))
        return None
    log.info("on trial", extra={"file": str(file), "at_most_s": round(left_s)})
    return Trial(file, within_s=left_s)


def name_trial_file(database: Path) -> Path:
    """Give the file that puts the daemon of a database on trial."""
    return database.with_name(f"{database.name}{SUFFIX}")


def decide_left(age_s: float) -> float:
    """Decide for how many seconds more a trial may last, by the age of its file.

    A file from the future, by a clock that was set back, counts as new.
    """
    return TRIAL_S - max(age_s, 0.0)


def _find_moment(file: Path) -> float | None:
    """Tell when the file was left, in seconds since the epoch; None where there is none."""
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return None
    except OSError:
        # Not to be looked at for now: that does not say that it has gone.
        return math.inf


def _remove(file: Path) -> dict[str, str]:
    """Remove the file; give what the log must say of it."""
    try:
        file.unlink(missing_ok=True)
    except OSError as refused:
        return {"file": str(file), "error": f"cannot be removed: {refused.strerror}"}
    return {"file": str(file)}
