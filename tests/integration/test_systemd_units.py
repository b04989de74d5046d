"""The units in systemd/ are read by systemd's own tools, without a word, and are tight."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from daemon.core.settings import Settings
from tests.doubles.daemon_process import run_program

UNITS = sorted((Path(__file__).resolve().parents[2] / "systemd").iterdir())
TOOL = shutil.which("systemd-analyze")
MOST_EXPOSED = 1.5

needs_tool = pytest.mark.skipif(TOOL is None, reason="systemd-analyze is not installed")


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Copy the units to where their programs exist."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("released", "released-daemon"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    for unit in UNITS:
        text = unit.read_text().replace("/opt/released/current/venv/bin", str(programs))
        (tmp_path / unit.name).write_text(text)
    return tmp_path


def analyze(*arguments: str, folder: Path) -> str:
    """Run the tool and return all it says."""
    assert TOOL is not None
    done = subprocess.run(
        [TOOL, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"},
    )
    return done.stdout


@needs_tool
def test_systemd_reads_them_without_a_word(units: Path) -> None:
    """An unknown key is a warning only: its text is looked at, not the exit code."""
    assert "" == analyze("verify", *(f"./{unit.name}" for unit in UNITS), folder=units)


@needs_tool
@pytest.mark.parametrize("name", [unit.name for unit in UNITS if unit.suffix == ".service"])
def test_a_service_is_hardly_exposed(units: Path, name: str) -> None:
    """What Python and the network do not need is taken away."""
    said = analyze("security", "--offline=true", "--no-pager", f"./{name}", folder=units)
    exposure = re.search(r"exposure level for .*: ([0-9.]+)", said)
    assert exposure is not None, said
    assert MOST_EXPOSED >= float(exposure.group(1))


def test_credentials_are_named_like_secrets() -> None:
    """A credential of another name would be read by nobody."""
    service = next(unit for unit in UNITS if unit.name == "released.service")
    loaded = re.findall(r"^LoadCredential=([A-Z_]+):(\S+)$", service.read_text(), re.MULTILINE)
    secrets = {
        name.upper()
        for name, field in Settings.model_fields.items()
        if "SecretStr" in str(field.annotation)
    }
    assert secrets == {name for name, _ in loaded}
    assert {f"/etc/released/credentials/{name}" for name in secrets} == {path for _, path in loaded}


async def test_the_nightly_backup_is_a_command_that_works(tmp_path: Path) -> None:
    """What the unit runs makes a backup, tonight and not only on paper."""
    service = next(unit for unit in UNITS if unit.name == "released-backup.service")
    (command,) = re.findall(r"^ExecStart=\S+ (.*)$", service.read_text(), re.MULTILINE)
    assert "StateDirectory=released released/backups\n" in service.read_text()
    (tmp_path / "backups").mkdir()
    arguments = command.replace("/var/lib/released", str(tmp_path)).split()
    for words in (["db", "upgrade"], arguments):
        done = await run_program("released_cli", *words, folder=tmp_path, settings={})
        assert 0 == done.code, done.err
    assert 1 == len(list((tmp_path / "backups").iterdir()))


def test_every_timer_has_its_service() -> None:
    """A timer starts the service of its name."""
    names = {unit.name for unit in UNITS}
    timers = [unit for unit in UNITS if unit.suffix == ".timer"]
    assert [] == [timer.name for timer in timers if f"{timer.stem}.service" not in names]
