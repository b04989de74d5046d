"""What every command can do: `--json id,name`, and options of `released` behind its own name.

Owns how that part of a command line is read; which keys there are is `keys`'.
"""

import copy
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from released_cli.given import current
from released_cli.helping import HelpfulCommand, HelpfulGroup
from released_cli.keys import find_keys
from released_cli.usage import UsageError

JSON = "--json"
END = "--"


class Anywhere:
    """Takes the options of `released` behind a command's name too: `client list --quiet`.

    A name that the command has for itself is its own: `log -q TEXT` is no `--quiet`.
    """

    def get_params(self: Any, ctx: Any) -> list[Any]:
        """Give the command's own parameters, and those of `released`, which its help leaves out."""
        own: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        root = ctx.find_root()
        if root is ctx:
            return own
        taken = {word for param in own for word in (param.name, *param.opts)}
        return [*own, *_borrow(root.command.params, taken)]


class Group(Anywhere, HelpfulGroup):
    """A group of commands, as `client` is."""


class Command(Anywhere, HelpfulCommand):
    """A command that takes keys behind `--json`.

    Behind a space they are keys only when all of them are known ones of this command, or when they
    can be nothing else: `client show --json 1` goes on to name a client, `client show 1 --json 2`
    has no use for another.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the keys out of the command line, which then has a flag only."""
        takes_json = any(JSON in option.opts for option in self.params)
        if takes_json and not ctx.resilient_parsing:
            alone = all(param.param_type_name == "option" for param in self.params)
            known = find_keys(ctx.command_path)
            args, keys = split_keys(args, known, takes_words=not alone)
            current().json_keys = keys
            if not keys:
                self._refuse_slip(ctx, args, known)
        return super().parse_args(ctx, args)

    def _refuse_slip(self, ctx: Any, args: list[str], known: Sequence[str]) -> None:
        """Refuse as keys what stands behind `--json` where the command has a word too many."""
        words = _follow_json(args)
        if not words:
            return
        from difflib import get_close_matches

        _, surplus, _ = self.make_parser(ctx).parse_args(list(args))
        for word in words:
            # One that the command took for its own, leaving another over, must look like a key.
            if surplus and (word in surplus or get_close_matches(word, known, n=1)):
                _check(word, known)


def split_keys(
    args: Sequence[str], known: Sequence[str], *, takes_words: bool = True
) -> tuple[list[str], tuple[str, ...]]:
    """Part a command line from the keys behind its `--json`; none chosen are all of them.

    Where the command `takes_words`, one behind `--json` may be meant for it.

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
        elif rest and _are_keys(rest[0], known, takes_words=takes_words):
            keys = _check(rest.pop(0), known)
    return kept, keys


def _are_keys(word: str, known: Sequence[str], *, takes_words: bool) -> bool:
    """Tell whether a word behind `--json` is a list of keys, perhaps with a slip in it."""
    if not takes_words:
        return not word.startswith("-")
    matches = [key in known for key in word.split(",")]
    return all(matches) or ("," in word and any(matches))


def _follow_json(args: Sequence[str]) -> list[str]:
    """Find the words right behind `--json`, no options among them."""
    own = args[: args.index(END)] if END in args else args
    return [word for flag, word in pairwise(own) if flag == JSON and not word.startswith("-")]


def _borrow(params: Sequence[Any], taken: set[str]) -> list[Any]:
    """Copy the options of `released` under the names that are not taken."""
    borrowed = []
    for param in params:
        free = [word for word in param.opts if word not in taken]
        if not free or param.name in taken or param.is_eager:
            continue
        hidden = copy.copy(param)
        hidden.opts, hidden.hidden, hidden.expose_value = free, True, False
        hidden.callback = _give
        borrowed.append(hidden)
    return borrowed


def _give(_ctx: Any, param: Any, value: Any) -> Any:
    """Let an option that was typed hold for all of the command, as if it had stood before it."""
    if value:
        setattr(current(), param.name, value)
    return value


def _check(listed: str, known: Sequence[str]) -> tuple[str, ...]:
    keys = listed.split(",")
    unknown = [key for key in keys if key not in known]
    if unknown:
        raise UsageError(
            f"--json has no key {', '.join(map(repr, unknown))} here."
            f" Keys: {', '.join(known) or 'none to choose'}."
        )
    return tuple(dict.fromkeys(keys))
