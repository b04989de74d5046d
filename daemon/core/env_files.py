"""Files of settings, before they are believed: whole, and for no other eyes in production.

Quotes nothing of what stands in them but the number of a line.
"""

from collections.abc import Collection
from pathlib import Path

from daemon.core.closed_files import is_mounted_for_us, refuse_open_file
from daemon.core.errors import Misconfigured


def refuse_half_written(env_file: Path) -> None:
    """Refuse a file with a line that cannot be read; python-dotenv would go on without it.

    Raises:
        Misconfigured: with the line's number.
        OSError, UnicodeDecodeError: when it cannot be read at all.

    """
    from dotenv.parser import parse_stream  # noqa: PLC0415 - import does nothing

    if not env_file.is_file():
        return
    with env_file.open(encoding="utf-8") as file:
        for binding in parse_stream(file):
            if binding.error or (binding.key is not None and binding.value is None):
                line = binding.original.line + _count_blank(binding.original.string)
                raise Misconfigured(
                    f"{env_file}, line {line}, is no NAME=value: the file is half-written, or a"
                    " quote is open. Mend the line, or take it out."
                )


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


def _count_blank(text: str) -> int:
    """Count the empty lines before a binding, which the parser takes for a part of it."""
    return text[: len(text) - len(text.lstrip())].count("\n")
