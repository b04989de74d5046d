"""Reads on a thread of its own, so that a server that does not answer holds up no picture.

One question at a time; its outcome is taken by whoever asked, errors and all.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future

from released_cli.admin import Document


class Reader:
    """Asks `read` when told to; `bell` rings, on that thread, when there is an outcome."""

    def __init__(self, read: Callable[[], Document], *, bell: Callable[[], None]) -> None:
        """Ask nothing yet."""
        self._read = read
        self._bell = bell
        self._asked: Future[Document] | None = None

    def is_idle(self) -> bool:
        """Tell whether no question is open, nor an outcome still to be taken."""
        return self._asked is None

    def ask(self) -> None:
        """Begin to read. The thread is a daemon's: who leaves need not wait for an answer."""
        asked: Future[Document] = Future()
        self._asked = asked
        threading.Thread(target=self._run, args=(asked,), daemon=True).start()

    def take(self) -> Document | None:
        """Take the document once it is there; raises what reading raised."""
        if self._asked is None or not self._asked.done():
            return None
        asked, self._asked = self._asked, None
        return asked.result()

    def _run(self, asked: "Future[Document]") -> None:
        try:
            asked.set_result(self._read())
        except BaseException as fault:  # noqa: BLE001 - `take` raises it where it belongs
            asked.set_exception(fault)
        self._bell()
