"""Plays systemctl for scripts: runs the services of a folder of units as plain processes.

Reads the few directives that say what to run and with what; sockets and timers are only noted.
Run as a program: FAKE_SYSTEMD names its folder, in which it writes down its calls and pids.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

from tests.doubles.pid_files import is_running, stop, stop_all

ROOT = Path(__file__).resolve().parents[2]


def install(folder: Path, units: Path) -> dict[str, str]:
    """Write a systemctl into a folder; give the environment that makes a script use it."""
    folder.mkdir()
    program = folder / "systemctl"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" "{__file__}" "$@"\n'
    )
    program.chmod(0o755)
    return {
        "FAKE_SYSTEMD": str(folder),
        "SYSTEMCTL": str(program),
        "SYSTEMD_UNITS": str(units),
        "PATH": f"{folder}:{os.environ['PATH']}",
    }


def read_calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


def end_all(folder: Path) -> None:
    stop_all(folder)


def _read_unit(file: Path) -> list[tuple[str, str]]:
    pairs = (line.partition("=") for line in file.read_text().splitlines() if line[:1].isalpha())
    return [(name, value) for name, _, value in pairs]


def _start(name: str, units: Path, folder: Path) -> None:
    if is_running(folder / f"{name}.pid"):
        return
    environ = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    credentials = folder / "credentials"
    defaults: set[str] = set()
    command, place = "", "/"
    for key, value in _read_unit(units / name):
        if key == "ExecStart":
            command = value
        elif key == "WorkingDirectory":
            place = value
        elif key == "EnvironmentFile":
            environ |= dict(_read_unit(Path(value)))
        elif key == "SetCredential":
            defaults.add(value.partition(":")[0])
        elif key == "LoadCredential":
            credentials.mkdir(exist_ok=True)
            credential, _, source = value.partition(":")
            if Path(source).exists() or credential not in defaults:
                (credentials / credential).write_bytes(Path(source).read_bytes())
            environ["CREDENTIALS_DIRECTORY"] = str(credentials)
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            shlex.split(command),
            cwd=place,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (folder / f"{name}.pid").write_text(str(process.pid))


def main() -> int:
    folder, units = Path(os.environ["FAKE_SYSTEMD"]), Path(os.environ["SYSTEMD_UNITS"])
    with (folder / "calls").open("a") as calls:
        calls.write(" ".join(sys.argv[1:]) + "\n")
    verb, *rest = sys.argv[1:]
    names = [name for name in rest if name.endswith(".service")]
    if verb == "is-system-running":
        sys.stdout.write("running\n")
    if verb == "is-active":
        return 0 if all(is_running(folder / f"{name}.pid") for name in names) else 3
    if verb in {"stop", "restart"} or (verb == "disable" and "--now" in rest):
        for name in names:
            stop(folder / f"{name}.pid")
    if verb in {"start", "restart"} or (verb == "enable" and "--now" in rest):
        for name in names:
            _start(name, units, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
