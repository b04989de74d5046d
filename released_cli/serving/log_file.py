"""Reads the daemon's log where it is a file: LOG_FILE, or an instance's daemon.log.

Owns how lines are found, oldest first, and that a file that was rotated is read on. How they are
shown is `telling`'s. Reads the file that is written now, and none that was put aside.
"""

import json
import os
import re
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import IO

from daemon.core.errors import ReleasedError
from released_cli.serving.journal import LEVELS, Entry, parse_entry

PAUSE_S = 0.5
"""How often a file that is followed is looked at."""

_TEXT = re.compile(r"\d\d:\d\d:\d\d ([A-Z]+) +[\w.]+: ")
"""How a line begins that the daemon wrote for a person."""


class LogUnread(ReleasedError):
    """The log's file cannot be read."""


def read_newest(file: Path, *, limit: int, level: str) -> list[Entry]:
    """Give the newest so many lines of a level or graver, the oldest of them first.

    Raises:
        LogUnread: when the file is not there, or not for us.

    """
    with _opened(file) as lines:
        return list(deque(_of_level(lines, level), maxlen=limit))


def follow(
    file: Path, *, level: str, sleep: Callable[[float], object] = time.sleep
) -> Generator[Entry, None, None]:
    """Give lines as they come; what was written before is left out. Never ends.

    Raises:
        LogUnread: as `read_newest`.

    """
    lines = _opened(file)
    lines.seek(0, os.SEEK_END)
    try:
        while True:
            yield from _of_level(_whole_lines(lines), level)
            if _is_another(file, lines):
                yield from _of_level(_whole_lines(lines), level)
                lines.close()
                lines = _opened(file)
            else:
                sleep(PAUSE_S)
    finally:
        lines.close()


def parse_line(line: str, *, former: str = "info") -> Entry:
    """Read one line; one that is not JSON is shown as it stands, and its `at` is empty.

    `former` is the level of the line before: a traceback is of the line it follows.
    """
    entry = parse_entry(json.dumps({"MESSAGE": line})) if line.startswith("{") else None
    if entry is not None and entry.message != line:
        return entry
    found = _TEXT.match(line)
    level = former if found is None else found.group(1).lower()
    return Entry("", level if level in LEVELS else former, "", "", line, {}, "")


def _of_level(lines: Iterable[str], level: str) -> Iterator[Entry]:
    former = "info"
    for line in lines:
        entry = parse_line(line.rstrip("\n"), former=former)
        former = entry.level
        if entry.is_as_grave(level):
            yield entry


def _whole_lines(lines: IO[str]) -> Iterator[str]:
    """Give what was added, up to a line that is still being written."""
    while True:
        place = lines.tell()
        line = lines.readline()
        if not line.endswith("\n"):
            lines.seek(place)
            return
        yield line


def _is_another(file: Path, lines: IO[str]) -> bool:
    """Tell whether there is a new file by now, or this one was emptied."""
    ours = os.fstat(lines.fileno())
    try:
        now = file.stat()
    except OSError:
        # Put aside, and the new one is not there yet.
        return False
    return (now.st_dev, now.st_ino) != (ours.st_dev, ours.st_ino) or now.st_size < lines.tell()


def _opened(file: Path) -> IO[str]:
    try:
        return file.open(encoding="utf-8", errors="replace")
    except OSError as failed:
        raise LogUnread(f"The log {file} cannot be read: {failed.strerror}.") from failed
