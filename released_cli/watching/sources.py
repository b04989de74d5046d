"""What each command that watches needs of `Admin`: the few use cases that only look."""

from typing import Protocol

from released_cli.admin import Document, TurnKind


class Statuses(Protocol):
    """Tells how all is."""

    def read_status(self) -> Document:
        """As `Admin.read_status`."""
        ...


class Clients(Protocol):
    """Knows the clients."""

    def list_clients(self) -> list[Document]:
        """As `Admin.list_clients`."""
        ...


class Events(Protocol):
    """Tells what happens."""

    def read_events(self, *, after: str | None = None, limit: int = 100) -> Document:
        """As `Admin.read_events`."""
        ...


class Conversations(Clients, Events, Protocol):
    """Tells what was asked and answered, by whose bot, and when there is more of it."""

    def list_turns(
        self,
        *,
        client: str | None = None,
        query: str | None = None,
        only: TurnKind | None = None,
        limit: int = 20,
    ) -> list[Document]:
        """As `Admin.list_turns`."""
        ...
