"""Asking again each second: goes on while the other side is away, and ends with its own reader.

What it may not do is to wait for a side that never answered: a wrong address is said at once.
"""

import select
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import UnsupportedOperation
from typing import TypeVar

import typer

from daemon.core.errors import Retryable
from released_cli.output import say
from released_cli.stdout import close_stdout

T = TypeVar("T")

INTERVAL_S = 1.0
"""How often is looked again: what is new should be seen within a second or two."""

LONGEST_WAIT_S = 60.0
"""However long the other side asks us to wait, we ask again after this."""

INTERRUPTED = 130


@dataclass(slots=True)
class Patience:
    """Asks until there is an answer, once there has been one; says once that it waits."""

    pause: Callable[[float], None]
    met: bool = False
    waiting: bool = False

    def ask(self, question: Callable[[], T]) -> T:
        """Ask, again and again while the other side is away.

        Raises:
            Retryable: when it has never answered.

        """
        while True:
            try:
                answer = question()
            except Retryable as away:
                if not self.met:
                    raise
                self._wait(away)
            else:
                if self.waiting:
                    say("It answers again.")
                self.met, self.waiting = True, False
                return answer

    def _wait(self, away: Retryable) -> None:
        if not self.waiting:
            say(f"{away} Waiting until it answers; Ctrl-C ends.")
        self.waiting = True
        self.pause(min(max(away.retry_after_s or 0.0, INTERVAL_S), LONGEST_WAIT_S))


def pause(seconds: float) -> None:
    """Wait; when stdout's reader leaves meanwhile, the command ends, quietly."""
    try:
        written = sys.stdout.fileno()
    except (UnsupportedOperation, AttributeError):
        time.sleep(seconds)
        return
    watch = select.poll()
    # No event is asked for: that nobody reads any more is told unasked.
    watch.register(written, 0)
    if watch.poll(seconds * 1000):
        close_stdout()
        raise typer.Exit
