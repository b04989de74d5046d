"""A hint names our programs so that they can be typed where it is read."""

import shutil
from pathlib import Path

import pytest

from released_cli.spelling import Installation, spell
from tests.doubles.command_line import Shell, assert_refused

PROGRAMS = ("released", "released-daemon")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """Make a checkout with its programs in .venv, work in it, and have them on no PATH."""
    programs = tmp_path / "a" / "checkout" / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in PROGRAMS:
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(programs.parents[1])
    return Installation(programs.parent, programs.parents[1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("released-daemon", "{}-daemon"),
        (
            "released-daemon  # end the one that runs first",
            "{}-daemon  # end the one that runs first",
        ),
        (
            "Start it: released-daemon. Else: released doctor",
            "Start it: {}-daemon. Else: {} doctor",
        ),
        ("In another: A=http://x B_C=1 released-daemon", "In another: A=http://x B_C=1 {}-daemon"),
        ("No such option. See: released demo --help", "No such option. See: {} demo --help"),
        ("`released client list` shows them all.", "`{} client list` shows them all."),
        (
            "Next: released inbox retry 1, or released inbox drop 1",
            "Next: {} inbox retry 1, or {} inbox drop 1",
        ),
        ("Make none; released db backup FILE", "Make none; {} db backup FILE"),
    ],
)
def test_commands_are_spelled_by_their_path(
    checkout: Installation, text: str, expected: str
) -> None:
    """Relative to the folder one is in, as the README writes them."""
    assert expected.format(*[".venv/bin/released"] * 2) == spell(text, checkout)


@pytest.mark.parametrize(
    "text",
    [
        "Another released-daemon works on x.",
        "Is released-daemon running there?",
        "Fault: released.socket is inactive",
        "Fault: released-backup.timer is inactive",
        "Make one on the server (released token create NAME).",
        "Start it: systemctl start released",
    ],
)
def test_what_is_no_command_of_this_machine_stays(checkout: Installation, text: str) -> None:
    """A program that is spoken of, a unit, and what is typed on a server."""
    assert text == spell(text, checkout)


def test_the_shorter_path_is_told(
    checkout: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole one from far away, and one with a slash from the very folder."""
    monkeypatch.chdir(checkout.prefix / "bin")
    assert "./released status" == spell("released status", checkout)
    far = tmp_path.joinpath(*"bcdefghijklmnopqrstuvwxyz" * 4)
    far.mkdir(parents=True)
    monkeypatch.chdir(far)
    assert f"{checkout.prefix}/bin/released status" == spell("released status", checkout)


def test_names_stay_bare_where_they_can_be_typed(
    checkout: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the PATH, through a link too; but another installation's program is not this one."""
    programs = checkout.prefix / "bin"
    monkeypatch.setenv("PATH", str(programs))
    assert "released status" == spell("released status", checkout)
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "released").symlink_to(programs / "released")
    monkeypatch.setenv("PATH", str(linked))
    assert "released status" == spell("released status", checkout)
    (linked / "released").unlink()
    shutil.copy(programs / "released", linked)
    assert ".venv/bin/released status" == spell("released status", checkout)


def test_an_installation_has_its_own_command(checkout: Installation, tmp_path: Path) -> None:
    """install.sh's, which gives it the daemon's settings; and without programs there is no path."""
    assert "released status" == spell("released status", Installation(checkout.prefix, tmp_path))
    (checkout.prefix / "bin" / "released").unlink()
    assert "released status" == spell("released status", checkout)


def test_a_path_with_spaces_is_quoted(
    checkout: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that it is one word."""
    moved = checkout.code.rename(tmp_path / "a check out")
    monkeypatch.chdir(tmp_path)
    here = Installation(moved / ".venv", moved)
    assert "'a check out/.venv/bin/released' status" == spell("released status", here)


def test_people_read_paths_and_programs_do_not(
    shell: Shell, checkout: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hints and errors on stderr and alerts are spelled; a document is the same everywhere."""
    shell.set(PATH="/nonexistent", DATABASE_URL="sqlite+aiosqlite:///released.db")
    monkeypatch.chdir(checkout.code)
    monkeypatch.setattr("released_cli.spelling.Installation", lambda: checkout)
    told, document = shell.run("status"), shell.run("status", "--json")
    assert "Start it: .venv/bin/released-daemon. What else is wrong: .venv/bin/released" in told.err
    assert ".venv" not in document.out
    refused = shell.run("demo", "--bogus")
    assert_refused(refused, 2, "See: .venv/bin/released demo --help")
