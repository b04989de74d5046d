"""Keeps the copies of the database: a backup every night into BACKUP_DIR, and none that is too old.

Owns when the daemon looks, and that a failure is logged and tried again: without a backup it still
answers. What is due, and how it is made, is `core.vault`'s; where systemd's timer has made one
tonight, nothing is due.
"""

import asyncio
import logging
import time
from datetime import timedelta
from pathlib import Path
from threading import Event

from daemon.core import vault
from daemon.core.errors import ReleasedError
from daemon.core.runtime import Runtime
from daemon.core.store.engine import sqlite_path
from daemon.core.vault import Filled
from daemon.work.aside import run_aside

log = logging.getLogger(__name__)

FIRST_S = 120.0
"""After the start, when what has waited for the daemon is done with."""

EVERY_S = 600.0
"""Between two looks: short beside the quiet hour."""

AGAIN_S = 3600.0
"""After a backup that failed: what stopped it takes a person."""


class _Stopped(ReleasedError):
    """The daemon ends, and the backup with it."""


class Keeper:
    """Runs beside the pool for as long as the daemon does."""

    def __init__(self, runtime: Runtime) -> None:
        """Share the daemon's parts; own none of them."""
        settings = runtime.settings
        self._database = sqlite_path(settings.database_url)
        self._older_than = timedelta(days=settings.retention_days)
        self._vault = vault.find_vault(settings)
        self._clock = runtime.clock
        self._stop = Event()

    async def run(self) -> None:
        """Look now and then until cancelled."""
        try:
            await asyncio.sleep(FIRST_S)
            while True:
                went_well = await self.keep()
                await asyncio.sleep(EVERY_S if went_well else AGAIN_S)
        finally:
            self._stop.set()

    async def keep(self) -> bool:
        """Make a backup if one is due, and delete what is too old; say whether all went well."""
        try:
            filled = await run_aside("backup", self._fill)
            gone = await run_aside("backup", self._delete_old)
        except (ReleasedError, OSError) as failed:
            log.error("backup failed", extra={"error": str(failed)})  # noqa: TRY400 - it says it all
            return False
        except Exception:
            # Whatever it is: it must not take the bots with it.
            log.exception("backup failed")
            return False
        if filled is not None:
            made = filled.made
            seconds = round(made.seconds, 3)
            facts = {"file": made.file.name, "bytes": made.bytes, "seconds": seconds}
            log.info("backed up", extra=facts)
        deleted = [path.name for path in (*(filled.deleted if filled else ()), *gone)]
        if deleted:
            log.info("old backups deleted", extra={"files": deleted})
        return True

    def _fill(self) -> Filled | None:
        if self._vault is None:
            return None
        now = self._clock()
        newest = vault.find_newest(self._database, self._vault.folder, until=now)
        hour = time.localtime(now).tm_hour
        if not vault.is_due(None if newest is None else newest.made_at, now=now, hour=hour):
            return None
        return vault.fill(self._vault, now=now, monotonic=time.monotonic, watch=self._watch)

    def _delete_old(self) -> tuple[Path, ...]:
        folder = None if self._vault is None else self._vault.folder
        return vault.delete_old(
            self._database, folder, older_than=self._older_than, now=self._clock()
        )

    def _watch(self, _done: int, _total: int) -> None:
        if self._stop.is_set():
            raise _Stopped
