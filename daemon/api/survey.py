"""Looks up what only a reader of /metrics wants to know: each client's figures, files, the disk.

Nothing is looked up while nobody reads, and not more often than EVERY_S however many do. Owns which
gauge gets which figure; how the figures are counted is the store's.
"""

import asyncio
import logging
import math
import shutil
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aiohttp import web

from daemon.core.certificates import DAY_S, read_lifetime
from daemon.core.database_files import folder_of, log_of
from daemon.core.errors import Misconfigured
from daemon.core.runtime import Runtime
from daemon.core.store import counts
from daemon.core.store.counts import Figures
from daemon.core.store.engine import sqlite_path
from daemon.core.store.faults import StoreDamaged, StoreUnavailable
from daemon.core.vault import find_newest
from daemon.metrics import Metrics

log = logging.getLogger(__name__)

EVERY_S = 5.0
"""Between two looks: a reader who comes sooner is given the figures of the last one."""

BUDGET_S = 3.0
"""Seconds a look may take; with the health check before it that stays within the 10 s after which
Prometheus gives up (its default `scrape_timeout`)."""


@dataclass(frozen=True, slots=True)
class Files:
    """Sizes in bytes; what is not known is NaN.

    `backup_at` is the newest backup's moment, 0 for none; `certificate_ends_at` that of our own.
    """

    database: int
    log: int
    free: float
    size: float
    backup_at: float
    certificate_ends_at: float


class Surveyor:
    """Feeds the gauges of one daemon."""

    def __init__(self, runtime: Runtime, metrics: Metrics) -> None:
        """Share the daemon's parts; own none of them."""
        self._store = runtime.store
        self._directory = runtime.directory
        self._clock = runtime.clock
        self._metrics = metrics
        self._database = sqlite_path(runtime.settings.database_url)
        self._backups = runtime.settings.backup_dir
        self._certificate = runtime.settings.tls_cert_file
        self._lock = asyncio.Lock()
        self._looked_at = -math.inf

    async def look(self, examine: Callable[[], Awaitable[object]]) -> None:
        """Renew the gauges, unless that has just been done; `examine` notes the daemon's health."""
        async with self._lock:
            if time.monotonic() - self._looked_at < EVERY_S:
                return
            await examine()
            try:
                async with asyncio.timeout(BUDGET_S):
                    await self._survey()
            except (StoreDamaged, StoreUnavailable, TimeoutError) as down:
                # `released_healthy` says it; the figures stay those of the last look.
                log.debug("survey failed", extra={"error": str(down)})
            self._looked_at = time.monotonic()

    async def _survey(self) -> None:
        # The disk first: it is what an unusable database may come from.
        now = self._clock()
        files = await asyncio.to_thread(
            measure_files,
            self._database,
            backups=self._backups,
            certificate=self._certificate,
            now=now,
        )
        self._show_files(files, now=now)
        figures = await self._store.read(partial(counts.measure_clients, now=now, since=now))
        self._show_clients(figures, now=now)

    def _show_files(self, files: Files, *, now: float) -> None:
        self._metrics.database_bytes.set(files.database)
        self._metrics.wal_bytes.set(files.log)
        self._metrics.disk_free.set(files.free)
        self._metrics.disk_size.set(files.size)
        self._metrics.last_backup.set(files.backup_at)
        self._metrics.certificate_days_left.set((files.certificate_ends_at - now) / DAY_S)

    def _show_clients(self, figures: Sequence[Figures], *, now: float) -> None:
        active = [one for one in figures if one.active]
        stopped = sum(one.is_stopped for one in active)
        for state, count in (
            ("active", len(active) - stopped),
            ("stopped", stopped),
            ("inactive", len(figures) - len(active)),
        ):
            self._metrics.clients.labels(state).set(count)
        for cause, paused in (
            ("loop", sum(one.paused for one in figures)),
            ("person", sum(one.with_person for one in figures)),
            ("stopped", sum(one.asked_to_stop for one in figures)),
        ):
            self._metrics.paused.labels(cause).set(paused)
        self._metrics.keep_clients([one.client_id for one in active])
        for one in active:
            self._show_client(one, now=now)

    def _show_client(self, one: Figures, *, now: float) -> None:
        meters = self._metrics.of_client(one.client_id)
        meters.note_name(one.name)
        meters.stopped.set(one.is_stopped)
        meters.pending.set(one.pending)
        meters.oldest.set(0.0 if one.oldest_at is None else max(0.0, now - one.oldest_at))
        meters.parked.set(one.parked)
        meters.last_message.set(one.last_message_at or 0.0)


SURVEYOR = web.AppKey("surveyor", Surveyor)


def measure_files(
    database: Path, *, backups: Path | None, certificate: Path | None, now: float
) -> Files:
    """Measure the database's files and its disk, and read the moments of backup and certificate."""
    free = size = math.nan
    with suppress(OSError):
        disk = shutil.disk_usage(folder_of(database))
        free, size = disk.free, disk.total
    return Files(
        database=_size(database),
        log=_size(log_of(database)),
        free=free,
        size=size,
        backup_at=math.nan if backups is None else _find_backup(database, backups, now=now),
        certificate_ends_at=math.nan if certificate is None else _find_end(certificate),
    )


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _find_backup(database: Path, folder: Path, *, now: float) -> float:
    try:
        newest = find_newest(database, folder, until=now)
    except OSError:
        return math.nan
    return 0.0 if newest is None else newest.made_at


def _find_end(certificate: Path) -> float:
    try:
        return read_lifetime(certificate, setting="TLS_CERT_FILE").ends_at
    except Misconfigured:
        # The one that is served stays what it was, and the log has an error.
        return math.nan
