"""Keys that seal access tokens: how they are written, read and named. Pure; shows no key.

A key is 32 random bytes in base64, as Fernet takes it (cryptography.io, page "Fernet", read
November 2026). A list of them opens whatever any of them has sealed; the first one seals.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

KEY_BYTES = 32

ID_DIGITS = 8
"""Hex digits that name a key: enough to tell a handful apart, and no help to who looks for it."""

_SEPARATOR = re.compile(r"[,\s]+")
_TO_URL_SAFE = str.maketrans("+/", "-_")


@dataclass(frozen=True, slots=True)
class Key:
    """One key; `id` may be shown, and stands beside what it has sealed."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list of keys holds; `unread` counts the entries from 1 that are no keys."""

    keys: tuple[Key, ...] = ()
    unread: tuple[int, ...] = ()


def make_key(random: bytes) -> Key:
    """Make a key of 32 random bytes."""
    digest = hashlib.sha256(b"released key " + random).hexdigest()
    return Key(digest[:ID_DIGITS], base64.urlsafe_b64encode(random).decode())


def parse_keys(text: str) -> Listing:
    """Read keys separated by white space or commas; what follows a # in a line is a comment."""
    lines = (line.partition("#")[0] for line in text.splitlines())
    entries = [entry for line in lines for entry in _SEPARATOR.split(line) if entry]
    read = [_read_key(entry) for entry in entries]
    keys = [key for key in read if key is not None]
    unread = tuple(place for place, key in enumerate(read, start=1) if key is None)
    return Listing(unite(keys), unread)


def write_keys(keys: Iterable[Key]) -> str:
    """Write keys as a file holds them, one a line."""
    return "".join(f"{key.secret}\n" for key in keys)


def unite(keys: Iterable[Key]) -> tuple[Key, ...]:
    """Drop what comes a second time."""
    return tuple({key.id: key for key in keys}.values())


def _read_key(text: str) -> Key | None:
    try:
        random = base64.b64decode(text.translate(_TO_URL_SAFE), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return make_key(random) if len(random) == KEY_BYTES else None
