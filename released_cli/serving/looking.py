"""Looks at the service on this machine: through systemd where that runs it, else by itself.

Owns what is asked of whom, and that nothing is started or made by looking. What it means is
`judging`'s.
"""

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.core.errors import ReleasedError
from released_cli.admin import Document
from released_cli.serving import judging
from released_cli.serving.health import ask_health, find_address
from released_cli.serving.judging import Health, Seen
from released_cli.serving.units import SERVICE, SOCKET, Unit
from released_cli.session import actor, now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daemon.core.settings import Settings

NOTHING_YET = "There is no database {path} yet. Onboard a client: released client add"


def look_at_service(
    units: "Mapping[str, Unit]", settings: "Settings | None", *, trouble: tuple[str, ...]
) -> Document:
    """Describe the daemon that systemd runs; `settings` is None where they cannot be read."""
    health = None
    if units[SERVICE].state in {"active", "reloading"}:
        health = _ask(settings, listen=units[SOCKET].tell("Listen"))
    newest = None if settings is None else _find_newest(settings)
    return judging.describe(Seen(units, health, version("released"), newest, trouble))


def look_without_systemd(settings: "Settings") -> Document:
    """Describe a daemon that was started in another way, or was not.

    Raises:
        ReleasedError: when the database cannot be read.

    """
    from daemon.core.orders import find_orders
    from daemon.core.store.engine import sqlite_path

    status = _read_status(settings)
    health = _ask(settings, listen="") if status["daemon"]["state"] == "running" else None
    return judging.describe_plain(
        status,
        health=health,
        installed=version("released"),
        newest_backup=_find_newest(settings),
        start=find_orders(sqlite_path(settings.database_url)).start,
    )


def _read_status(settings: "Settings") -> Document:
    from daemon.core.runtime import open_database
    from daemon.core.store.engine import sqlite_path
    from released_cli.local import LocalAdmin

    path = sqlite_path(settings.database_url)
    if not path.exists():
        # Opened, it would be made.
        raise _NothingYet(NOTHING_YET.format(path=path))
    with open_database(settings) as opened:
        return LocalAdmin(opened, settings, actor=actor(), clock=now).read_status()


class _NothingYet(ReleasedError):
    """There is nothing to look at yet."""


def _ask(settings: "Settings | None", *, listen: str) -> Health:
    host, port, tls = "127.0.0.1", 8080, False
    if settings is not None:
        host, port, tls = settings.host, settings.port, settings.tls_cert_file is not None
    return ask_health(*find_address(listen, host=host, port=port), tls=tls)


def _find_newest(settings: "Settings") -> float | None:
    from daemon.core.store.engine import sqlite_path
    from daemon.core.vault import find_newest

    folder: Path | None = settings.backup_dir
    if folder is None:
        return None
    try:
        newest = find_newest(sqlite_path(settings.database_url), folder, until=now())
    except OSError:
        # Another user's folder: the timer's result is told all the same.
        return None
    return None if newest is None else newest.made_at
