"""The wheel: what a machine that has no checkout is given."""

import configparser
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.doubles.command_line import ROOT, clean_environment

PARTS = (
    *("daemon", "released_cli", "systemd", "scripts", "docs"),
    *("pyproject.toml", "requirements.lock", "README.md", "LICENSE", "faqs.example.json"),
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build it from a copy of what belongs in it, without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in PARTS:
        source = ROOT / name
        if source.is_dir():
            skip = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, folder / "copy" / name, ignore=skip)
        else:
            shutil.copy(source, folder / "copy" / name)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=folder / "copy",
        env=clean_environment(),
        capture_output=True,
        check=True,
    )
    [built] = folder.glob("*.whl")
    return built


def list_files(folder: str, pattern: str = "*") -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for path in (ROOT / folder).rglob(pattern)
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_it_holds_all_that_runs(wheel: Path) -> None:
    """Every module, migration, template and static file of the checkout is inside."""
    with zipfile.ZipFile(wheel) as opened:
        held = set(opened.namelist())
    assert set() == (list_files("daemon") | list_files("released_cli")) - held
    assert "daemon/core/store/migrations/versions" in {os.path.dirname(name) for name in held}  # noqa: PTH120 - names in an archive
    assert "daemon/sandbox/static/chat.html" in held
    assert "released_cli/faqs.example.json" in held


def test_it_holds_nothing_else(wheel: Path) -> None:
    """No test and no file of this machine goes out with it."""
    with zipfile.ZipFile(wheel) as opened:
        tops = {name.partition("/")[0] for name in opened.namelist()}
    assert {"daemon", "released_cli", "released-0.1.0.dist-info"} == tops


def test_it_holds_its_own_installer(wheel: Path) -> None:
    """With the units, the lock and the manual of a server, and no script for a checkout."""
    with zipfile.ZipFile(wheel) as opened:
        held = {name for name in opened.namelist() if name.startswith("released_cli/_deploy/")}
    names = {f"systemd/{unit.name}" for unit in (ROOT / "systemd").iterdir()}
    names |= {f"scripts/{name}.sh" for name in ("build_release", "install", "install_settings")}
    names |= {f"docs/{page.name}" for page in (ROOT / "docs").iterdir()}
    names |= {"pyproject.toml", "requirements.lock", "README.md", "LICENSE"}
    assert {f"released_cli/_deploy/{name}" for name in names} == held


STAND_IN = """#!/bin/sh
mkdir -p "$3/bin" && ln -s /bin/true "$3/bin/python"
"""
"""A Python that makes an environment without anything in it."""


def build_release(source: Path, folder: Path) -> Path:
    """Build the folder of a release as scripts/install.sh does, but for what pip installs."""
    python = folder / "python"
    folder.mkdir()
    python.write_text(STAND_IN)
    python.chmod(0o755)
    script, made = source / "scripts/build_release.sh", folder / "0.1.0-1"
    subprocess.run(["bash", str(script), str(python), str(made)], capture_output=True, check=True)
    return made


def test_a_release_has_the_manual(wheel: Path, tmp_path: Path) -> None:
    """What alerts and errors point to lies in it, from a checkout, a wheel, or another release."""
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(tmp_path / "wheel")
    pages = {page.name: page.read_text() for page in (ROOT / "docs").iterdir()}
    assert "runbook.md" in pages
    first = build_release(ROOT, tmp_path / "1")
    second = build_release(tmp_path / "wheel/released_cli/_deploy", tmp_path / "2")
    for made in (first, second, build_release(second, tmp_path / "3")):
        assert pages == {page.name: page.read_text() for page in (made / "docs").iterdir()}


def test_it_installs_both_programs(wheel: Path) -> None:
    """`released` and `released-daemon` are its console scripts."""
    with zipfile.ZipFile(wheel) as opened:
        text = opened.read("released-0.1.0.dist-info/entry_points.txt").decode()
    scripts = configparser.ConfigParser()
    scripts.read_string(text)
    expected = {"released": "released_cli.app:main", "released-daemon": "daemon.main:main"}
    assert expected == dict(scripts["console_scripts"])


def test_the_demo_runs_from_it(wheel: Path, tmp_path: Path) -> None:
    """Unpacked, far from any checkout, the demo answers."""
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(tmp_path / "installed")
    done = subprocess.run(
        [sys.executable, "-m", "released_cli", "demo", "--ask", "¿Cuál es vuestro horario?"],
        cwd=tmp_path,
        env=clean_environment(PYTHONPATH=str(tmp_path / "installed"), TMPDIR=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert "Abrimos de lunes a viernes de 9:00 a 22:00" in done.stdout
