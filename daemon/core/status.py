"""How the service is: the daemon, the database, what waits, each client, and what needs somebody.

Read every second by `released top`, so it asks only indexes. Owns the document; what an alert is
worth is `alerts`'s, and how figures are counted `store.counts`'s.
"""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from daemon.core import alerts, clients, ownership, taking_over
from daemon.core.alerts import Backups, Disk, Facts, Stop
from daemon.core.credentials.alerting import find_credential_alerts
from daemon.core.database_files import folder_of, log_of
from daemon.core.documents import client_document, timestamp
from daemon.core.orders import BY_SYSTEMD, Orders, find_orders
from daemon.core.schedule import UnreadableHours, read_hours
from daemon.core.sealing.sealed import digest_token
from daemon.core.settings import Settings
from daemon.core.store import counts, heartbeats
from daemon.core.store.clients import Client, find_client
from daemon.core.store.counts import Figures
from daemon.core.store.engine import Connection, sqlite_path
from daemon.core.vault import find_newest


@dataclass(frozen=True, slots=True)
class DaemonState:
    """Whether a daemon works on the database, and since when, where that is known."""

    is_running: bool
    since: float | None


def find_daemon(conn: Connection, database: Path) -> DaemonState:
    """Look from beside it whether a daemon works on the database.

    Raises:
        Misconfigured: when its lock must not be looked at.

    """
    if not ownership.is_owned(database):
        return DaemonState(is_running=False, since=None)
    return DaemonState(is_running=True, since=taking_over.started_at(conn))


@dataclass(frozen=True, slots=True)
class Setting:
    """What a daemon was given to work with.

    `has_shared_token`: it has an access token for clients without one of their own, which
    `shared_token` is where it is known. `backup_dir` is None where no backups are made, which with
    `needs_backups` is worth an alert. `orders` are how the daemon is run here.
    """

    database: Path
    has_shared_token: bool = True
    shared_token: str | None = None
    backup_dir: Path | None = None
    needs_backups: bool = False
    orders: Orders = BY_SYSTEMD

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Take it out of the settings, and look how the daemon is run on this machine."""
        database, token = sqlite_path(settings.database_url), settings.token_for(None)
        return cls(
            database,
            has_shared_token=token is not None,
            shared_token=token,
            backup_dir=settings.backup_dir,
            needs_backups=settings.app_env == "prod",
            orders=find_orders(database),
        )


def read_status(
    conn: Connection,
    setting: Setting,
    *,
    daemon: DaemonState,
    version: str,
    now: float,
    client_id: int | None = None,
) -> dict[str, Any]:
    """Describe how everything is, or with `client_id` how that client is and nothing beside it."""
    is_whole = client_id is None
    database, backup_dir = setting.database, setting.backup_dir
    figures = counts.measure_clients(conn, now=now, since=now - alerts.DAY_S, client_id=client_id)
    facts = Facts(
        clients=figures,
        stops=_explain_stops(conn, figures),
        unread_hours=_unread_hours(figures),
        expiring=_find_expiring(conn, now=now) if is_whole else [],
        disk=_measure_disk(database) if is_whole else None,
        folder=str(folder_of(database)),
        daemon_runs=daemon.is_running,
        has_shared_token=setting.has_shared_token,
        now=now,
        daemon_since=daemon.since,
        written_at=heartbeats.last_beat(conn, heartbeats.WRITER) if is_whole else None,
        backups=_find_backups(database, backup_dir, now=now) if is_whole else None,
        lacks_backups=is_whole and setting.needs_backups and backup_dir is None,
        causes=counts.recent_causes(conn, since=now - alerts.DAY_S, client_id=client_id),
        credentials=find_credential_alerts(
            conn,
            shared_token=setting.shared_token,
            now=now,
            daemon_since=daemon.since if daemon.is_running else None,
            only=client_id,
            restart=setting.orders.restart,
        ),
        orders=setting.orders,
    )
    return _describe(facts, daemon=daemon, version=version)


def _describe(facts: Facts, *, daemon: DaemonState, version: str) -> dict[str, Any]:
    disk = facts.disk
    oldest_at = [one.oldest_at for one in facts.clients if one.oldest_at is not None]
    return {
        "version": version,
        "time": timestamp(facts.now),
        "daemon": {
            "state": "running" if daemon.is_running else "down",
            "since": _moment(daemon.since),
        },
        "database": {
            "bytes": None if disk is None else disk.used_by_us,
            "free_bytes": None if disk is None else disk.free,
        },
        "inbox": {
            "pending": sum(one.pending for one in facts.clients),
            "oldest_seconds": round(max(0.0, facts.now - min(oldest_at, default=facts.now))),
            "parked": sum(one.parked for one in facts.clients),
            "in_doubt": sum(one.in_doubt for one in facts.clients),
        },
        "clients": [_client_row(one) for one in facts.clients],
        "alerts": [asdict(alert) for alert in alerts.find_alerts(facts)],
    }


def _client_row(one: Figures) -> dict[str, Any]:
    state = "active" if one.active else "inactive"
    return {
        "id": one.client_id,
        "name": one.name,
        "state": "stopped" if one.active and one.is_stopped else state,
        "pending": one.pending,
        "parked": one.parked,
        "last_message_at": _moment(one.last_message_at),
        "last_answer_at": _moment(one.last_answer_at),
        "answers_24h": one.answers,
        "unanswered_24h": one.unanswered,
        "with_person": one.with_person,
        "asked_to_stop": one.asked_to_stop,
    }


def _explain_stops(conn: Connection, figures: Sequence[Figures]) -> dict[int, Stop]:
    stopped = [one.client_id for one in figures if one.is_stopped]
    if len(stopped) > 1:
        # All at once: when a shared token is refused, it is every client.
        found = clients.list_stopped(conn)
    else:
        found = tuple(filter(None, (find_client(conn, client_id) for client_id in stopped)))
    return {
        client.id: Stop(client_document(client)["stopped"]["reason"], _way_out(client))
        for client in found
    }


def _way_out(client: Client) -> Any:
    if not clients.is_credential_stop(client):
        return "resume"
    is_none_set = client.stopped_token_digest == digest_token("")
    return "new_token" if client.access_token or is_none_set else "restart"


def _unread_hours(figures: Sequence[Figures]) -> dict[int, str]:
    reasons = {one.client_id: _why_unread(one.business_hours) for one in figures}
    return {client_id: reason for client_id, reason in reasons.items() if reason is not None}


@lru_cache(maxsize=2048)
def _why_unread(hours: str | None) -> str | None:
    # Remembered: reading is slow, and `top` asks for every client's every second.
    if hours is None:
        return None
    try:
        read_hours(hours)
    except UnreadableHours as unread:
        return unread.reason
    return None


def _measure_disk(database: Path) -> Disk:
    used = 0
    for file in (database, log_of(database)):
        with suppress(FileNotFoundError):
            used += file.stat().st_size
    disk = shutil.disk_usage(folder_of(database))
    return Disk(used_by_us=used, free=disk.free, total=disk.total)


def _find_expiring(conn: Connection, *, now: float) -> list[tuple[str, float]]:
    """List the admin tokens that end soon, by name, with the seconds that each has left."""
    expiring = counts.expiring_tokens(conn, now=now, until=now + alerts.TOKEN_WARNING_S)
    return [(name, expires_at - now) for name, expires_at in expiring]


def _find_backups(database: Path, folder: Path | None, *, now: float) -> Backups | None:
    if folder is None:
        return None
    try:
        newest = find_newest(database, folder, until=now)
    except OSError:
        # Somebody else's user asks; the daemon itself can look.
        return None
    return Backups(str(folder), None if newest is None else newest.made_at)


def _moment(at: float | None) -> str | None:
    return None if at is None else timestamp(at)
