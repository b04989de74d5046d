"""The Dockerfile: clean, locked, and with nothing in the image that is for building."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINES = (ROOT / "Dockerfile").read_text().replace("\\\n", "").splitlines()
PINNED = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)==", re.MULTILINE)


def find(word: str) -> list[str]:
    """Give the arguments of an instruction, of all stages."""
    return [line.removeprefix(f"{word} ") for line in LINES if line.startswith(f"{word} ")]


def find_last(word: str) -> str:
    return find(word)[-1]


def read_lock() -> dict[str, set[str]]:
    """Give what the lock names, each with what it is there for."""
    text = (ROOT / "requirements.lock").read_text()
    found: dict[str, set[str]] = {}
    for part in re.split(r"\n(?=\S)", text):
        if name := PINNED.match(part):
            reasons = re.findall(r"^ +#(?: +via)? +(\S+)", part, re.MULTILINE)
            found[name["name"]] = {reason for reason in reasons if reason != "via"}
    return found


def find_build_only() -> set[str]:
    """Name what the lock has for building this project and for nothing else."""
    lock = read_lock()
    wanted = set(re.findall(r'^    "([a-z0-9-]+)', _dependencies(), re.MULTILINE))
    kept = wanted & set(lock)
    while more := {name for name, reasons in lock.items() if reasons & kept} - kept:
        kept |= more
    return set(lock) - kept


def _dependencies() -> str:
    pyproject = (ROOT / "pyproject.toml").read_text()
    return pyproject.partition("\ndependencies = [")[2].partition("\n]")[0]


def test_hadolint_has_nothing_to_say() -> None:
    """The linter that comes with the development tools is content."""
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    hadolint = hadolint or shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed")
    said = subprocess.run(
        [hadolint, "--no-color", str(ROOT / "Dockerfile")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (0, "", "") == (said.returncode, said.stdout, said.stderr)


def test_nobody_is_root_in_it() -> None:
    """A number, which an engine can check without looking into the image; and the volume is his."""
    assert "10001:10001" == find_last("USER")
    assert find_last("WORKDIR") == find_last("VOLUME") == "/var/lib/released"


def test_the_base_is_one_version() -> None:
    """Both stages rest on the same Python, one that the project supports."""
    bases = find("FROM")
    assert re.fullmatch(r"python:3\.1[1-9]\.\d+-slim-[a-z]+ AS base", bases[0])
    assert ["base AS builder", "base"] == bases[1:]


def test_only_what_is_locked_gets_in() -> None:
    """By hash, as wheels: no compiler, and nothing that a registry changed overnight."""
    (installing,) = [run for run in find("RUN") if "requirements.lock" in run]
    assert "--require-hashes" in installing
    assert "--only-binary :all:" in installing
    (building,) = [run for run in find("RUN") if "--no-build-isolation" in run]
    assert "--no-deps" in building


def test_what_builds_is_taken_out() -> None:
    """The list in the Dockerfile is what the lock has for building and for nothing else."""
    (removing,) = [run for run in find("RUN") if "hatchling" in run]
    listed = removing.partition("uninstall --yes ")[2].partition("&&")[0].split()
    assert find_build_only() == set(listed)
    assert any(
        "uninstall" in run and " pip " in f"{run.partition('&&')[0]} " for run in find("RUN")
    )


def test_what_is_copied_is_there_and_let_in() -> None:
    """The list of what goes to the builder names all that the Dockerfile asks for, and no more."""
    copied = {
        source
        for words in find("COPY")
        if not words.startswith("--from")
        for source in words.split()[:-1]
    }
    ignoring = (ROOT / ".dockerignore").read_text().split("*\n", 1)[1].splitlines()
    assert copied == {line[1:] for line in ignoring if line.startswith("!")}
    assert [] == [source for source in copied if not (ROOT / source).exists()]


def test_the_manual_is_in_it() -> None:
    """What alerts and errors name can be read where they come from."""
    (building,) = [run for run in find("RUN") if "--no-build-isolation" in run]
    assert "docs docs" in find("COPY")
    assert "test -s /opt/released/docs/runbook.md" in building


def test_any_program_of_ours_can_be_its_command() -> None:
    """`docker compose run --rm daemon released …` works, and a plain start is the daemon."""
    assert [] == find("ENTRYPOINT")
    assert '["released-daemon"]' == find_last("CMD")
    assert 'CMD ["python", "-m", "daemon.probing"]' in find_last("HEALTHCHECK")
