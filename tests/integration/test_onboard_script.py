"""`scripts/onboard.sh`, tried with a stand-in interpreter in a copy of the checkout.

That `released apply FOLDER`, which it calls, does the work is shown in `test_cli_fleet`.
"""

from pathlib import Path

import pytest

from daemon.core.fleet.reading import read_seeds
from tests.doubles.fleet_kit import MemoryFiles
from tests.integration import test_scripts
from tests.integration.test_scripts import Sandbox

pytestmark = test_scripts.pytestmark
sandbox = test_scripts.sandbox

SCRIPT = "scripts/onboard.sh"


@pytest.fixture
def seeds(sandbox: Sandbox) -> Path:
    folder = sandbox.elsewhere / "my seeds"
    folder.mkdir()
    return folder


def test_the_folder_goes_to_apply(sandbox: Sandbox, seeds: Path) -> None:
    """On the very first run stdout holds what `released` prints and nothing of the set-up."""
    sandbox.add_python()
    code, out, _ = sandbox.run(SCRIPT, seeds.name, "--dry-run", "--json")
    assert (0, "<apply><my seeds><--dry-run><--json>") == (code, out)
    assert "requirements.lock" in " ".join(sandbox.taken_calls())


def test_the_exit_code_is_that_of_apply(sandbox: Sandbox, seeds: Path) -> None:
    """A script around it sees whether all clients were made."""
    sandbox.add_python()
    sandbox.run("scripts/setup.sh", "plain")
    (sandbox.checkout / ".venv/bin/released").write_text("#!/bin/sh\npwd\nexit 1\n")
    code, out, err = sandbox.run(SCRIPT, str(seeds))
    assert (1, f"{sandbox.elsewhere}\n", []) == (code, out, err)


def test_help_needs_nothing_and_shows_a_seed_that_works(sandbox: Sandbox) -> None:
    """The document in it is one that can be onboarded."""
    code, out, err = sandbox.run(SCRIPT, "--help")
    assert (0, []) == (code, err)
    seed = out[out.index("{") : out.rindex("}") + 1]
    (client,) = read_seeds([("x", seed.encode())], source="help", files=MemoryFiles()).clients
    assert ("La Plaza", 1) == (client.seed.name, len(client.faqs))


def test_a_folder_must_be_named(sandbox: Sandbox) -> None:
    """Without one, or with an option in its place, the usage is shown, on stderr."""
    for arguments in ((), ("--json",)):
        code, out, err = sandbox.run(SCRIPT, *arguments)
        assert (2, "", True) == (code, out, err[0].startswith("Usage: scripts/onboard.sh FOLDER"))


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_what_is_no_folder_is_told_before_any_set_up(sandbox: Sandbox, name: str) -> None:
    """One line, and nothing is installed for it."""
    (sandbox.elsewhere / "file").touch()
    code, out, err = sandbox.run(SCRIPT, name)
    assert (2, "", [f"onboard: there is no folder {name}"]) == (code, out, err)
