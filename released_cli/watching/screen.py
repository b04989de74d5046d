"""A terminal that is ours for a while: keys, signals and news, and all as it was afterwards.

Knows nothing of what is drawn.
"""

import os
import select
import signal
import sys
import termios
import tty
from contextlib import suppress
from threading import Lock
from types import FrameType, TracebackType
from typing import Self

NEWS = 0
"""What our own bell writes where signals write their numbers."""

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NOTED = (*ENDING, signal.SIGWINCH, signal.SIGTSTP)

Happening = str | signal.Signals
"""A key, or a signal."""


class Inputs:
    """One wait for keys, signals and news; keys come singly and are not echoed."""

    def __init__(self) -> None:
        """Change nothing yet."""
        self._keys = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else None
        self._lock = Lock()
        self._ours, self._theirs = -1, -1
        self._before: list[tuple[int, object]] = []
        self._wakeup = -1
        self._modes: list[object] | None = None

    def __enter__(self) -> Self:
        """Take the keyboard and the signals over; those that were ignored stay so."""
        self._ours, self._theirs = os.pipe()
        for end in (self._ours, self._theirs):
            os.set_blocking(end, False)
        self._wakeup = signal.set_wakeup_fd(self._theirs, warn_on_full_buffer=False)
        for number in NOTED:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before.append((number, signal.signal(number, _note)))
        self.take_keys()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give all of it back."""
        self.give_keys_back()
        for number, handler in self._before:
            signal.signal(number, handler)  # type: ignore[arg-type]
        signal.set_wakeup_fd(self._wakeup)
        with self._lock:
            os.close(self._ours)
            os.close(self._theirs)
            self._theirs = -1

    def take_keys(self) -> None:
        """Let keys come one by one, unseen."""
        if self._keys is not None:
            self._modes = termios.tcgetattr(self._keys)
            tty.setcbreak(self._keys)

    def give_keys_back(self) -> None:
        """Let the terminal collect and show lines as before."""
        if self._keys is None or self._modes is None:
            return
        with suppress(termios.error):  # the terminal may be gone
            termios.tcsetattr(self._keys, termios.TCSADRAIN, self._modes)  # type: ignore[arg-type]

    def ring(self) -> None:
        """Wake the wait up, from any thread; when nobody waits any more, do nothing."""
        # The lock keeps us from a number that was closed and may be another file's by now.
        with self._lock, suppress(OSError):
            os.write(self._theirs, bytes([NEWS]))

    def wait(self, seconds: float) -> list[Happening]:
        """Wait for something to happen, so long at most; news alone is an empty list."""
        sources = [self._ours] if self._keys is None else [self._ours, self._keys]
        ready, _, _ = select.select(sources, [], [], seconds)
        happened: list[Happening] = []
        if self._ours in ready:
            numbers = os.read(self._ours, 4096)
            happened += [signal.Signals(number) for number in numbers if number != NEWS]
        if self._keys in ready:
            happened += self._read_keys()
        return happened

    def _read_keys(self) -> list[Happening]:
        assert self._keys is not None  # noqa: S101 - only a keyboard is ever ready
        typed = b""
        with suppress(OSError):
            typed = os.read(self._keys, 4096)
        # A keyboard that has nothing to say when it was ready is gone.
        return list(typed.decode(errors="replace")) if typed else [signal.SIGHUP]


def stop_for_a_while() -> None:
    """Do what Ctrl-Z asks for; returns when the shell lets us go on."""
    signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    signal.raise_signal(signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, _note)


def _note(_number: int, _frame: FrameType | None) -> None:
    """Do nothing more: the number has been written where `wait` reads it."""
