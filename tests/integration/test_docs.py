"""What README.md and docs/ tell an operator to type is there, and their links lead somewhere."""

import re
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import unquote

import pytest
from typer.exceptions import TyperException

from daemon.core.database_files import follow, key_of, lock_of, log_of
from daemon.core.settings import Settings
from daemon.metrics import Metrics
from released_cli.given import Globals, start
from tests.doubles.manual import (
    ROOT,
    Said,
    find_leaf,
    list_anchors,
    list_commands,
    list_leaves,
    list_links,
    list_options,
    list_scripts,
    list_spans,
    parse,
)

README = (ROOT / "README.md").read_text()

FEWEST_COMMANDS = 60
"""So that a reader of Markdown that finds nothing is noticed."""

COMPOSE_ONLY = {"PUBLIC_HOST", "RELEASED_IMAGE", "SECRETS_DIR"}
"""Names in .env.example that docker-compose.yml reads, and no program of ours."""

PLACEHOLDER = re.compile(r"^[A-Z|]+$|^[…\[\]]+$")


def test_no_commit_takes_what_a_daemon_keeps_in_its_checkout() -> None:
    """The steps start it there: database, key, settings and backups are for nobody else's eyes."""
    patterns = [line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()]
    database = Path("released.db")
    made = [".env", "backups", *(of(database).name for of in (follow, key_of, lock_of, log_of))]
    assert [] == [name for name in made if not any(fnmatch(name, one) for one in patterns)]


def is_typed_wrong(said: Said) -> str | None:
    start(Globals())
    try:
        parse(said.text)
    except TyperException as wrong:
        return f"{said}: {wrong.format_message()}"
    finally:
        start(Globals())
    return None


def test_every_command_in_a_block_can_be_typed() -> None:
    """Command, options and arguments are taken by `released`; nothing is run."""
    commands = list_commands()
    assert len(commands) > FEWEST_COMMANDS
    assert [] == [wrong for said in commands if (wrong := is_typed_wrong(said)) is not None]


def test_every_command_in_the_text_is_one() -> None:
    """The command and each option that is named with it; what stands for a value is left out."""
    unknown = []
    for said in list_spans():
        words = re.split(r"[\s\[\]|/=]+", said.text)[1:]
        names = [word for word in words if word and not PLACEHOLDER.match(word)]
        leaf = find_leaf(names)
        options = {word for word in names if word.startswith("--")}
        if leaf is None or not options <= list_options(leaf):
            unknown.append(str(said))
    assert [] == unknown


def test_the_readme_lists_every_command() -> None:
    """In the table of commands, whole or behind another of its group."""
    rows = [line for line in README.splitlines() if line.startswith("| `released")]
    missing = [
        " ".join(leaf)
        for leaf in list_leaves()
        if not any(
            re.search(rf"[ `|]{leaf[-1]}\b", row)
            for row in rows
            if len(leaf) == 1 or row.startswith(f"| `released {leaf[0]}")
        )
    ]
    assert [] == missing


def test_the_readme_lists_every_setting() -> None:
    """In the table of settings, and none that there is not."""
    table = README.partition("\n## Settings\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    listed = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}
    assert {name.upper() for name in Settings.model_fields} == listed


def test_the_example_names_settings_only() -> None:
    """What somebody takes the # off does something."""
    example = (ROOT / ".env.example").read_text()
    named = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    assert set() == named - COMPOSE_ONLY - {name.upper() for name in Settings.model_fields}


def test_the_metrics_that_are_described_are_those_there_are() -> None:
    """The table of docs/production.md is the daemon's own list, without the process's."""
    page = (ROOT / "docs/production.md").read_text()
    table = page.partition("\n### What is counted\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    described = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    helped = re.findall(r"^# HELP released_(\w+)", Metrics().render().decode(), re.MULTILINE)
    assert set(helped) == described


def test_every_script_that_is_named_is_there() -> None:
    """None was renamed or is only planned."""
    scripts = list_scripts()
    assert scripts
    assert [] == [script.name for script in scripts if not script.is_file()]


@pytest.mark.parametrize("link", list_links(), ids=str)
def test_links_lead_somewhere(link: Said) -> None:
    """To a file that is there, and in it to a heading."""
    name, _, anchor = link.text.partition("#")
    target = (link.page.parent / name).resolve() if name else link.page
    assert target.exists()
    assert not anchor or unquote(anchor) in list_anchors(target)
