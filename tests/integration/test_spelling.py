"""A hint names our programs so that they can be typed where it is read."""

import io
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from released_cli.admin import Document
from released_cli.spelling import FarDocument, Installation, spell
from released_cli.status import INDENT
from released_cli.watching.picture import Scene, draw_scene
from tests.doubles.calling_kit import hurry, run_at
from tests.doubles.command_line import Shell, assert_refused
from tests.doubles.stranger import as_json, as_problem, meet
from tests.doubles.watched import make_fleet

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
        ("Unused. Stop it, then released db maintain", "Unused. Stop it, then {} db maintain"),
        ("… and 3 more: released client list", "… and 3 more: {} client list"),
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
        "Another program has a.db open: 'released-daemon --env-file a' (process 1). End it",
        "Another program has a.db open: 'released top' (process 1), 'released listen' (process 2)",
        "Another program has a.db open: perhaps 'released top', 'listen' or 'sandbox'. End it",
        "It does not answer. Try again, or look at it on the server (released status there).",
        "It sends with the one that is exchanged on the server (released meta token rotate there).",
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


@pytest.fixture
def shell_off_path(shell: Shell, checkout: Installation, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Run our commands in the checkout."""
    shell.set(PATH="/nonexistent", DATABASE_URL="sqlite+aiosqlite:///released.db", COLUMNS="200")
    monkeypatch.chdir(checkout.code)
    monkeypatch.setattr("released_cli.spelling.Installation", lambda: checkout)
    return hurry(shell)


def draw(document: Document) -> str:
    """Draw what `top` shows."""
    console = Console(file=io.StringIO(), width=100, height=24, color_system=None)
    with console.capture() as drawn:
        console.print(draw_scene(Scene(document, 0.0), clock=0.0, width=100, height=24))
    return drawn.get()


@pytest.fixture(params=[False, True], ids=["plain", "drawn"])
def drawn(shell_off_path: Shell, request: pytest.FixtureRequest) -> Shell:
    """Run them as in a pipe, and as on a terminal."""
    for module in ("doctor", "status"):
        shell_off_path.patch(f"released_cli.{module}.is_terminal", lambda _: request.param)
    return shell_off_path


def test_people_read_paths_and_programs_do_not(shell_off_path: Shell) -> None:
    """Hints and errors on stderr and alerts are spelled; a document is the same everywhere."""
    told, document = (shell_off_path.run("--local", "status", *more) for more in ((), ("--json",)))
    assert "Start it: .venv/bin/released-daemon. What else is wrong: .venv/bin/released" in told.err
    assert ".venv" not in document.out
    refused = shell_off_path.run("demo", "--bogus")
    assert_refused(refused, 2, "See: .venv/bin/released demo --help")


def test_the_doctor_names_steps_that_can_be_typed(drawn: Shell) -> None:
    """Those of this machine; a document is the same everywhere."""
    drawn.set(PORT="1")  # where nothing ever answers
    assert "next: start it: .venv/bin/released-daemon" in drawn.run("--local", "doctor").out
    assert ".venv" not in drawn.run("--local", "doctor", "--json").out


@pytest.mark.usefixtures("shell_off_path")
def test_pictures_name_commands_that_can_be_typed() -> None:
    """Where what stands there comes from this machine, or from the program itself."""
    assert ".venv/bin/released client update 401 " in draw(make_fleet())
    told = draw(FarDocument(make_fleet()))
    assert "  released client update 401 " in told
    assert "… and 1 more: .venv/bin/released status" in told


def test_what_a_far_daemon_says_stays(drawn: Shell) -> None:
    """Its commands are for the server; what the program itself says is for this machine."""
    finding = {"check": "clients", "subject": None, "state": "error", "detail": "None."}
    answers = {
        "/status": [as_json(make_fleet())],
        "/doctor": [as_json([finding | {"next": "released client add"}])],
    }
    with meet(answers) as daemon:
        status, doctor = (run_at(drawn, daemon, command) for command in ("status", "doctor"))
    assert f"{INDENT}released client update 401" in status.out
    assert "next: released client add" in doctor.out


def test_a_full_terminal_names_what_shows_the_rest(shell_off_path: Shell) -> None:
    """What it has no room for is not the daemon's to say, near or far."""
    shell_off_path.patch("released_cli.status.is_terminal", lambda _: True)
    shell_off_path.set(LINES="16")
    with meet({"/status": [as_json(make_fleet())]}) as daemon:
        told = run_at(shell_off_path, daemon, "status").out
    assert "more alerts: .venv/bin/released status --json" in told
    assert "more: .venv/bin/released client list" in told


@pytest.mark.parametrize("status", [403, 404, 409, 422, 500, 503])
def test_what_a_far_daemon_refuses_with_stays(shell_off_path: Shell, status: int) -> None:
    """Whatever kind of error becomes of it."""
    text = "No. `released token create NAME` makes one."
    with meet({"*": [as_problem(status, text)]}) as daemon:
        assert_refused(run_at(shell_off_path, daemon), 1, text)


def test_a_token_is_made_there_and_saved_here(shell_off_path: Shell) -> None:
    """The program's own words about a far daemon say which machine each command is for."""
    with meet({"*": [as_problem(401, "No.")]}) as daemon:
        refused = run_at(shell_off_path, daemon)
    assert_refused(refused, 1, "on the server (released token create NAME)")
    assert_refused(refused, 1, f"then here: .venv/bin/released login {daemon.url}")
    shell_off_path.set(RELEASED_TOKEN="two words")
    refused = shell_off_path.run("--url", "https://bot.example.com", "status")
    assert_refused(refused, 1, "the server prints it (released token create NAME there).")
