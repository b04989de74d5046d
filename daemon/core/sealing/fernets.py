"""Seals and opens; the only home of Fernet.

The cryptography package takes 0.1 s to import, so that is done when the first token is sealed or
opened, and not by commands that touch none.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from daemon.core.sealing.keys import Key
from daemon.core.sealing.sealed import Sealed, bind, digest_token, unbind

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


class Lock:
    """Seals with the first of its keys, and opens what any of them has sealed."""

    def __init__(self, keys: Sequence[Key]) -> None:
        """Take one key at least."""
        self._first = keys[0]
        self._fernets = _build(keys)

    def seal(self, access_token: str, *, client_id: int) -> Sealed:
        """Seal a token for one client."""
        body = self._fernets.encrypt(bind(access_token, client_id=client_id))
        return Sealed(self._first.id, digest_token(access_token), body.decode())

    def open(self, sealed: Sealed, *, client_id: int) -> str | None:
        """Open a client's token; None when it was not sealed for that client with these keys."""
        from cryptography.fernet import InvalidToken  # noqa: PLC0415 - see the module's docstring

        try:
            content = self._fernets.decrypt(sealed.body.encode())
        except InvalidToken:
            return None
        return unbind(content, client_id=client_id, digest=sealed.digest)


def _build(keys: Sequence[Key]) -> "MultiFernet":
    from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415 - as above

    return MultiFernet([Fernet(key.secret) for key in keys])
