"""The units in systemd/ are read by systemd's own tools, without a word, and are tight."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from daemon.core.settings import Settings, load_settings
from tests.doubles.command_line import run_quickly
from tests.doubles.new_database import copy_new_database

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


def test_a_credential_that_nobody_has_put_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever upgrades has no file for a secret that is new; systemd must start the daemon."""
    text = next(unit for unit in UNITS if unit.name == "released.service").read_text()
    assert [("SECRETS_KEY", "\\n")] == re.findall(r"^SetCredential=(.*):(.*)$", text, re.MULTILINE)
    (tmp_path / "SECRETS_KEY").write_text("\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert load_settings().secrets_key is None


@pytest.mark.parametrize(
    ("name", "leaves"), [("released-backup.service", 1), ("released-maintenance.service", 0)]
)
def test_what_a_timer_starts_is_a_command_that_works(
    tmp_path: Path, name: str, leaves: int
) -> None:
    """What the unit runs does its work, tonight and not only on paper."""
    text = next(unit for unit in UNITS if unit.name == name).read_text()
    text = text.replace("/var/lib/released", str(tmp_path))
    (command,) = re.findall(r"^ExecStart=\S+ (.*)$", text, re.MULTILINE)
    (given,) = re.findall(r"^Environment=(.*)$", text, re.MULTILINE)
    assert "StateDirectory=released released/backups\n" in text
    settings = dict(pair.split("=", 1) for pair in given.split())
    (tmp_path / "backups").mkdir()
    assert str(tmp_path / "backups") == settings["BACKUP_DIR"]
    copy_new_database(tmp_path / "released.db")
    done = run_quickly(tmp_path, *command.split(), settings=settings)
    # Without a backup yet, maintenance says so, and its unit fails.
    assert (0 if leaves else 3) == done.code, done.err
    assert leaves == len(list((tmp_path / "backups").iterdir()))


def test_what_a_timer_starts_follows_the_settings() -> None:
    """A BACKUP_DIR in released.env wins over the one that the unit begins with."""
    for unit in UNITS:
        text = unit.read_text()
        if "BACKUP_DIR" in text:
            (place,) = re.findall(r"\bBACKUP_DIR=(\S+)", text)
            assert "/var/lib/released/backups" == place
            assert text.index("\nEnvironment=") < text.index("\nEnvironmentFile=")


def test_a_reload_goes_to_the_daemon() -> None:
    """`systemctl reload released`; Type=notify-reload is not for Debian 12's systemd 252."""
    text = next(unit for unit in UNITS if unit.name == "released.service").read_text()
    assert "\nType=notify\n" in text
    assert "\nExecReload=/bin/kill -HUP $MAINPID\n" in text
    # A variable of the process would win over the file for as long as it lives.
    assert "--env-file /etc/released/released.env\n" in text
    assert "EnvironmentFile" not in text


def test_every_timer_has_its_service() -> None:
    """A timer starts the service of its name."""
    names = {unit.name for unit in UNITS}
    timers = [unit for unit in UNITS if unit.suffix == ".timer"]
    assert [] == [timer.name for timer in timers if f"{timer.stem}.service" not in names]
