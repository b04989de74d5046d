"""Makes of units, health and backups one document, and says what is not as it should be. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from released_cli.admin import Document
from released_cli.serving.units import BACKUP, MAINTENANCE, SERVICE, SOCKET, Unit

LOGS = "released service logs"
START = "released service start"


@dataclass(frozen=True, slots=True)
class Health:
    """What GET /health said: `fault` is None when all is well; the version, where it was told."""

    fault: str | None
    version: str | None


@dataclass(frozen=True, slots=True)
class Seen:
    """All that was looked at. `health` is None where nobody was asked, `newest_backup` unknown."""

    units: Mapping[str, Unit]
    health: Health | None
    installed: str
    newest_backup: float | None
    trouble: tuple[str, ...] = ()


def describe(seen: Seen) -> Document:
    """Build the document of `released service status` where systemd runs the daemon."""
    service = seen.units[SERVICE]
    health = seen.health
    return {
        "systemd": True,
        "units": [_describe_unit(unit) for unit in seen.units.values()],
        "daemon": {
            "state": service.state,
            "since": _stamp(service.moment("ActiveEnterTimestamp")),
            "restarts": service.count("NRestarts"),
            "memory_bytes": service.count("MemoryCurrent"),
            "says": service.tell("StatusText") or None,
        },
        "version": {
            "running": None if health is None else health.version,
            "installed": seen.installed,
        },
        "health": None if health is None else (health.fault or "ok"),
        "backup": {**_describe_job(seen.units, BACKUP), "newest": _stamp(seen.newest_backup)},
        "maintenance": _describe_job(seen.units, MAINTENANCE),
        "faults": [*_find_faults(seen), *seen.trouble],
    }


def describe_plain(
    status: Document,
    *,
    health: Health | None,
    installed: str,
    newest_backup: float | None,
    start: str,
) -> Document:
    """Build the same document from what `released status` says, where systemd has no part in it."""
    daemon = status["daemon"]
    is_running = daemon["state"] == "running"
    faults = [] if is_running else [f"the daemon does not run. Start it: {start}"]
    faults += [alert["text"] for alert in status["alerts"] if alert["level"] == "error"]
    if health is not None and health.fault is not None:
        faults.append(f"/health: {health.fault}")
    return {
        "systemd": False,
        "units": [],
        "daemon": {
            "state": daemon["state"],
            "since": daemon["since"],
            "restarts": None,
            "memory_bytes": None,
            "says": None,
        },
        "version": {
            "running": None if health is None else health.version,
            "installed": installed,
        },
        "health": None if health is None else (health.fault or "ok"),
        "backup": {"last": None, "result": None, "next": None, "newest": _stamp(newest_backup)},
        "maintenance": None,
        "faults": faults,
    }


def _describe_unit(unit: Unit) -> dict[str, Any]:
    return {
        "name": unit.name,
        "state": unit.state if unit.is_installed else "not installed",
        "detail": unit.tell("SubState") or None,
        "enabled": unit.tell("UnitFileState") in {"enabled", "static", "indirect"},
    }


def _describe_job(units: Mapping[str, Unit], name: str) -> dict[str, Any]:
    """Describe what a timer starts: its last end and result, and when it is started next."""
    job, timer = units[f"{name}.service"], units[f"{name}.timer"]
    ended = job.moment("ExecMainExitTimestamp")
    return {
        "last": _stamp(ended),
        "result": None if ended is None else job.tell("Result"),
        "next": _stamp(timer.moment("NextElapseUSecRealtime")),
    }


def _stamp(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _find_faults(seen: Seen) -> Iterator[str]:
    yield from _of_daemon(seen)
    for name in (BACKUP, MAINTENANCE):
        timer, job = seen.units[f"{name}.timer"], seen.units[f"{name}.service"]
        if not timer.is_installed:
            yield f"{timer.name} is not installed: released service install"
        elif timer.state != "active":
            yield f"{timer.name} is {timer.state}: systemctl enable --now {timer.name}"
        if job.is_installed and job.state == "failed":
            yield f"{job.name} failed ({job.tell('Result')}): journalctl -n 20 -u {job.name}"


def _of_daemon(seen: Seen) -> Iterator[str]:
    service, socket, health = seen.units[SERVICE], seen.units[SOCKET], seen.health
    if service.state != "active":
        yield f"the daemon is {service.state}. {START}, and why: {LOGS}"
    if socket.state != "active":
        yield f"{SOCKET} is {socket.state}: what comes during a restart is lost. {START}"
    if service.tell("NeedDaemonReload") == "yes":
        yield "the units were changed: systemctl daemon-reload, then released service restart"
    if health is None:
        return
    if health.fault is not None:
        yield f"/health: {health.fault} Why: {LOGS} --level warning"
    if health.version not in {None, seen.installed}:
        yield (
            f"version {health.version} runs, and {seen.installed} is installed:"
            " released service restart"
        )
