"""The keys at hand: those of SECRETS_KEY, then those of the key file, which may change any time.

Owns when the file is read again and when the first key is made. Used by several threads; whatever
one of them reads twice is the same.
"""

import logging
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from daemon.core.database_files import key_of
from daemon.core.errors import Conflict, Misconfigured
from daemon.core.sealing.fernets import Lock
from daemon.core.sealing.key_files import (
    Stamp,
    explain_unread,
    read_file,
    rewrite_file,
    take_stamp,
)
from daemon.core.sealing.keys import KEY_BYTES, Key, Listing, make_key, unite
from daemon.core.sealing.sealed import read_sealed

log = logging.getLogger(__name__)

MOST_KEPT = 10_000
"""Opened tokens that are remembered; a daemon has hundreds of clients."""

ATTEMPTS = 20
PAUSE_S = 0.02
"""How often, and after what pause, the file is tried that another process writes just now."""

NAME = "SECRETS_KEY"


class Keyring:
    """Seals and opens access tokens. `file` is the key file, `given` the keys of SECRETS_KEY."""

    def __init__(
        self,
        database: Path,
        *,
        file: Path | None = None,
        given: Sequence[Key] = (),
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Read nothing yet; without `file` it lies beside the database."""
        self.file = file or key_of(database)
        self.given = tuple(given)
        self.has_made_key = False
        self._database = database
        self._random = random
        self._seen: tuple[Stamp, Listing] | None = None
        self._lock: tuple[tuple[Key, ...], Lock] | None = None
        self._opened: dict[tuple[int, str], str] = {}

    def read_keys(self) -> tuple[Key, ...]:
        """List the keys, the one that seals first.

        Raises:
            Misconfigured: when the file cannot be read.

        """
        return unite([*self.given, *self._read_file().keys])

    def explain_fault(self) -> str | None:
        """Say what is wrong with the key file, or None."""
        try:
            listing = self._read_file()
        except Misconfigured as fault:
            return str(fault)
        return str(explain_unread(self.file, listing)) if listing.unread else None

    def knows(self, key_id: str) -> bool:
        """Tell whether a key is here and can be read."""
        return any(key.id == key_id for key in self.find_keys())

    def seal(self, access_token: str, *, client_id: int) -> str:
        """Seal a token with the first key, made and safe on the disk when there was none.

        Raises:
            Misconfigured: when there is no key and none can be made.

        """
        keys = self.read_keys() or self._make_first()
        return self._lock_of(keys).seal(access_token, client_id=client_id).write()

    def open(self, stored: str, *, client_id: int) -> str | None:
        """Give a stored token as Meta knows it; None when the keys do not open it."""
        known = self._opened.get((client_id, stored))
        if known is not None:
            return known
        sealed = read_sealed(stored)
        if sealed is None:
            return stored
        keys = self.find_keys()
        if all(key.id != sealed.key_id for key in keys):
            return None
        opened = self._lock_of(keys).open(sealed, client_id=client_id)
        if opened is not None:
            self._remember((client_id, stored), opened)
        return opened

    def _remember(self, key: tuple[int, str], opened: str) -> None:
        if len(self._opened) >= MOST_KEPT:
            self._opened.clear()
        self._opened[key] = opened

    def find_keys(self) -> tuple[Key, ...]:
        """List the keys as far as they can be read, the one that seals first."""
        try:
            return self.read_keys()
        except Misconfigured:
            # Told by `explain_fault`; until it is mended, the other clients must be served.
            return self.given

    def _read_file(self) -> Listing:
        stamp = take_stamp(self.file)
        if self._seen is None or self._seen[0] != stamp:
            # The stamp is the older one of both: what is replaced in between is read once more.
            self._seen = (stamp, read_file(self.file))
        return self._seen[1]

    def _make_first(self) -> tuple[Key, ...]:
        for _ in range(ATTEMPTS - 1):
            with suppress(Conflict):
                return self._write_first()
            # Another process makes it at this moment, which takes some milliseconds.
            time.sleep(PAUSE_S)
        return self._write_first()

    def _write_first(self) -> tuple[Key, ...]:
        def add(keys: tuple[Key, ...]) -> Sequence[Key]:
            self.has_made_key = not keys
            return keys or (make_key(self._random(KEY_BYTES)),)

        rewrite_file(self.file, add, like=self._database)
        if self.has_made_key:
            log.info("key made: keep a copy apart from the backups", extra={"file": str(self.file)})
        return self.read_keys()

    def _lock_of(self, keys: tuple[Key, ...]) -> Lock:
        if self._lock is None or self._lock[0] != keys:
            self._lock = (keys, Lock(keys))
        return self._lock[1]
