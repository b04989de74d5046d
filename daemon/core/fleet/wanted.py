"""What a fleet file asks for: the clients as they should be, everything inherited filled in."""

from dataclasses import dataclass
from typing import Any

from daemon.core.faqs import Faq
from daemon.core.seeds import ClientSeed


@dataclass(frozen=True, slots=True)
class Wanted:
    """One client as it should be. `where` names its place in the file."""

    where: str
    seed: ClientSeed
    active: bool
    faqs: tuple[Faq, ...]

    @property
    def access_token(self) -> str | None:
        """Its own access token; None leaves whatever it has."""
        secret = self.seed.access_token
        return None if secret is None else secret.get_secret_value()

    def fill_seed(self) -> dict[str, Any]:
        """Make the mapping that onboards it; what is None is left out."""
        values = self.seed.model_dump(exclude_none=True)
        return values if self.access_token is None else values | {"access_token": self.access_token}


@dataclass(frozen=True, slots=True)
class Fleet:
    """All clients of a file, in its order; no two share a phone_number_id."""

    clients: tuple[Wanted, ...]
