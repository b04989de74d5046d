"""Tokens that cannot be shown: made by nobody's leave, they are taken back, or told of."""

import subprocess
from pathlib import Path

import pytest

from tests.doubles.command_line import PROGRAM, Shell, clean_environment
from tests.doubles.served import make_world, serve_world

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")


def run(folder: Path, script: str, **settings: str) -> tuple[int, str]:
    """Run `released` with its stdout as `script` says; its exit code, and what it told people."""
    done = subprocess.run(
        ["bash", "-c", f"exec {' '.join(PROGRAM)} {script}"],
        cwd=folder,
        env=clean_environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


def list_tokens(shell: Shell) -> list[tuple[str, str]]:
    listed = shell.must("token", "list", "--json").json
    return [(token["name"], token["state"]) for token in listed]


@pytest.mark.parametrize("as_json", ["", " --json"])
def test_a_new_token_that_cannot_be_shown_is_revoked(shell: Shell, as_json: str) -> None:
    """Nobody has seen it, so it opens nothing, and its name is free again."""
    shell.must("db", "upgrade")
    code, said = run(shell.folder, f"token create x{as_json} >/dev/full")
    told = "The token x could not be shown (No space left on device), and is revoked"
    assert (1, f"released: {told}: nothing is left of it. Make it again.\n") == (code, said)
    assert [("x", "revoked")] == list_tokens(shell)
    assert shell.must("token", "create", "x").out


def test_a_rotated_token_that_cannot_be_shown_says_what_to_do(shell: Shell) -> None:
    """The old one cannot come back: the line says so, and names the command that makes a third."""
    old = shell.must("token", "create", "my laptop").out
    code, said = run(shell.folder, "token rotate 'my laptop' >/dev/full")
    told = (
        "The token my laptop was rotated and could not be shown (No space left on device): the old"
        " one is void, and nobody has seen the new one. Rotate it again: released token rotate"
        " 'my laptop'"
    )
    assert (1, f"released: {told}\n") == (code, said)
    assert old != shell.must("token", "rotate", "my laptop").out


@pytest.mark.parametrize("command", ["create y", "rotate x"])
@pytest.mark.parametrize("as_json", ["", " --json"])
def test_nothing_is_made_without_a_stdout(shell: Shell, command: str, as_json: str) -> None:
    """A closed stdout is found out before the change: the old token stays in force."""
    shell.must("token", "create", "x")
    code, said = run(shell.folder, f"token {command}{as_json} >&-")
    told = "stdout cannot be written: it is closed. Nothing was done."
    assert (1, f"released: {told}\n") == (code, said)
    assert [("x", "valid")] == list_tokens(shell)


def test_a_new_token_is_taken_back_at_a_daemon_far_away(
    shell: Shell, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The same over HTTP."""
    with serve_world(tmp_path_factory.mktemp("daemon")) as url:
        shell.set(RELEASED_URL=url, RELEASED_TOKEN=make_world().tokens["operator"])
        settings = {"RELEASED_URL": url, "RELEASED_TOKEN": make_world().tokens["operator"]}
        code, said = run(shell.folder, "token create unseen >/dev/full", **settings)
        assert (1, True) == (code, "and is revoked" in said), said
        assert [("unseen", "revoked")] == [one for one in list_tokens(shell) if "unseen" in one]
