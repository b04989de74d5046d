"""Which other programs have a file open, as Linux tells it. Reads only, as far as it may.

Whoever asks about a file on a mount that is dead may wait for ever. So only files of the same name
as the one in question are asked about: one of these on such a mount would still hold us up.
"""

import os
from collections.abc import Iterator
from pathlib import Path

MOST = 3
"""Programs that a line names."""

SHOWN_CHARS = 60
"""How much of a program's command line is shown."""

_PROCESSES = Path("/proc")


def name_holders(file: Path, *, processes: Path = _PROCESSES) -> str:
    """Name the programs of others that have it open, each with its process id; "" where none is.

    Only processes of the same user are seen, but by root, and nothing outside Linux; nor who opened
    it by a hard link of another name. Command lines are quoted: they are none to type.
    """
    try:
        real = file.resolve()
        wanted = _identify(real)
    except OSError:
        return ""
    found = [_name(process) for process in _others(processes) if _holds(process, real.name, wanted)]
    more = "" if len(found) <= MOST else f" and {len(found) - MOST} more"
    return ", ".join(found[:MOST]) + more


def _others(processes: Path) -> Iterator[Path]:
    try:
        found = [process for process in processes.iterdir() if process.name.isdigit()]
    except OSError:
        return
    found.sort(key=lambda process: int(process.name))
    yield from (process for process in found if int(process.name) != os.getpid())


def _holds(process: Path, name: str, wanted: tuple[int, int]) -> bool:
    try:
        descriptors = list((process / "fd").iterdir())
    except OSError:
        # Another user's, or ended meanwhile.
        return False
    return any(_is_it(descriptor, name, wanted) for descriptor in descriptors)


def _is_it(descriptor: Path, name: str, wanted: tuple[int, int]) -> bool:
    try:
        return descriptor.readlink().name == name and _identify(descriptor) == wanted
    except OSError:
        return False


def _identify(file: Path) -> tuple[int, int]:
    """Give what names a file whatever path it is reached by."""
    found = file.stat()
    return found.st_dev, found.st_ino


def _name(process: Path) -> str:
    try:
        raw = (process / "cmdline").read_bytes()
    except OSError:
        raw = b""
    words = [word.decode(errors="replace") for word in raw.split(b"\0") if word]
    if len(words) > 1 and Path(words[0]).name.startswith("python"):
        words = words[1:]
    if not words:
        return f"a program (process {process.name})"
    line = " ".join([Path(words[0]).name, *words[1:]])
    # What others wrote must not steer the terminal.
    line = "".join(char if char.isprintable() else "�" for char in line)
    shown = line if len(line) <= SHOWN_CHARS else f"{line[: SHOWN_CHARS - 1]}…"
    return f"'{shown}' (process {process.name})"
