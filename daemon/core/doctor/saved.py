"""The check of backups: that some are made, and that the newest is young enough."""

import asyncio

from daemon.core.alerts import BACKUP_LATE_S
from daemon.core.doctor.finding import Finding, ok, skip, warn
from daemon.core.doctor.parts import Parts
from daemon.core.documents import timestamp
from daemon.core.settings import Settings
from daemon.core.vault import find_newest

_SET = "set BACKUP_DIR to a folder of the daemon's user, best on another disk, and restart it"
_FIRST = "released db backup, unless the daemon has just started: soon it makes one by itself"
_NOW = "released db backup; then see in the daemon's log why it made none"


async def check_backups(parts: Parts) -> list[Finding]:
    """See whether backups are made, and how old the newest is."""
    folder = parts.settings.backup_dir
    if folder is None:
        if _is_in_use(parts.settings):
            return [warn("backups", "no backups are made: BACKUP_DIR is not set", _SET)]
        return [skip("backups", "none are made in dev without BACKUP_DIR")]
    now = parts.clock()
    try:
        newest = await asyncio.to_thread(find_newest, parts.database, folder, until=now)
    except OSError as refused:
        return [skip("backups", f"{folder} cannot be looked into: {refused.strerror}")]
    if newest is None:
        return [warn("backups", f"there is none in {folder}", _FIRST)]
    detail = f"the newest in {folder} is of {timestamp(newest.made_at)}"
    if now - newest.made_at > BACKUP_LATE_S:
        return [warn("backups", f"{detail}, too long ago", _NOW)]
    return [ok("backups", detail)]


def _is_in_use(settings: Settings) -> bool:
    """Tell whether somebody's customers may write: in prod, or where others than we can call."""
    url = settings.public_url
    return settings.app_env == "prod" or (url is not None and url.startswith("https:"))
