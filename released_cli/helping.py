"""Help as people read it: plain lines that can be copied, no boxes, nothing cut off.

Owns how a help page is laid out; what it says stands with each command.
"""

from collections.abc import Iterable, Mapping, Sequence
from inspect import cleandoc
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

WHOLE = 10_000
"""Characters of a command's first sentence that a list of commands shows: all of them."""

COMMANDS = "Commands"

USAGE = 2
"""The exit code of a command line that names no command."""


class PlainHelp:
    """What the help of commands and of groups has in common; goes before Typer's own class."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Build as Typer does, without its boxes."""
        super().__init__(*args, **options)
        self.rich_markup_mode: Any = None

    def collect_usage_pieces(self: Any, ctx: Any) -> list[str]:
        """Show what must be given without the braces that Typer puts around it."""
        pieces: list[str] = super().collect_usage_pieces(ctx)  # type: ignore[misc]
        return [piece.strip("{}") for piece in pieces]

    def format_epilog(self: Any, _ctx: Any, formatter: Any) -> None:
        """Write examples as they stand: one that is wrapped cannot be copied."""
        if self.epilog:
            # On a line of its own the first line has no say in how far the others are indented.
            examples = cleandoc("\n" + self.epilog)
            formatter.write(f"\n{examples}\n")

    def format_options(self: Any, ctx: Any, formatter: Any) -> None:
        """Write arguments without their type, then options."""
        records: dict[str, list[tuple[str, str]]] = {"argument": [], "option": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                kind = param.param_type_name
                records[kind].append(_describe(param, record) if kind == "argument" else record)
        for title, rows in (("Arguments", records["argument"]), ("Options", records["option"])):
            _write(formatter, title, rows)


class HelpfulCommand(PlainHelp, TyperCommand):
    """A command with such help."""


class HelpfulGroup(PlainHelp, TyperGroup):
    """A group with such help, its commands in sections or in one."""

    sections: Mapping[str, Iterable[str]] = {}

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Show the help when no command is given, and exit as a wrong command line does."""
        if args or ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        typer.echo(ctx.get_help())
        raise typer.Exit(USAGE)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, which are looked for, before the options."""
        for title, names in (self.sections or {COMMANDS: self.list_commands(ctx)}).items():
            told = [(name, self.commands[name].get_short_help_str(WHOLE)) for name in names]
            _write(formatter, title, told)
        super().format_options(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write nothing: they stand above."""


def _describe(param: Any, record: tuple[str, str]) -> tuple[str, str]:
    return param.display_name_raw.strip("[]"), param.help or record[1]


def _write(formatter: Any, title: str, rows: Sequence[tuple[str, str]]) -> None:
    if rows:
        with formatter.section(title):
            formatter.write_dl(rows)
