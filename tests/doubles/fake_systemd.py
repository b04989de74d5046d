"""A systemctl and a journalctl that answer from files, for commands that only ask and order.

What runs units is `fake_systemctl`; this one plays a systemd whose state a test writes down.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

SYSTEMCTL = """#!/bin/sh
cd "{folder}" || exit 9
echo "$*" >>calls
case $1 in
is-system-running) cat state ;;
show) cat show ;;
*) cat said >&2; exit "$(cat code)" ;;
esac
"""

JOURNALCTL = """#!/bin/sh
cd "{folder}" || exit 9
echo "journalctl $*" >>calls
cat complaint >&2
case "$*" in
*--follow*) cat news; [ ! -e stay ] || exec sleep 60 ;;
*--reverse*) tac journal ;;
esac
exit "$(cat code)"
"""

STAMP = "Thu 2026-05-28 20:26:40 UTC"
"""`backup_kit.MOMENT`, as systemd writes it."""


class FakeSystemd:
    """What the two programs answer; `path` is a PATH on which they come first."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        for name, text in (("systemctl", SYSTEMCTL), ("journalctl", JOURNALCTL)):
            (folder / name).write_text(text.format(folder=folder))
            (folder / name).chmod(0o755)
        for name in ("said", "complaint", "news", "journal", "show", "calls"):
            self.put(name, "")
        self.put("state", "degraded\n")
        self.put("code", "0")
        self.path = f"{folder}:{os.environ['PATH']}"

    def put(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def list_calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()

    def install(self, **facts: dict[str, str]) -> None:
        """Let all units be installed and well; `facts` change some, by name with _ for - and ."""
        units = [(name, WELL[name] | facts.get(_plain(name), {})) for name in WELL]
        blocks = [
            "\n".join(f"{key}={value}" for key, value in ({"Id": name} | unit).items())
            for name, unit in units
        ]
        self.put("show", "\n\n".join(blocks) + "\n")

    def log(self, *entries: dict[str, Any], name: str = "journal") -> None:
        """Write entries into the journal, the oldest first."""
        lines = (
            json.dumps({"__CURSOR": f"c{number}", "_SYSTEMD_UNIT": "released.service"} | entry)
            for number, entry in enumerate(entries)
        )
        self.put(name, "".join(f"{line}\n" for line in lines))


def play_systemd(folder: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSystemd:
    """Let a well systemd be found on the PATH, and whoever runs the test be root."""
    made = FakeSystemd(folder / "systemd")
    made.install()
    monkeypatch.setenv("PATH", made.path)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return made


def own_line(message: str, level: str = "INFO", **facts: Any) -> dict[str, Any]:
    """Make an entry of what the daemon logs."""
    said = {"time": "2026-05-28T20:26:40.123Z", "level": level, "logger": "daemon.main"}
    return {"PRIORITY": "6", "MESSAGE": json.dumps(said | {"message": message} | facts)}


def _plain(name: str) -> str:
    return name.replace("-", "_").replace(".", "_")


_LOADED = {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled"}
_TIMER = _LOADED | {"SubState": "waiting", "NextElapseUSecRealtime": STAMP}
_JOB = {
    "LoadState": "loaded",
    "ActiveState": "inactive",
    "SubState": "dead",
    "UnitFileState": "static",
    "Result": "success",
    "ExecMainExitTimestamp": STAMP,
    "MemoryCurrent": "[not set]",
}
WELL: dict[str, dict[str, str]] = {
    "released.service": _LOADED
    | {
        "SubState": "running",
        "NRestarts": "0",
        "MemoryCurrent": "88080384",
        "ActiveEnterTimestamp": STAMP,
        "NeedDaemonReload": "no",
        "StatusText": "Serving on http://127.0.0.1:8080",
    },
    "released.socket": _LOADED | {"SubState": "running", "Listen": "127.0.0.1:8080 (Stream)"},
    "released-backup.timer": _TIMER,
    "released-backup.service": _JOB,
    "released-maintenance.timer": _TIMER,
    "released-maintenance.service": _JOB,
}
