"""Lets what may be killing the daemon be worked on one at a time.

Owns whose turn that is, while the daemon lives. Who is a suspect is `core.answering`'s to say.
"""

from daemon.work.bell import Key


class SuspectGate:
    """Open, or taken by one conversation."""

    def __init__(self) -> None:
        """Start open."""
        self._key: Key | None = None

    def enter(self, key: Key) -> bool:
        """Take the gate, unless another conversation has it."""
        if self._key is None:
            self._key = key
        return self._key == key

    def leave(self, key: Key) -> None:
        """Open the gate, if this conversation has it."""
        if self._key == key:
            self._key = None
