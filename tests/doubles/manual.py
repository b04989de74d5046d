"""Reads our own documents: the commands that they show, their links, and what they link to.

Owns how Markdown and a line of a shell are taken apart; what is right is the tests' to say.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import typer

from released_cli.app import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

PLACEHOLDERS = {"ID": "1", "N": "1", "DAYS": "1"}
"""What stands in the documents for a number."""

_FENCE = re.compile(r"^ *```(?P<language>\w*)\n(?P<body>.*?)^ *```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_ASSIGNMENT = re.compile(r"[A-Z_]+=.*")
_CARRIERS = re.compile(r"^docker compose (exec|run)( -\S+| --rm)* daemon ")
_WHERE = re.compile(r"--url \S+ ?")
_SCRIPT = re.compile(r"(?<![\w/])(?:\./)?(scripts/\w+\.sh)\b")


@dataclass(frozen=True, slots=True)
class Said:
    """Something that a page says, with where, for the message of a test that fails."""

    page: Path
    text: str

    def __str__(self) -> str:
        """Name the page and quote it."""
        return f"{self.page.name}: {self.text}"


def list_commands() -> list[Said]:
    """List every `released …` behind a $ in the blocks of all pages, without what surrounds it."""
    return [
        Said(page, command)
        for page in PAGES
        for block in _FENCE.finditer(page.read_text())
        for line in _join(block["body"])
        if "released " in line
        for command in _find_commands(line)
    ]


def list_spans() -> list[Said]:
    """List every `released …` in running text and in tables."""
    return [
        Said(page, _WHERE.sub("", span.removeprefix("sudo ")))
        for page in PAGES
        for span in _SPAN.findall(_FENCE.sub("", page.read_text()))
        if span.removeprefix("sudo ").startswith("released ")
    ]


def list_scripts() -> set[Path]:
    """List the scripts that any page names."""
    return {ROOT / name for page in PAGES for name in _SCRIPT.findall(page.read_text())}


def list_links() -> list[Said]:
    """List the links to files and headings of our own."""
    return [
        Said(page, target)
        for page in PAGES
        for target in _LINK.findall(_FENCE.sub("", page.read_text()))
        if not target.startswith(("http://", "https://", "mailto:"))
    ]


def list_anchors(page: Path) -> set[str]:
    """List the names under which headings can be linked to, made as GitHub makes them."""
    headings = _HEADING.findall(_FENCE.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@cache
def get_root() -> Any:
    """Give `released` itself, which takes a while to build."""
    return typer.main.get_command(app)


def parse(command: str) -> None:
    """Read a command line as `released` would, and do nothing of it.

    Raises:
        TyperException: when `released` would call it wrong.

    """
    words = [PLACEHOLDERS.get(word, word) for word in shlex.split(command, comments=True)[1:]]
    found: Any = get_root()
    context = found.make_context("released", words)
    while hasattr(found, "commands"):
        rest = [*context._protected_args, *context.args]
        name, found, words = found.resolve_command(context, rest)
        context = found.make_context(name, words, parent=context)


def find_leaf(words: list[str]) -> Any:
    """Give the command that the first words name; None when there is none such."""
    found: Any = get_root()
    for word in words:
        if not hasattr(found, "commands"):
            break
        if word.startswith("-") or not word[0].isalpha():
            continue
        if word not in found.commands:
            return None
        found = found.commands[word]
    return found


def list_options(command: Any) -> set[str]:
    """List the options of a command, and those of `released` that may stand behind it."""
    params = [*command.params, *get_root().params]
    return {word for param in params for word in (*param.opts, *param.secondary_opts)} | {"--help"}


def list_leaves() -> list[tuple[str, ...]]:
    """List the names of all commands, each with its groups before it."""
    return list(_walk((), get_root()))


def _walk(path: tuple[str, ...], command: Any) -> Iterator[tuple[str, ...]]:
    if not hasattr(command, "commands"):
        yield path
        return
    for name, below in command.commands.items():
        yield from _walk((*path, name), below)


def _join(block: str) -> Iterator[str]:
    """Give what was typed behind each $, with lines that go on joined."""
    for line in block.replace("\\\n", " ").splitlines():
        if line.lstrip().startswith("$ "):
            yield line.lstrip()[2:]


def _find_commands(line: str) -> Iterator[str]:
    """Part a line at what a shell parts it at, and keep what runs `released`."""
    lexer = shlex.shlex(line, posix=False, punctuation_chars="();<>|&")
    lexer.whitespace_split, lexer.commenters = True, "#"
    part: list[str] = []
    for word in (*lexer, ";"):
        if not set(word) <= set("();<>|&"):
            part.append(word)
            continue
        yield from _strip(part)
        # What follows < or > is a file's name.
        part = ["<"] if word in {"<", ">", "<<", ">>"} else []


def _strip(part: list[str]) -> Iterator[str]:
    while part and (part[0] == "sudo" or _ASSIGNMENT.fullmatch(part[0])):
        part = part[1:]
    words = _CARRIERS.sub("", " ".join(part)).split(" ", maxsplit=1)
    if Path(words[0]).name == "released" and len(words) > 1:
        yield f"released {words[1]}"
