"""Runs all checks side by side and gives their findings in one order, whoever finished first."""

import asyncio
import importlib.metadata
import secrets
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from daemon.core.doctor.finding import Finding, skip
from daemon.core.doctor.here import (
    check_database,
    check_disk,
    check_settings,
    check_signature,
)
from daemon.core.doctor.https import check_certificate, check_privacy
from daemon.core.doctor.meta import check_meta
from daemon.core.doctor.model import check_model
from daemon.core.doctor.parts import Parts, Store
from daemon.core.doctor.reach import check_clock, check_daemon, check_public_url, check_webhook
from daemon.core.doctor.saved import check_backups
from daemon.core.doctor.sealed import check_secrets
from daemon.core.errors import ReleasedError
from daemon.core.settings import Settings
from daemon.core.store.engine import Database, Job
from daemon.core.store.group_commit import GroupCommit

T = TypeVar("T")

EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared
"""Where a daemon that listens everywhere is found from here."""


async def run_doctor(parts: Parts) -> list[dict[str, Any]]:
    """Check everything, within half a minute. No check's failure keeps another from its line."""
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
        asyncio.TaskGroup() as group,
    ):
        tasks = [
            group.create_task(_guard(name, check))
            for name, check in (
                ("settings", check_settings(parts)),
                ("database", check_database(parts)),
                ("disk", check_disk(parts)),
                ("clock", check_clock(parts, http)),
                ("signature", check_signature(parts)),
                ("daemon", check_daemon(parts, http)),
                ("public_url", check_public_url(parts, http)),
                ("webhook", check_webhook(parts, http)),
                ("certificate", check_certificate(parts)),
                ("https", check_privacy(parts, http)),
                ("secrets", check_secrets(parts)),
                ("backups", check_backups(parts)),
                ("model", check_model(parts)),
                ("meta", check_meta(parts, http)),
            )
        ]
    return [finding.as_document() for task in tasks for finding in task.result()]


def run_doctor_here(settings: Settings, database: Database, *, now: float) -> list[dict[str, Any]]:
    """Check everything from a program that is not the daemon, on the daemon's own database.

    `now` is seconds since the epoch, as the caller's clock has it. Blocks.
    """

    async def run() -> list[dict[str, Any]]:
        store = GroupCommit(database)
        try:
            return await run_doctor(_gather(settings, store, database.path, now=now))
        finally:
            await store.close()

    return asyncio.run(run())


def run_doctor_without(
    settings: Settings, database: Path, shut: ReleasedError, *, now: float
) -> list[dict[str, Any]]:
    """Check what needs no database, where it could not be opened and `shut` says why; as above."""
    return asyncio.run(run_doctor(_gather(settings, _Shut(shut), database, now=now)))


class _Shut:
    """Stands where the store would: whoever asks it is told why it could not be opened."""

    def __init__(self, why: ReleasedError) -> None:
        self._why = why

    async def read(self, job: Job[T]) -> T:  # noqa: ARG002 - as every store takes it
        raise self._why

    async def write(self, job: Job[T]) -> T:  # noqa: ARG002
        raise self._why


def _gather(settings: Settings, store: Store, database: Path, *, now: float) -> Parts:
    began = now - time.monotonic()
    return Parts(
        settings=settings,
        store=store,
        database=database,
        daemon_url=build_url(settings.host, settings.port, tls=settings.serves_tls),
        version=importlib.metadata.version("released"),
        clock=lambda: began + time.monotonic(),
        challenge=secrets.token_hex(16),
    )


def build_url(host: str, port: int, *, tls: bool = False) -> str:
    """Give the address of a daemon that listens on this host and port, as seen from here."""
    reached = EVERYWHERE.get(host, host)
    shown = f"[{reached}]" if ":" in reached else reached
    return f"{'https' if tls else 'http'}://{shown}:{port}"


async def _guard(name: str, check: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        return await check
    except ReleasedError as failed:
        return [
            skip(name, f"could not be checked: {failed}".rstrip("."), "mend what `database` says")
        ]
