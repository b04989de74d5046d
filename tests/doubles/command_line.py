"""The CLI, run as an operator runs it: in a folder of its own and a clean environment.

`Shell` calls the entry point inside this process, for the many short cases; `run_process` starts
the real program.
"""

import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer.main

from daemon.core.settings import Settings
from released_cli.app import main
from released_cli.choosing import PROFILE, TOKEN, URL
from released_cli.given import Globals, start
from tests.doubles.command_tree import get_commands
from tests.doubles.forking import MEASURED, run_forked
from tests.doubles.new_database import copy_new_database

ROOT = Path(__file__).resolve().parents[2]
FAQS = ROOT / "faqs.example.json"
PROGRAM = (sys.executable, "-m", "released_cli")
CHOOSING = (URL, TOKEN, PROFILE)
NO_CONFIGURATION = {"XDG_CONFIG_HOME": "/nonexistent"}
"""No profile that somebody has saved on this machine may decide where a test works."""

LA_PLAZA = ("--name", "La Plaza", "--phone-number", "+34666777888", "--phone-number-id", "6312")


@dataclass(frozen=True, slots=True)
class Result:
    """What a command left: its exit code and what it printed where."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """All of stdout as JSON."""
        return json.loads(self.out)


class Shell:
    """Runs `released` in this process, in `folder`, with only the settings that are given."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder = folder
        self._patch = monkeypatch
        self._capsys = capsys
        monkeypatch.chdir(folder)
        for name in (*(field.upper() for field in Settings.model_fields), *CHOOSING):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        monkeypatch.setenv("PATH", find_path())

    def set(self, **settings: str) -> None:
        for name, text in settings.items():
            self._patch.setenv(name, text)

    def patch(self, name: str, value: object) -> None:
        self._patch.setattr(name, value)

    def write(self, name: str, content: str | bytes) -> str:
        data = content if isinstance(content, bytes) else content.encode()
        (self.folder / name).write_bytes(data)
        return name

    def run(self, *arguments: str, stdin: bytes = b"") -> Result:
        self._capsys.readouterr()
        with self._patch.context() as patch:
            patch.setattr(sys, "argv", ["released", *arguments])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
            patch.setattr(typer.main, "get_command", get_commands)
            with pytest.raises(SystemExit) as ended:
                main()
        start(Globals())  # what was given to this command holds for no test that follows
        printed = self._capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Result(ended.value.code, printed.out, printed.err)

    def must(self, *arguments: str, stdin: bytes = b"") -> Result:
        """Run what has to work."""
        result = self.run(*arguments, stdin=stdin)
        assert (0, "") == (result.code, result.err if result.code else ""), result
        return result

    def have_database(self) -> None:
        """Have a new database where none is, sooner than a command would make it."""
        if not (self.folder / "released.db").exists() and "DATABASE_URL" not in os.environ:
            copy_new_database(self.folder / "released.db")

    def add(self, *more: str, number_id: str = "6312", name: str = "La Plaza") -> dict[str, Any]:
        """Onboard a client and give its document; `more` may override the phone number."""
        phone = () if "--phone-number" in more else ("--phone-number", "+34666777888")
        self.have_database()
        seed = ("--name", name, *phone, "--phone-number-id", number_id, "--faqs", str(FAQS))
        added: dict[str, Any] = self.must("client", "add", *seed, "--json", *more).json
        return added

    def list_clients(self) -> Any:
        self.have_database()
        return self.must("client", "list", "--json").json


def find_path() -> str:
    """Give a PATH that has our programs, so that hints name them bare wherever tests run."""
    return os.pathsep.join((str(Path(sys.prefix) / "bin"), os.environ["PATH"]))


def clean_environment(**settings: str) -> dict[str, str]:
    """Keep what a process needs to be found and encoded; no setting of ours, and no measuring.

    Coverage makes a start half as long again, and writes on stderr when a disk is full.
    """
    kept = ("HOME", "TMPDIR", "LANG")
    found = {name: text for name, text in os.environ.items() if name in kept}
    return found | NO_CONFIGURATION | {"PATH": find_path()} | settings


def measured() -> dict[str, str]:
    """Give the variables that let a process be measured, if tests are at all."""
    return {name: os.environ[name] for name in MEASURED if name in os.environ}


def run_process(
    folder: Path, *arguments: str, stdin: bytes = b"", settings: dict[str, str] | None = None
) -> Result:
    """Run the real program in `folder`, with `stdin`, to its end."""
    done = subprocess.run(
        [*PROGRAM, *arguments],
        cwd=folder,
        env=clean_environment(**(settings or {})),
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return Result(
        done.returncode, *(raw.decode(errors="replace") for raw in (done.stdout, done.stderr))
    )


def run_quickly(
    folder: Path, *arguments: str, stdin: bytes = b"", settings: dict[str, str] | None = None
) -> Result:
    """Do what `run_process` does, in a process that need not import anything."""
    environment = clean_environment(**(measured() | (settings or {})))
    return Result(*run_forked("released_cli", arguments, folder, environment, stdin, within_s=60))


def assert_refused(result: Result, code: int, *words: str) -> None:
    """One clear line on stderr that holds `words`, nothing on stdout, this exit code."""
    assert (code, "") == (result.code, result.out), result
    assert result.err.startswith("released: ")
    assert 1 == len(result.err.splitlines()), result.err
    assert [] == [word for word in words if word not in result.err], result.err
