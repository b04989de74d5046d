"""Checks of this machine: settings, database, disk, and whether webhooks could be verified."""

import asyncio
import shutil
from functools import partial
from urllib.parse import urlsplit

from daemon.core.database_files import folder_of
from daemon.core.doctor.finding import Finding, fail, ok, refuse, skip, warn
from daemon.core.doctor.parts import Parts
from daemon.core.errors import Misconfigured, ReleasedError
from daemon.core.meta.handshake import sign_body, verify_signature
from daemon.core.settings import LOOPBACK, WHERE_TO_GET
from daemon.core.sizes import tell_size
from daemon.core.starting import check_start
from daemon.core.store import heartbeats
from daemon.core.store.examining import is_current

DATABASE_BUDGET_S = 15.0
"""Seconds for one write and one read; a transaction waits 10 for another program's lock."""

DISK_ERROR_BYTES = 100 * 2**20
"""So little may be gone in minutes: SQLite's log alone takes some megabytes while it works."""

DISK_WARNING_BYTES = 2**30
"""Time enough to make room before it is urgent."""

SAMPLE = b'{"object":"whatsapp_business_account"}'


async def check_settings(parts: Parts) -> list[Finding]:
    """Hold the settings against what the daemon starts with, and their names against ours."""
    settings = parts.settings
    problems = [
        fail("settings", f"{name} is not set", f"set {name}: {WHERE_TO_GET[name]}")
        for name in ("META_APP_SECRET", "META_VERIFY_TOKEN")
        if getattr(settings, name.lower()) is None
    ]
    if not problems:
        problems = await asyncio.to_thread(_check_start, parts)
    step = "mend the name, and restart released-daemon: until then it has no effect"
    problems += [warn("settings", slip, step) for slip in settings.slips]
    if settings.app_env == "dev" and settings.public_url and not is_private(settings.public_url):
        problems.append(
            warn(
                "settings",
                "PUBLIC_URL is not https, and Meta calls nothing else",
                f"set PUBLIC_URL: {WHERE_TO_GET['PUBLIC_URL']}",
            )
        )
    return problems or [ok("settings", f"all that is needed is set (APP_ENV={settings.app_env})")]


async def check_database(parts: Parts) -> list[Finding]:
    """Write to the database and look at its schema."""
    beat = partial(heartbeats.beat, name="doctor", now=parts.clock())
    try:
        async with asyncio.timeout(DATABASE_BUDGET_S):
            await parts.store.write(beat)
            current = await parts.store.read(is_current)
    except TimeoutError:
        reason = f"{parts.database} was not written within {DATABASE_BUDGET_S:.0f} seconds"
        return [fail("database", reason, "see what else uses the file, and how full the disk is")]
    except ReleasedError as broken:
        step = "see who owns the file and its folder, and how full the disk is"
        return [refuse("database", broken, step=step)]
    if not current:
        reason = f"{parts.database} has another schema than this version"
        return [fail("database", reason, "run `released db upgrade`, and restart released-daemon")]
    return [ok("database", f"{parts.database} is writable, its schema current")]


async def check_disk(parts: Parts) -> list[Finding]:
    """See how much room the database has to grow."""
    folder = folder_of(parts.database)
    try:
        usage = await asyncio.to_thread(shutil.disk_usage, folder)
    except OSError as refused:
        return [fail("disk", f"{folder} cannot be looked at: {refused.strerror}", "mend the disk")]
    return [judge_disk(free_bytes=usage.free, folder=str(folder))]


def judge_disk(*, free_bytes: int, folder: str) -> Finding:
    """Say whether that much room will do."""
    detail = f"{tell_size(free_bytes)} free in {folder}"
    if free_bytes < DISK_ERROR_BYTES:
        return fail("disk", detail, "make room now: a full disk keeps no message")
    if free_bytes < DISK_WARNING_BYTES:
        return warn("disk", detail, "make room before it is urgent")
    return ok("disk", detail)


async def check_signature(parts: Parts) -> list[Finding]:
    """Sign a sample as Meta does, and see that it passes and a changed one does not."""
    if parts.settings.meta_app_secret is None:
        step = f"set META_APP_SECRET: {WHERE_TO_GET['META_APP_SECRET']}"
        return [skip("signature", "META_APP_SECRET is not set", step)]
    secret = parts.settings.meta_app_secret.get_secret_value()
    header = sign_body(secret, SAMPLE)
    passes = verify_signature(secret, SAMPLE, header)
    if not passes or verify_signature(secret, SAMPLE + b" ", header):
        step = f"set META_APP_SECRET: {WHERE_TO_GET['META_APP_SECRET']}"
        return [fail("signature", "what META_APP_SECRET signs does not verify", step)]
    if secret != secret.strip():
        step = "take the white space around META_APP_SECRET away"
        return [fail("signature", "META_APP_SECRET begins or ends with white space", step)]
    return [ok("signature", "a webhook signed with META_APP_SECRET is taken, a changed one is not")]


def is_private(url: str) -> bool:
    """Tell whether what is sent to a URL is read by nobody on the way."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in LOOPBACK


def _check_start(parts: Parts) -> list[Finding]:
    try:
        check_start(parts.settings, now=parts.clock())
    except Misconfigured as unfit:
        step = "mend it in .env, and start released-daemon"
        return [refuse("settings", unfit, step=step, so="the daemon would not start: ")]
    return []
