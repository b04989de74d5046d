"""Reads our units' lines in systemd's journal, the daemon's JSON among them.

Owns the calls of journalctl and what an entry becomes. How it is shown is `telling`'s.
https://www.freedesktop.org/software/systemd/man/252/journalctl.html (read 2026-11-22)
"""

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from daemon.core.errors import ReleasedError
from released_cli.serving.units import first_line, plain_environment

LEVELS = ("debug", "info", "warning", "error", "critical")
"""From the least to the gravest."""

_BY_PRIORITY = ("critical", "critical", "critical", "error", "warning", "info", "info", "debug")
"""What syslog's priorities 0 to 7 are here, for lines that are not the daemon's own."""

_OWN = frozenset({"time", "level", "logger", "message"})


class JournalRefused(ReleasedError):
    """The journal cannot be read. Run it as root: sudo released service logs."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: `at` is ISO in UTC, `logger` the daemon's part or the program that wrote it."""

    at: str
    level: str
    unit: str
    logger: str
    message: str
    facts: dict[str, Any]
    cursor: str

    def is_as_grave(self, level: str) -> bool:
        """Tell whether it is of this level or a graver one."""
        return LEVELS.index(self.level) >= LEVELS.index(level)


def parse_entry(line: str) -> Entry | None:
    """Read an entry as `journalctl -o json` prints it; None for what is none."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    if not isinstance(entry, dict):
        return None
    text = _read_text(entry.get("MESSAGE"))
    said = _read_own(text)
    level = str(said.get("level", "")).lower()
    return Entry(
        at=str(said.get("time") or _read_time(entry)),
        level=level if level in LEVELS else _read_level(entry),
        unit=str(entry.get("_SYSTEMD_UNIT") or entry.get("UNIT") or ""),
        logger=str(said.get("logger") or entry.get("SYSLOG_IDENTIFIER") or ""),
        message=str(said.get("message", text)),
        facts={name: value for name, value in said.items() if name not in _OWN},
        cursor=str(entry.get("__CURSOR", "")),
    )


def read_newest(units: Sequence[str], *, limit: int, level: str, since: str | None) -> list[Entry]:
    """Give the newest so many entries of a level or graver, the oldest of them first.

    Raises:
        JournalRefused: with the first line of what journalctl said.

    """
    found: list[Entry] = []
    more = [] if since is None else [f"--since={since}"]
    # Backwards, because only here is it known which lines are of the level.
    with _opened(units, "--reverse", *more) as entries:
        for entry in entries:
            if entry.is_as_grave(level):
                found.append(entry)
            if len(found) == limit:
                break
    return found[::-1]


def follow(units: Sequence[str], *, after: str, level: str) -> Iterator[Entry]:
    """Give entries as they come, those after a cursor first; ends when journalctl does.

    Raises:
        JournalRefused: as `read_newest`.

    """
    start = ["--no-tail", f"--after-cursor={after}"] if after else ["--lines=0"]
    with _opened(units, "--follow", *start) as entries:
        for entry in entries:
            if entry.is_as_grave(level):
                yield entry


@contextmanager
def _opened(units: Sequence[str], *arguments: str) -> Iterator[Iterator[Entry]]:
    """Start journalctl, and end it when its reader has had enough."""
    if shutil.which("journalctl") is None:
        raise JournalRefused(
            "There is no journal on this machine: the daemon's log is where it was started"
            " (docker compose logs, instances/NAME/daemon.log, or LOG_FILE)."
        )
    # Of a unit, also what systemd itself says about it.
    chosen = [f"--unit={unit}" for unit in units]
    process = subprocess.Popen(  # noqa: S603 - a moment is the operator's own word to journalctl
        ["journalctl", "--output=json", "--no-pager", *chosen, *arguments],  # noqa: S607
        env=plain_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    with process:
        try:
            yield _read(process)
        finally:
            process.terminate()


def _read(process: "subprocess.Popen[str]") -> Iterator[Entry]:
    assert process.stdout is not None  # noqa: S101 - both are pipes
    assert process.stderr is not None  # noqa: S101
    for line in process.stdout:
        entry = parse_entry(line)
        if entry is not None:
            yield entry
    said = process.stderr.read()
    # It is content to show a user nothing but their own lines.
    if process.wait() != 0 or "not seeing messages" in said:
        raise JournalRefused(f"journalctl failed: {first_line(said)}")


def _read_own(text: str) -> dict[str, Any]:
    """Read what the daemon wrote as JSON; what is none has no fields."""
    if not text.startswith("{"):
        return {}
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    return said if isinstance(said, dict) and "message" in said else {}


def _read_text(message: object) -> str:
    """Give an entry's text; journalctl writes bytes that are no text as a list of numbers."""
    if isinstance(message, list):
        return bytes(message).decode(errors="replace")
    return "" if message is None else str(message)


def _read_time(entry: dict[str, Any]) -> str:
    try:
        at = int(entry["__REALTIME_TIMESTAMP"]) / 1e6
    except (KeyError, ValueError, TypeError):
        at = 0.0
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_level(entry: dict[str, Any]) -> str:
    text = str(entry.get("PRIORITY", ""))
    return _BY_PRIORITY[int(text)] if text.isdecimal() and int(text) < len(_BY_PRIORITY) else "info"
