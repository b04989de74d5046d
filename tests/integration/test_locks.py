"""The two lock files, held against pyproject.toml.

Owns what a lock may and must hold. Whether the packages install is the set-up's own proof.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")


@dataclass(frozen=True, slots=True)
class Pin:
    """One entry of a lock; a package may have several, told apart by their markers."""

    name: str
    version: str
    hashes: int


def read_lock(name: str) -> list[Pin]:
    pins = []
    for entry in re.split(r"\n(?=\S)", (ROOT / name).read_text(encoding="utf-8")):
        found = re.match(r"([a-z0-9._-]+)==([^\s;]+)", entry)
        assert found is not None, entry
        hashes = re.findall(r"--hash=sha256:[0-9a-f]{64}\b", entry)
        pins.append(Pin(name=found[1], version=found[2], hashes=len(hashes)))
    return pins


def read_requirements(*, dev: bool) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    if dev:
        lines += project["dependency-groups"]["dev"]
    return [Requirement(line) for line in lines]


def is_met(requirement: Requirement, pins: list[Pin]) -> bool:
    name = canonicalize_name(requirement.name)
    versions = [pin.version for pin in pins if pin.name == name]
    return bool(versions) and all(
        requirement.specifier.contains(v, prereleases=True) for v in versions
    )


@pytest.mark.parametrize("name", LOCKS)
def test_lock_names_no_place(name: str) -> None:
    """A lock holds names, versions and hashes: no address and no path of one machine."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if re.search(r"://|index-url|find-links|(^|\s)/", line)] == []


@pytest.mark.parametrize("name", LOCKS)
def test_lock_pins_everything_with_a_hash(name: str) -> None:
    """No package can be installed but as one of the files that were locked."""
    assert [pin.name for pin in read_lock(name) if pin.hashes == 0] == []


@pytest.mark.parametrize(("name", "dev"), [(LOCKS[0], False), (LOCKS[1], True)])
def test_lock_covers_the_project(*, name: str, dev: bool) -> None:
    """Each dependency in pyproject.toml is locked at a version it allows: else run lock.sh."""
    pins = read_lock(name)
    wanted = read_requirements(dev=dev)
    assert [str(requirement) for requirement in wanted if not is_met(requirement, pins)] == []


def test_plain_lock_builds_the_project() -> None:
    """The build tools are locked, as the editable install may fetch nothing."""
    assert {"hatchling", "editables"} <= {pin.name for pin in read_lock("requirements.lock")}


def test_the_locks_agree() -> None:
    """Both sets share one .venv, so what both hold has one version."""
    assert set(read_lock("requirements.lock")) <= set(read_lock("requirements-dev.lock"))
