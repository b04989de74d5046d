"""What a person sees on a terminal: the characters in their places, as a program has drawn them."""

import time
from collections.abc import Callable

import pyte

from tests.doubles.terminal import BUDGET_S, Terminal, set_size

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"
"""To the alternate screen, and back to what was there before."""

CLEAR, CURSOR = "\x1b[2J", "\x1b[?25h"


class Screen:
    """Looks at a terminal of `columns` times `lines`; what scrolls out at the top is in `gone`."""

    def __init__(self, terminal: Terminal, columns: int, lines: int) -> None:
        self.terminal = terminal
        self._screen = pyte.HistoryScreen(columns, lines)
        self._stream = pyte.Stream(self._screen)

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self._screen.display]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def has_scrolled(self) -> bool:
        return bool(self._screen.history.top)

    def wait(self, seen: Callable[[str], bool]) -> str:
        """Look until the screen is as it should be; give its text."""
        ends = time.monotonic() + BUDGET_S
        while not seen(self.text):
            assert time.monotonic() < ends, self.text
            drawn = self.terminal.read_on()
            assert drawn, self.text
            self._stream.feed(drawn)
        return self.text

    def wait_for(self, text: str) -> str:
        return self.wait(lambda seen: text in seen)

    def resize(self, columns: int, lines: int) -> None:
        """Make the window another size; what was drawn stays until the program draws anew."""
        self._screen.resize(lines, columns)
        set_size(self.terminal.handle, columns, lines)
