"""Clients by name in lines that carry only their id: looked up once, and again for a new one."""

from dataclasses import dataclass, field

from released_cli.output import clean
from released_cli.watching.sources import Clients


@dataclass(slots=True)
class Names:
    """What each client is called. Asks the office only when there is somebody to name."""

    office: Clients
    known: dict[int, str] = field(default_factory=dict)

    def tell(self, client_id: int) -> str:
        """Name a client; one that cannot be found any more by its id."""
        if client_id not in self.known:
            found = {client["id"]: client["name"] for client in self.office.list_clients()}
            self.known = {client_id: f"client {client_id}", **found}
        return " ".join(clean(self.known[client_id]).split())
