"""Files of settings, before they are believed: whole, and for no other eyes in production.

Quotes nothing of what stands in them but the number of a line.
"""

from collections.abc import Collection, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.core.closed_files import is_mounted_for_us, refuse_open_file
from daemon.core.errors import Misconfigured

if TYPE_CHECKING:
    from dotenv.parser import Binding

CLOSE = 0.85
"""How alike, from 0 to 1, a name is to one of ours before it is taken for a slip."""

SHORT = 5
"""Letters of a name so short that any two are alike: HOSTS is not HOST."""


def refuse_half_written(env_file: Path) -> None:
    """Refuse a file with a line that cannot be read; python-dotenv would go on without it.

    Raises:
        Misconfigured: with the line's number; for a folder, which would be passed over in silence.
        OSError, UnicodeDecodeError: when it cannot be read at all.

    """
    if env_file.is_dir():
        raise Misconfigured(
            f"{env_file} is a folder, and settings are read from a file. Take it away, or name the"
            " file with --env-file."
        )
    for line, binding in _read_bindings(env_file):
        if binding.error or (binding.key is not None and binding.value is None):
            raise Misconfigured(
                f"{env_file}, line {line}, is no NAME=value: the file is half-written, or a"
                " quote is open. Mend the line, or take it out."
            )


def find_misspelt(env_file: Path, *, names: Collection[str]) -> tuple[str, ...]:
    """Say of each name in a file that is nearly a setting which one it may have been meant to be.

    What else stands there is for other programs, and none of our business. `names` are in lower
    case.

    Raises:
        OSError, UnicodeDecodeError: when the file cannot be read.

    """
    slips = []
    for line, binding in _read_bindings(env_file):
        name = (binding.key or "").lower()
        if name in names or len(name) <= SHORT:
            continue
        for close in get_close_matches(name, names, n=1, cutoff=CLOSE):
            told = f"{binding.key} is no setting; did you mean {close.upper()}?"
            slips.append(f"{env_file} line {line}: {told}")
    return tuple(slips)


def refuse_open_settings(
    env_file: Path, credentials: Path | None, *, names: Collection[str]
) -> None:
    """Refuse files that others on this machine can read, for they hold secrets.

    Of the directory of credentials only files named as settings count, and what systemd or a
    container engine has mounted there for this process alone is theirs to guard.

    Raises:
        Misconfigured: naming the file, its mode and what mends it.

    """
    if env_file.is_file():
        refuse_open_file(env_file)
    if credentials is None:
        return
    try:
        found = sorted(credentials.iterdir())
    except OSError as closed:
        raise Misconfigured(
            f"CREDENTIALS_DIRECTORY={credentials} cannot be read: {closed.strerror}."
        ) from closed
    for path in found:
        if path.name.lower() in names and path.is_file() and not is_mounted_for_us(path):
            refuse_open_file(path)


def _read_bindings(env_file: Path) -> Iterator[tuple[int, "Binding"]]:
    """Give what stands in a file, each with the number of its line; nothing of one that is none."""
    from dotenv.parser import parse_stream  # noqa: PLC0415 - import does nothing

    if not env_file.is_file():
        return
    with env_file.open(encoding="utf-8") as file:
        for binding in parse_stream(file):
            yield binding.original.line + _count_blank(binding.original.string), binding


def _count_blank(text: str) -> int:
    """Count the empty lines before a binding, which the parser takes for a part of it."""
    return text[: len(text) - len(text.lstrip())].count("\n")
