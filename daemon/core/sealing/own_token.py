"""A client's own access token, as the rest of the code holds it: closed until it is asked for."""

from dataclasses import dataclass, field

from daemon.core.sealing.keyring import Keyring
from daemon.core.sealing.sealed import digest_token, read_sealed


@dataclass(frozen=True, slots=True)
class OwnToken:
    """What the database holds of a client's own token, and the keys that may open it."""

    client_id: int
    stored: str = field(repr=False)
    keyring: Keyring = field(repr=False, compare=False)

    @property
    def digest(self) -> str:
        """The token's SHA-256 in hex, known without a key."""
        sealed = read_sealed(self.stored)
        return digest_token(self.stored) if sealed is None else sealed.digest

    @property
    def key_id(self) -> str | None:
        """Which key has sealed it; None while it is stored as it is."""
        sealed = read_sealed(self.stored)
        return None if sealed is None else sealed.key_id

    @property
    def is_readable(self) -> bool:
        """Whether the key that it needs is here; opens nothing."""
        return self.key_id is None or self.keyring.knows(self.key_id)

    def reveal(self) -> str | None:
        """Open it; None when the keys at hand do not."""
        return self.keyring.open(self.stored, client_id=self.client_id)

    def is_same(self, access_token: str) -> bool:
        """Tell whether it is this token; opens nothing."""
        return self.digest == digest_token(access_token)
