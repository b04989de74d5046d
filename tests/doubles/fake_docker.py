"""Plays docker for scripts: runs the services of a compose file as plain processes on this machine.

Reads of the file only what it would run, and where. Which image that would be in, and what keeps it
in there, is for tests of the file itself. Run as a program: FAKE_DOCKER names its folder, in which
it writes down its calls and pids.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.doubles.pid_files import is_running, stop, stop_all

ROOT = Path(__file__).resolve().parents[2]
ENGINE = "linux Debian GNU/Linux 12 (bookworm) [name=seccomp,profile=builtin name=cgroupns]"

PROGRAMS = {"released": "released_cli", "released-daemon": "daemon"}
"""What the image has on its PATH, and which module of the checkout that is."""

_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def install(folder: Path, programs: str, *, engine: str = ENGINE) -> dict[str, str]:
    """Write a docker into a folder; give the environment that makes a script use it.

    `programs` are the words before a module that run it, as `python -m` does.
    """
    folder.mkdir()
    program = folder / "docker"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" "{__file__}" "$@"\n'
    )
    program.chmod(0o755)
    (folder / "engine").write_text(engine)
    return {
        "FAKE_DOCKER": str(folder),
        "FAKE_PROGRAMS": programs,
        "PATH": f"{folder}:{os.environ['PATH']}",
    }


def read_calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


def end_all(folder: Path) -> None:
    stop_all(folder)


def read_compose(file: Path, variables: dict[str, str]) -> dict[str, Any]:
    """Read a compose file as the engine would see it.

    Raises:
        KeyError: when a variable that it cannot do without is not there.

    """

    def fill(found: re.Match[str]) -> str:
        name, sign, word = found.groups()
        value = variables.get(name, "")
        if not value and sign == "?":
            raise KeyError(name)
        return value or (word if sign == "-" else "")

    read: dict[str, Any] = yaml.safe_load(_VARIABLE.sub(fill, file.read_text()))
    return read


class Project:
    """One project: the services of a file under a name."""

    def __init__(self, name: str, file: Path, folder: Path) -> None:
        self.name = name
        self.folder = folder
        wanted = set(os.environ.get("COMPOSE_PROFILES", "").split(","))
        services = read_compose(file, dict(os.environ))["services"]
        self.services: dict[str, dict[str, Any]] = {
            name: service
            for name, service in services.items()
            if wanted & set(service.get("profiles", wanted))
        }

    def do(self, verb: str, words: list[str]) -> int:
        if verb == "up":
            for name in self.services:
                self._start(name)
        if verb == "down":
            for name in self.services:
                stop(self._pid_file(name))
        if verb == "ps" and is_running(self._pid_file(words[-1])):
            sys.stdout.write(self._pid_file(words[-1]).read_text() + "\n")
        if verb == "logs":
            sys.stdout.write(self._log(words[-1]).read_text().splitlines()[-1] + "\n")
        if verb == "run":
            name = next(word for word in words if word in self.services)
            command = words[words.index(name) + 1 :]
            return subprocess.run(check=False, **self._call(name, command)).returncode
        return 0

    def _start(self, name: str) -> None:
        if is_running(self._pid_file(name)):
            return
        command = self.services[name].get("command", ["released-daemon"])
        with self._log(name).open("ab") as log:
            process = subprocess.Popen(
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._call(name, command),
            )
        self._pid_file(name).write_text(str(process.pid))

    def _call(self, name: str, command: list[str]) -> dict[str, Any]:
        program, *rest = command
        place = self.services[name]["volumes"][0]["source"]
        environ = {"PATH": os.environ["PATH"], "HOME": place, "PYTHONPATH": str(ROOT)}
        return {
            "args": [*os.environ["FAKE_PROGRAMS"].split(), PROGRAMS[program], *map(str, rest)],
            "cwd": place,
            "env": environ,
        }

    def _pid_file(self, name: str) -> Path:
        return self.folder / f"{self.name}-{name}.pid"

    def _log(self, name: str) -> Path:
        return self.folder / f"{self.name}-{name}.log"


def main() -> int:
    folder = Path(os.environ["FAKE_DOCKER"])
    with (folder / "calls").open("a") as calls:
        calls.write(" ".join(sys.argv[1:]) + "\n")
    verb, *words = sys.argv[1:]
    if verb == "info":
        engine = (folder / "engine").read_text()
        sys.stdout.write(engine + "\n")
        return 0 if engine else 1
    if verb == "compose" and words != ["version"]:
        given = dict(zip(words[:6:2], words[1:6:2], strict=True))
        project = Project(given["--project-name"], Path(given["--file"]), folder)
        return project.do(words[6], words[7:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
