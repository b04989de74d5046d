"""How the daemon of a database is started, restarted, reloaded and stopped here, as commands.

Owns how that is found out: an instance's folder, systemd's unit, our image, else a plain process.
Runs nothing.
"""

import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

UNIT = "released.service"
UNIT_FOLDERS = (
    Path("/etc/systemd/system"),
    Path("/usr/lib/systemd/system"),
    Path("/lib/systemd/system"),
)
SYSTEMD_RUNS = Path("/run/systemd/system")
"""Is there exactly where systemd is in charge (sd_booted(3), read 2026-11-22)."""

IN_DOCKER = Path("/.dockerenv")
IMAGE_PREFIX = "/opt/released"
"""Where the image has our programs."""

OF_INSTANCE = "PHONE_NUMBER_ID="
"""A line of an instance's .env that no other .env has."""

PID_FILE = "daemon.pid"
"""Where scripts/provision_client.sh keeps a plain process's id, in its first line."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What to type to have the daemon started, started anew, or stopped until it is started.

    `reload` lets it take up its log's settings and certificates while it runs.
    """

    start: str
    restart: str
    stop: str
    reload: str


BY_SYSTEMD = Orders(
    start="systemctl start released",
    restart="systemctl restart released",
    # The socket would start it again with the next request.
    stop="systemctl stop released.socket released",
    reload="systemctl reload released",
)
BY_COMPOSE = Orders(
    start="docker compose up -d daemon",
    restart="docker compose up -d --force-recreate daemon",
    stop="docker compose stop daemon",
    reload="docker compose kill --signal HUP daemon",
)
BY_HAND = Orders(
    start="released-daemon",
    restart="released-daemon  # end the one that runs first",
    stop="Ctrl-C where it runs",
    reload="kill -HUP PID  # of the released-daemon that runs",
)


@dataclass(frozen=True, slots=True)
class Machine:
    """Where to look; another one in tests."""

    unit_folders: Sequence[Path] = UNIT_FOLDERS
    systemd_runs: Path = SYSTEMD_RUNS
    in_docker: Path = IN_DOCKER
    prefix: str = sys.prefix


def find_orders(database: Path, machine: Machine | None = None) -> Orders:
    """Look how the daemon that works on `database` is run here."""
    here = machine or Machine()
    folder = database.absolute().parent
    if _is_instance(folder):
        name = shlex.quote(folder.name)
        start = f"scripts/provision_client.sh {name} PHONE"
        stop = f"scripts/provision_client.sh --stop {name}"
        restart = f"{stop} && {start}"
        # A container of its own has no such file; what a reload takes up, a restart does too.
        pid_file = folder / PID_FILE
        reload = f"kill -HUP $(head -n 1 {shlex.quote(str(pid_file))})"
        return Orders(start, restart, stop, reload if pid_file.is_file() else restart)
    has_unit = any((units / UNIT).is_file() for units in here.unit_folders)
    if has_unit and here.systemd_runs.is_dir():
        return BY_SYSTEMD
    if here.in_docker.exists() and here.prefix == IMAGE_PREFIX:
        return BY_COMPOSE
    return BY_HAND


def _is_instance(folder: Path) -> bool:
    with suppress(OSError):
        lines = (folder / ".env").read_text(errors="replace").splitlines()
        return any(line.startswith(OF_INSTANCE) for line in lines)
    return False
