"""Saved profiles: daemons far away and the tokens to them, in the operator's own configuration.

    default = "bot"

    [profiles.bot]
    url = "https://bot.example.com"
    token = "rel_…"

Owns that file: who may read it, and that it is whole at every moment. Chooses nothing.
"""

import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from daemon.core.errors import Misconfigured

OWNER_ONLY = 0o600
LIMIT_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Profile:
    """One daemon; `insecure` allows its address to be http."""

    url: str
    token: str = field(repr=False)
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class Book:
    """All profiles by name, and the name of the one that is used where none is asked for."""

    default: str | None = None
    profiles: Mapping[str, Profile] = field(default_factory=dict)

    def put(self, name: str, profile: Profile) -> "Book":
        """Save one under a name, as the default."""
        return Book(default=name, profiles={**self.profiles, name: profile})

    def drop(self, name: str) -> "Book":
        """Forget one; the default goes with it, and no other takes its place unasked."""
        kept = {known: profile for known, profile in self.profiles.items() if known != name}
        return replace(self, default=None if self.default == name else self.default, profiles=kept)


def find_file(environment: Mapping[str, str]) -> Path:
    """Tell where the profiles are, whether or not they are there.

    `$XDG_CONFIG_HOME` counts only when absolute (XDG Base Directory Specification 0.8, read
    2026-11).
    """
    configured = environment.get("XDG_CONFIG_HOME", "")
    base = Path(configured) if configured.startswith("/") else Path("~/.config").expanduser()
    return base / "released" / "profiles.toml"


def read_book(file: Path) -> Book:
    """Read all profiles; none where there is no file.

    Raises:
        Misconfigured: when others may read the file, or it cannot be read as it should be.

    """
    import tomllib

    try:
        with file.open("rb") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            if mode & ~OWNER_ONLY:
                raise Misconfigured(
                    f"{file} holds tokens, and others may read it (mode {mode:04o})."
                    f" Run: chmod 600 {file}"
                )
            return _parse(tomllib.loads(opened.read(LIMIT_BYTES).decode()))
    except FileNotFoundError:
        return Book()
    except OSError as refused:
        raise Misconfigured(f"{file} cannot be read: {refused.strerror}.") from refused
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        raise Misconfigured(
            f"{file} is damaged. Remove it, then log in again: released login URL"
        ) from None


def write_book(file: Path, book: Book) -> None:
    """Write all profiles: the file before or the file after, never half of one.

    Raises:
        Misconfigured: when it cannot be written.

    """
    import tomli_w

    document: dict[str, Any] = {} if book.default is None else {"default": book.default}
    document["profiles"] = {
        name: {"url": profile.url, "token": profile.token}
        | ({"insecure": True} if profile.insecure else {})
        for name, profile in book.profiles.items()
    }
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
        try:
            with os.fdopen(handle, "wb") as opened:
                opened.write(tomli_w.dumps(document).encode())
                opened.flush()
                os.fsync(opened.fileno())
            part.replace(file)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as refused:
        raise Misconfigured(f"{file} cannot be written: {refused.strerror}.") from refused


def _parse(document: dict[str, Any]) -> Book:
    profiles = {
        name: Profile(
            url=_text(entry["url"]),
            token=_text(entry["token"]),
            insecure=entry.get("insecure") is True,
        )
        for name, entry in document.get("profiles", {}).items()
    }
    default = document.get("default")
    return Book(default=default if default in profiles else None, profiles=profiles)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
