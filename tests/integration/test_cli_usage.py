"""Exit codes and usage errors of the whole CLI, its help, and the settings it starts with."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import released_cli
from released_cli.tree import SECTIONS
from tests.doubles.command_line import (
    LA_PLAZA,
    PROGRAM,
    Shell,
    assert_refused,
    clean_environment,
    run_process,
)
from tests.doubles.new_database import copy_new_database

WIDTH = 80

COMMANDS = [
    (),
    ("client",),
    ("client", "add"),
    ("client", "list"),
    ("client", "show"),
    ("client", "faqs"),
    ("client", "update"),
    ("client", "deactivate"),
    ("client", "activate"),
    ("client", "resume"),
    ("inbox",),
    ("inbox", "list"),
    ("inbox", "show"),
    ("inbox", "retry"),
    ("inbox", "drop"),
    ("status",),
    ("top",),
    ("log",),
    ("listen",),
    ("plan",),
    ("apply",),
    ("export",),
    ("doctor",),
    ("audit",),
    ("token",),
    ("token", "create"),
    ("token", "list"),
    ("token", "rotate"),
    ("token", "revoke"),
    ("login",),
    ("logout",),
    ("completion",),
    ("db",),
    ("db", "upgrade"),
    ("db", "backup"),
    ("db", "verify"),
    ("db", "restore"),
    ("sandbox",),
    ("demo",),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_is_there_and_touches_nothing(shell: Shell, command: tuple[str, ...]) -> None:
    """`--help` of each command names the command, exits 0 and makes no file."""
    done = shell.must(*command, "--help")
    assert " ".join(("Usage: released", *command)) in done.out
    assert ("", []) == (done.err, list(shell.folder.iterdir()))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_fits_a_terminal(shell: Shell, command: tuple[str, ...]) -> None:
    """No line is wider than 80 characters, none is cut off, and `-h` is help too."""
    told = shell.must(*command, "-h").out
    assert [] == [
        line for line in told.splitlines()[1:] if len(line) > WIDTH or line.endswith("...")
    ]
    assert not {"<bool>", "<str>", "<int range>", "╭"} & set(told.split())


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("client show", "REF"),
        ("db backup", "[FILE]"),
        ("contact export", "[CLIENT_REF] [CUSTOMER]"),
        ("plan", "FILE"),
    ],
)
def test_help_shows_how_it_is_typed(shell: Shell, command: str, words: str) -> None:
    """Brackets, once, around what may be left out, and none around what must be given."""
    usage = shell.must(*command.split(), "--help").out.splitlines()[0]
    assert f"Usage: released {command} [OPTIONS] {words}" == usage


def test_help_lists_every_command() -> None:
    """What a section forgets would not be found."""
    listed = [name for names in SECTIONS.values() for name in names]
    held = []
    for found in pkgutil.iter_modules(released_cli.__path__):
        if found.name in {"app", "__main__"}:
            continue
        module = importlib.import_module(f"released_cli.{found.name}")
        if isinstance(there := getattr(module, "app", None), typer.Typer):
            group = typer.main.get_group(there)
            held += [group.name] if group.name else list(group.commands)
    assert sorted(listed) == sorted(held)


def test_version(shell: Shell) -> None:
    """`--version` prints name and version."""
    assert "released 0.1.0\n" == shell.must("--version").out


def list_imports(*arguments: str) -> set[str]:
    code = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; from released_cli.app import main; main()", *arguments],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


def test_a_command_starts_without_the_others() -> None:
    """What stands in their modules is read when one of them is named."""
    modules = {module for found in SECTIONS.values() for module in found.values()}
    imported = list_imports("client", "list", "--help")
    # `completion` holds what names the clients to a shell as well.
    assert {"client", "completion"} == {
        name for name in modules if f"released_cli.{name}" in imported
    }


def test_help_starts_light() -> None:
    """`released --help` pays for no library that only a command needs."""
    imported = list_imports("--help")
    heavy = {"sqlalchemy", "alembic", "pydantic", "aiohttp", "openai", "asyncio", "cryptography"}
    assert "released_cli.client" in imported
    assert set() == heavy & imported


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("frob",), ["No such command 'frob'", "released --help"]),
        (("client", "frob"), ["No such command 'frob'", "released client --help"]),
        (("client", "list", "--frob"), ["No such option: --frob", "released client list --help"]),
        (("client", "show"), ["Missing argument 'REF'"]),
        (("client", "show", "1", "2"), ["unexpected extra argument"]),
        (("client", "update"), ["Missing argument 'REF'"]),
        (("token", "create"), ["Missing argument 'NAME'"]),
        (("token", "create", "x", "--expires-days", "soon"), ["--expires-days"]),
        (("sandbox", "--port", "70000"), ["--port"]),
        (("sandbox", "--port", "x"), ["--port"]),
        (("demo", "--ask", "  "), ["--ask needs a text"]),
        (("demo", "--ask"), ["--ask"]),
        (("--env-file",), ["--env-file"]),
        (("client", "list", "--env-file"), ["--env-file"]),
        (("inbox", "retry", "--error", "131042"), ["--error goes with --all"]),
        (("contact", "erase", "--all-clients"), ["Name the client and the customer"]),
        (("contact", "erase", "1", "34600"), ["Erasing needs --yes"]),
    ],
)
def test_a_wrong_command_line_exits_2(
    shell: Shell, arguments: tuple[str, ...], words: list[str]
) -> None:
    """A usage error is one line with what is wrong, and touches nothing."""
    assert_refused(shell.run(*arguments), 2, *words)
    assert [] == list(shell.folder.iterdir())


@pytest.mark.parametrize("missing", ["--name", "--phone-number", "--phone-number-id", "--faqs"])
def test_missing_options_are_named(shell: Shell, missing: str) -> None:
    """Off a terminal a missing value is a usage error with the option's name."""
    given = [*LA_PLAZA, "--faqs", "faqs.json"]
    at = given.index(missing)
    result = shell.run("client", "add", *given[:at], *given[at + 2 :])
    assert_refused(result, 2)
    assert f"released: Missing {missing}.\n" == result.err


def test_all_missing_options_are_named_at_once(shell: Shell) -> None:
    """Nobody has to find them out one by one."""
    result = shell.run("client", "add")
    assert_refused(result, 2, "Missing --name, --phone-number, --phone-number-id, --faqs.")


@pytest.mark.parametrize("group", [(), ("client",), ("token",), ("db",)])
def test_a_bare_group_shows_its_help(shell: Shell, group: tuple[str, ...]) -> None:
    """Without a command the help is shown, and the exit code says that something is missing."""
    done = shell.run(*group)
    assert (2, "") == (done.code, done.err)
    assert shell.must(*group, "--help").out == done.out


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"PORT": "http"}, ["PORT"]),
        ({"PORT": "70000"}, ["PORT"]),
        ({"COALESCE_SECONDS": "-1", "WORKERS": "0"}, ["COALESCE_SECONDS", "WORKERS"]),
        ({"ANSWER_ENGINE": "magic"}, ["ANSWER_ENGINE"]),
        ({"ANSWER_ENGINE": "responses"}, ["OPENAI_API_KEY"]),
        ({"META_GRAPH_VERSION": "26"}, ["META_GRAPH_VERSION"]),
        ({"DATABASE_URL": "released.db"}, ["DATABASE_URL is not a database URL"]),
        ({"DATABASE_URL": "mysql://x/y"}, ["DATABASE_URL names mysql"]),
        ({"DATABASE_URL": "sqlite+aiosqlite://"}, ["DATABASE_URL must name a file"]),
        ({"DATABASE_URL": "sqlite+aiosqlite:///no/x.db"}, ["no/x.db", "No such file", "DATABASE"]),
        ({"DATABASE_URL": "sqlite+aiosqlite:///."}, ["Is a directory"]),
    ],
)
def test_a_bad_setting_is_one_line(
    shell: Shell, settings: dict[str, str], words: list[str]
) -> None:
    """Every setting that cannot be used is named in one line, before anything is touched."""
    shell.set(**settings)
    assert_refused(shell.run("client", "list"), 1, *words)
    assert [] == list(shell.folder.iterdir())


def test_env_file_is_read_and_the_environment_wins(shell: Shell) -> None:
    """`--env-file` stands before the command; what the environment sets is stronger."""
    path = shell.write("my.env", "DATABASE_URL=sqlite+aiosqlite:///a.db\n")
    shell.must("--env-file", path, "client", "list")
    shell.set(DATABASE_URL="sqlite+aiosqlite:///b.db")
    shell.must("--env-file", path, "client", "list")
    assert ["a.db", "b.db"] == sorted(file.name for file in shell.folder.glob("*.db"))


def test_dotenv_here_is_read_unless_another_is_named(shell: Shell) -> None:
    """`.env` in the working directory counts, and `--env-file` takes its place."""
    shell.write(".env", "DATABASE_URL=sqlite+aiosqlite:///here.db\n")
    path = shell.write("other.env", "")
    shell.must("client", "list")
    shell.must("--env-file", path, "client", "list")
    assert ["here.db", "released.db"] == sorted(file.name for file in shell.folder.glob("*.db"))


@pytest.mark.parametrize("name", ["missing.env", "."])
def test_a_named_env_file_must_be_there(shell: Shell, name: str) -> None:
    """A file that `--env-file` names and that is none is refused by that name."""
    why = "folder" if Path(name).is_dir() else "no such file"
    assert_refused(shell.run("--env-file", name, "client", "list"), 1, f"--env-file {name}", why)


@pytest.mark.parametrize("options", [(), ("--env-file", ".env")])
def test_an_env_file_must_be_utf8(shell: Shell, options: tuple[str, ...]) -> None:
    """A `.env` in another encoding is refused by name."""
    shell.write(".env", "NAME=España\n".encode("latin-1"))
    assert_refused(shell.run(*options, "client", "list"), 1, ".env cannot be read")


def test_an_argument_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """Bytes that are no text end in one line, not in a traceback."""
    copy_new_database(tmp_path / "released.db")
    done = subprocess.run(
        [*PROGRAM, "client", "show", b"\xff"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        check=False,
    )
    said = b"released: a value on the command line is not UTF-8.\n"
    assert (2, b"", said) == (done.returncode, done.stdout, done.stderr)


def test_the_module_is_the_program(tmp_path: Path) -> None:
    """`python -m released_cli` refuses and exits as the installed command does."""
    copy_new_database(tmp_path / "released.db")
    assert_refused(run_process(tmp_path, "client", "show", "1"), 1, "no client '1'")
    assert_refused(run_process(tmp_path, "frob"), 2, "No such command")


@pytest.mark.parametrize(
    "command", [("meta", "token", "rotate"), ("service", "install"), ("db", "restore")]
)
def test_examples_fit_the_window_and_are_indented(shell: Shell, command: tuple[str, ...]) -> None:
    """Eighty columns, and what can be copied stands two cells in."""
    lines = shell.must(*command, "-h").out.splitlines()
    assert 80 >= max(map(len, lines))
    first = next(number for number, line in enumerate(lines) if line.startswith("Example"))
    assert all(line.startswith("  ") for line in lines[first + 1 :] if line)
