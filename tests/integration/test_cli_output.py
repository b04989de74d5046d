"""What the CLI prints into pipes and files: whole, plain, and quiet when nobody listens."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.doubles.command_line import (
    FAQS,
    LA_PLAZA,
    PROGRAM,
    Shell,
    clean_environment,
    run_process,
    run_quickly,
)
from tests.doubles.new_database import copy_new_database

LONG = "Café " + "ñandú " * 30 + "fin"


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    return Shell(tmp_path, monkeypatch, capsys)


def pipe(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which `released` is the program."""
    define = f'released() {{ {" ".join(PROGRAM)} "$@"; }}'
    return subprocess.run(
        ["bash", "-c", f"{define}\n{script}"],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "settings", [{}, {"COLUMNS": "40"}, {"FORCE_COLOR": "1"}, {"TERM": "xterm"}]
)
def test_a_table_off_a_terminal_is_whole_and_plain(shell: Shell, settings: dict[str, str]) -> None:
    """A pipe gets every character of every value, one line a row, and no colour."""
    shell.set(**settings)
    shell.add(name=LONG)
    lines = shell.must("client", "list").out.splitlines()
    assert 2 == len(lines)
    assert lines[1].startswith(f"1   {LONG}  +34666777888")
    assert "\x1b" not in "".join(lines)


def test_facts_keep_their_lines(shell: Shell) -> None:
    """A text of several lines stays in its column."""
    shell.add("--welcome-message", "Hola\n[bold]adiós")
    shown = shell.must("client", "show", "1").out
    assert f"welcome_message    Hola\n{'':19}[bold]adiós\n" in shown


def test_json_is_utf8_and_stdout_alone(tmp_path: Path) -> None:
    """A real process prints JSON, and nothing else, on stdout; people read stderr."""
    copy_new_database(tmp_path / "released.db")
    added = run_process(tmp_path, "client", "add", *LA_PLAZA, "--faqs", str(FAQS), "--json")
    assert (0, "La Plaza") == (added.code, added.json["name"])
    assert "Lo siento, no tengo esa información" in added.out
    assert "is on" in added.err


def test_json_survives_a_stdout_without_utf8(tmp_path: Path) -> None:
    """Where stdout cannot carry a character, JSON escapes it and text shows a substitute."""
    copy_new_database(tmp_path / "released.db")
    settings = {"PYTHONIOENCODING": "latin-1"}
    name = ("--name", "Café ✓")
    added = run_process(
        *(tmp_path, "client", "add", *LA_PLAZA, *name, "--faqs", str(FAQS), "--json"),
        settings=settings,
    )
    assert (0, "Café ✓") == (added.code, json.loads(added.out)["name"])
    assert "Caf� \\u2713" in run_process(tmp_path, "client", "list", settings=settings).out


@pytest.mark.parametrize("command", ["client list", "client list --json", "client show 1"])
def test_a_reader_that_leaves_early_ends_it_quietly(tmp_path: Path, command: str) -> None:
    """`released client list | head -1` says nothing about the pipe."""
    copy_new_database(tmp_path / "released.db")
    run_quickly(tmp_path, "client", "add", *LA_PLAZA, "--faqs", str(FAQS))
    done = pipe(tmp_path, f"released {command} | head -1; echo ${{PIPESTATUS[0]}} >&2")
    assert (1, "0\n") == (len(done.stdout.splitlines()), done.stderr)


def test_a_closed_pipe_ends_it_quietly(tmp_path: Path) -> None:
    """A reader that has gone before the first line is no error either."""
    copy_new_database(tmp_path / "released.db")
    run_quickly(tmp_path, "client", "add", *LA_PLAZA, "--faqs", str(FAQS))
    script = "{ sleep 0.1; released client list --json; echo $? >&2; } | exec true"
    assert "0\n" == pipe(tmp_path, script).stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    ("setting", "command"),
    [
        ("", "client list --json"),
        ("export PYTHONUNBUFFERED=1; ", "client list --json"),
        ("export PYTHONUNBUFFERED=1; ", "client add --help"),
        ("", "--version"),
    ],
)
def test_a_full_stdout_is_one_line(tmp_path: Path, setting: str, command: str) -> None:
    """Output that cannot be written is a failure, whoever writes it: exit 1, and what failed."""
    copy_new_database(tmp_path / "released.db")
    done = pipe(tmp_path, f"{setting}released {command} >/dev/full; echo $?")
    said = "released: stdout cannot be written: No space left on device\n"
    assert ("1\n", said) == (done.stdout, done.stderr)


@pytest.mark.parametrize("command", ["client list --json", "--version", "export"])
def test_a_closed_stdout_is_a_failure(tmp_path: Path, command: str) -> None:
    """Where there is no stdout nothing is lost in silence: exit 1 and one line."""
    copy_new_database(tmp_path / "released.db")
    done = pipe(tmp_path, f"(released {command} >&-); echo $?")
    said = "released: stdout cannot be written: it is closed\n"
    assert ("1\n", said) == (done.stdout, done.stderr)


def test_a_closed_stdout_troubles_nobody_who_prints_nothing(tmp_path: Path) -> None:
    """A command without data to show works without a stdout."""
    copy_new_database(tmp_path / "released.db")
    done = pipe(tmp_path, "released db upgrade >&-; echo $?")
    assert "0\n" == done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("client add --name X", 2, "Missing --phone-number, --phone-number-id, --faqs."),
        ("client deactivate 1", 2, "Deactivating needs --yes when nobody can be asked."),
        (
            "client add --name X --phone-number +34666777888 --phone-number-id 1 --faqs -",
            1,
            "FAQs: stdin is closed.",
        ),
    ],
)
def test_a_closed_stdin_is_nobody_to_ask(
    tmp_path: Path, arguments: str, code: int, said: str
) -> None:
    """Without any stdin, as under some supervisors, the refusals are the same."""
    done = pipe(tmp_path, f"released {arguments} <&-; echo $?")
    assert (f"{code}\n", f"released: {said}\n") == (done.stdout, done.stderr)
