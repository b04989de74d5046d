"""How far long work is: a bar on a terminal, a line every so often elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from released_cli.given import current
from released_cli.output import is_terminal, say

LINE_EVERY_S = 2.0
"""Seconds between two lines off a terminal, where each stays in a log."""


@contextmanager
def progress(
    what: str, total: int, *, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[], None]]:
    """Show on stderr how much of `total` is done; call what it gives after each.

    Work that is over before the first line is due says nothing off a terminal.
    """
    if current().quiet or not total:
        yield _say_nothing
    elif is_terminal(sys.stderr):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=total)
            yield lambda: bar.advance(task)
    else:
        yield _Lines(what, total, clock).advance


class _Lines:
    def __init__(self, what: str, total: int, clock: Callable[[], float]) -> None:
        self._what = what
        self._total = total
        self._clock = clock
        self._done = 0
        self._due = clock() + LINE_EVERY_S

    def advance(self) -> None:
        self._done += 1
        if self._clock() >= self._due and self._done < self._total:
            say(f"{self._what}: {self._done} of {self._total}")
            self._due = self._clock() + LINE_EVERY_S


def _say_nothing() -> None:
    pass
