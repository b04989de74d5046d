"""The thread beside the event loop on which one writer begins, writes and commits.

Owns the thread and the order of its calls; what a call does, and who hears of it, is the caller's.
"""

import threading
from collections.abc import Callable
from queue import SimpleQueue


class WriterThread:
    """Runs calls one after the other. A pool of one would cost each acknowledgement 50 us more."""

    def __init__(self, name: str) -> None:
        """Start it; it ends with the process when nobody ends it."""
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, call: Callable[[], None]) -> None:
        """Let a call follow those given before; it must not raise."""
        self._calls.put(call)

    def end(self) -> None:
        """Wait for what was given, then let the thread go."""
        self._calls.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
