"""How the service and its log read on a terminal and in a pipe."""

from released_cli.admin import Document
from released_cli.output import clean
from released_cli.serving.journal import Entry
from released_cli.watching.lines import Line, make_line
from released_cli.watching.moments import parse_moment, tell_age, tell_local, tell_size, tell_span

STYLES = {
    "debug": "dim",
    "info": "",
    "warning": "yellow",
    "error": "red",
    "critical": "bold red",
}
LEVEL_CELLS = 8
SUCCESS = "success"

NONE_KEPT = "none each night: BACKUP_DIR is not set; released db backup FILE makes one by hand"

AT_WORK = frozenset({"active", "reloading", "running"})
"""A daemon's states, in systemd's words and in our own, in which it answers."""


def tell_service(document: Document, *, keeps_backups: bool, now: float) -> dict[str, str]:
    """Say a line about each part of the service, by its name.

    `keeps_backups` tells whether BACKUP_DIR is set: what was made elsewhere nobody knows of.
    """
    if not document["systemd"]:
        return {
            "daemon": _tell_daemon(document["daemon"], now=now),
            "health": _tell_health(document["health"]),
            "version": _tell_version(document["version"]),
            "backup": (
                _tell_newest(document["backup"]["newest"], now=now) if keeps_backups else NONE_KEPT
            ),
        }
    units = {unit["name"]: unit for unit in document["units"]}
    socket = units["released.socket"]
    return {
        "daemon": _tell_daemon(document["daemon"], now=now),
        "socket": f"{socket['state']} ({socket['detail'] or '-'})",
        "health": _tell_health(document["health"]),
        "version": _tell_version(document["version"]),
        "backup": _tell_backup(document["backup"], now=now),
        "maintenance": _tell_job(document["maintenance"], now=now),
    }


def draw_entry(entry: Entry) -> Line:
    """Write one line of the log: local time, level, who, what, and the facts."""
    style = STYLES[entry.level]
    if not entry.at:
        return make_line((entry.message, style))
    facts = "".join(f" {name}={_tell_fact(value)}" for name, value in entry.facts.items())
    return make_line(
        (tell_local(entry.at), "dim"),
        (f" {entry.level.upper():<{LEVEL_CELLS}} ", style),
        (f"{entry.logger}: ", "cyan"),
        (entry.message, style),
        (facts, "dim"),
    )


def entry_document(entry: Entry) -> Document:
    """Give a line of the log for programs."""
    return {
        "time": entry.at,
        "level": entry.level,
        "unit": entry.unit,
        "logger": entry.logger,
        "message": entry.message,
        "facts": entry.facts,
    }


def _tell_daemon(daemon: Document, *, now: float) -> str:
    since = daemon["since"]
    span = "" if since is None else f" for {tell_span(now - parse_moment(since))}"
    if daemon["state"] not in AT_WORK:
        return f"{str(daemon['state']).upper()}: nothing is received or answered"
    parts = [f"running{span}"]
    if daemon["restarts"]:
        parts.append(f"{daemon['restarts']} restarts by systemd")
    if daemon["memory_bytes"] is not None:
        parts.append(tell_size(daemon["memory_bytes"]))
    if daemon["says"]:
        parts.append(clean(daemon["says"]))
    return ", ".join(parts)


def _tell_health(health: str | None) -> str:
    return clean(health or "not asked: the daemon does not run")


def _tell_version(version: Document) -> str:
    running, installed = version["running"], clean(version["installed"])
    if running is None or running == installed:
        return installed
    return f"{clean(running)} runs, {installed} is installed"


def _tell_newest(newest: str | None, *, now: float) -> str:
    if newest is None:
        return "none found in BACKUP_DIR; released db backup makes one"
    return f"newest made {tell_age(newest, now=now)}"


def _tell_backup(backup: Document, *, now: float) -> str:
    told = _tell_job(backup, now=now)
    if backup["newest"] is None:
        return told
    return f"{_tell_newest(backup['newest'], now=now)}; timer: {told}"


def _tell_job(job: Document, *, now: float) -> str:
    last = "not run since the machine's start"
    if job["last"] is not None:
        result = "done" if job["result"] == SUCCESS else f"FAILED ({clean(job['result'])})"
        last = f"{result} {tell_age(job['last'], now=now)}"
    if job["next"] is None:
        return f"{last}; no next run"
    return f"{last}; next in {tell_span(parse_moment(job['next']) - now)}"


def _tell_fact(value: object) -> str:
    text = str(value)
    return text if text and text.isprintable() and " " not in text else repr(text)
