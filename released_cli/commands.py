"""What every command that prints data can do: `--json id,name`.

Owns how that part of a command line is read; which keys there are is `keys`'.
"""

from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand

from released_cli.given import current
from released_cli.keys import find_keys
from released_cli.usage import UsageError

JSON = "--json"
END = "--"


class Command(TyperCommand):
    """A command that takes keys behind `--json`.

    Behind a space they are keys only when all of them are known ones of this command:
    `client show --json 1` goes on to name a client.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the keys out of the command line, which then has a flag only."""
        takes_json = any(JSON in option.opts for option in self.params)
        if takes_json and not ctx.resilient_parsing:
            args, keys = split_keys(args, find_keys(ctx.command_path))
            current().json_keys = keys
        return super().parse_args(ctx, args)


def split_keys(args: Sequence[str], known: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Part a command line from the keys behind its `--json`; none chosen are all of them.

    Raises:
        UsageError: for a key that there is not, listing those there are.

    """
    kept: list[str] = []
    keys: tuple[str, ...] = ()
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if word == END:
            return [*kept, word, *rest], keys
        name, separator, listed = word.partition("=")
        if name != JSON:
            kept.append(word)
            continue
        kept.append(JSON)
        if separator:
            keys = _check(listed, known)
        elif rest and set(rest[0].split(",")) <= set(known):
            keys = _check(rest.pop(0), known)
    return kept, keys


def _check(listed: str, known: Sequence[str]) -> tuple[str, ...]:
    keys = listed.split(",")
    unknown = [key for key in keys if key not in known]
    if unknown:
        raise UsageError(
            f"--json has no key {', '.join(map(repr, unknown))} here."
            f" Keys: {', '.join(known) or 'none to choose'}."
        )
    return tuple(dict.fromkeys(keys))
