"""How a sealed access token is written: which key, which token, and what only the key opens. Pure.

The digest stands outside, so that two tokens are told apart, and shown, without any key.
"""

import hashlib
import re
from dataclasses import dataclass, field

_FORM = re.compile(r"sealed:1:([0-9a-f]{8}):([0-9a-f]{64}):([A-Za-z0-9_=-]+)")


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed token; `digest` is the token's SHA-256 in hex, `body` a Fernet message."""

    key_id: str
    digest: str
    body: str = field(repr=False)

    def write(self) -> str:
        """Write it as the database holds it; `read_sealed` reads it."""
        return f"sealed:1:{self.key_id}:{self.digest}:{self.body}"


def read_sealed(stored: str) -> Sealed | None:
    """Read what the database holds; None for a token that is stored as it is."""
    found = _FORM.fullmatch(stored)
    return None if found is None else Sealed(*found.groups())


def digest_token(access_token: str) -> str:
    """Tell one access token from another without keeping it."""
    return hashlib.sha256(access_token.encode()).hexdigest()


def bind(access_token: str, *, client_id: int) -> bytes:
    """Put a token and its client together, so that it opens for no other client."""
    return f"{client_id}:{access_token}".encode()


def unbind(content: bytes, *, client_id: int, digest: str) -> str | None:
    """Take the token out of what was sealed; None when it is another client's or token's."""
    owner, _, access_token = content.decode().partition(":")
    fits = owner == str(client_id) and digest_token(access_token) == digest
    return access_token if fits else None
