"""Whether the file that is open is still the one at its path.

A file that was moved, deleted or replaced stays open and takes whatever is written; nobody would
ever find it there. Looks at the path and nothing else: to open the file would undo SQLite's locks.
"""

from pathlib import Path

from daemon.core.errors import Misconfigured
from daemon.core.store.faults import StoreUnavailable


class StoreReplaced(Misconfigured):
    """Another file lies where the database was; what is known of the old one may not fit it."""


class InPlace:
    """One path, and the file that was opened there first."""

    def __init__(self, path: Path) -> None:
        """Know of no file yet."""
        self._path = path
        self._opened: tuple[int, int] | None = None

    def note(self) -> None:
        """Remember which file was opened, unless one was before."""
        if self._opened is None:
            self._opened = self._look()

    def check(self) -> None:
        """Make sure that it is there still; a microsecond.

        Raises:
            StoreUnavailable: when there is none: somebody may bring it back.
            StoreReplaced: when there is another one.

        """
        if self._opened is None:
            return
        there = self._look()
        if there is None:
            raise StoreUnavailable(f"The database {self._path} is gone. Put it back.")
        if there != self._opened:
            raise StoreReplaced(
                f"{self._path} was replaced while it was open. The daemon must start"
                " anew; to put a backup in place there is `released db restore`."
            )

    def _look(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino
