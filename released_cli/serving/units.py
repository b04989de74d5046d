"""Asks systemd for our units, and tells it what to do with them.

Owns the calls of systemctl and how its answers are read. What they mean is `judging`'s.
https://www.freedesktop.org/software/systemd/man/252/systemctl.html (read 2026-11-22)
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from daemon.core.errors import ReleasedError

if TYPE_CHECKING:
    import subprocess

SERVICE = "released.service"
SOCKET = "released.socket"
BACKUP = "released-backup"
MAINTENANCE = "released-maintenance"
UNITS = (
    SERVICE,
    SOCKET,
    *(f"{name}.{kind}" for name in (BACKUP, MAINTENANCE) for kind in ("timer", "service")),
)

PROPERTIES = (
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "Result",
    "NRestarts",
    "MemoryCurrent",
    "ActiveEnterTimestamp",
    "ExecMainExitTimestamp",
    "NextElapseUSecRealtime",
    "NeedDaemonReload",
    "StatusText",
    "Listen",
)

ASK_S = 20.0
"""How long systemd may take to answer a question."""

RUNNING = frozenset({"running", "degraded", "starting", "initializing", "maintenance", "stopping"})
"""What `systemctl is-system-running` says where systemd is in charge of the machine."""

_PLAIN = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}
_NO_NUMBER = frozenset({"", "[not set]", "infinity", str(2**64 - 1)})


class SystemdRefused(ReleasedError):
    """systemd did not do it."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit's properties, by systemd's names."""

    name: str
    facts: Mapping[str, str]

    @property
    def is_installed(self) -> bool:
        """Tell whether systemd knows the unit."""
        return self.facts.get("LoadState") == "loaded"

    @property
    def state(self) -> str:
        """Say in systemd's word what it does: active, inactive, failed and others."""
        return self.facts.get("ActiveState") or "unknown"

    def tell(self, name: str) -> str:
        """Give a property, empty where systemd has none."""
        return self.facts.get(name, "")

    def count(self, name: str) -> int | None:
        """Give a property that is a number; None where it is not set."""
        text = self.tell(name)
        return None if text in _NO_NUMBER or not text.isdecimal() else int(text)

    def moment(self, name: str) -> float | None:
        """Give a property that is a moment, in seconds since the epoch; None where it is none."""
        return parse_moment(self.tell(name))


def runs_here() -> bool:
    """Tell whether systemd is in charge of this machine."""
    if shutil.which("systemctl") is None:
        return False
    return _run("is-system-running").stdout.strip() in RUNNING


def ask_units(names: Sequence[str] = UNITS) -> dict[str, Unit]:
    """Ask for units by name; one that is not there is a Unit that is not installed.

    Raises:
        SystemdRefused: when systemd does not answer.

    """
    asked = _run("show", "--no-pager", f"--property={','.join(PROPERTIES)}", *names)
    if asked.returncode != 0:
        raise SystemdRefused(f"systemctl show failed: {first_line(asked.stderr)}")
    found = {unit.name: unit for unit in parse_show(asked.stdout)}
    return {name: found.get(name, Unit(name, {})) for name in names}


def order(verb: str, names: Sequence[str]) -> None:
    """Have systemd do something with units, and wait until it has.

    Raises:
        SystemdRefused: with the first line of what systemctl said.

    """
    done = _run(verb, *names, patient=True)
    if done.returncode != 0:
        raise SystemdRefused(
            f"systemctl {verb} failed: {first_line(done.stderr)} Why: released service logs"
        )


def parse_show(text: str) -> list[Unit]:
    """Read what `systemctl show` prints: a block of name=value lines for each unit."""
    units = []
    for block in text.strip().split("\n\n"):
        pairs = [line.partition("=") for line in block.splitlines() if "=" in line]
        facts = {name: value for name, _, value in pairs}
        if "Id" in facts:
            units.append(Unit(facts["Id"], facts))
    return units


def parse_moment(text: str) -> float | None:
    """Read a time as systemd writes it in UTC: Sun 2026-11-22 03:30:00 UTC."""
    try:
        day_and_time = text.partition(" ")[2].removesuffix(" UTC")
        return datetime.strptime(f"{day_and_time} +0000", "%Y-%m-%d %H:%M:%S %z").timestamp()
    except ValueError:
        return None


def first_line(said: str) -> str:
    """Give the first line that a program said, for it names the cause; the others are advice."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[0] if lines else "it says nothing."


def plain_environment() -> dict[str, str]:
    """Have systemd's programs speak without colours, in UTC and English."""
    return {**os.environ, **_PLAIN}


def _run(*arguments: str, patient: bool = False) -> "subprocess.CompletedProcess[str]":
    import subprocess

    try:
        return subprocess.run(  # noqa: S603 - nothing of it comes from elsewhere
            ["systemctl", *arguments],  # noqa: S607 - the machine's own, wherever that is
            env=plain_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=None if patient else ASK_S,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise SystemdRefused(f"systemctl {arguments[0]} did not answer.") from late
