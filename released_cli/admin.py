"""The face every command works through: this machine's database, or a daemon far away.

Both sides give the same documents (`daemon.core.documents` and its kin) and raise the errors of
`daemon.core.errors`, so that a command neither knows nor cares which of them it has.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from daemon.core.faqs import Faq

Document = dict[str, Any]
InboxState = Literal["pending", "working", "done", "parked", "ignored"]
Scope = Literal["read", "write"]
TurnKind = Literal["unanswered", "handoff"]
"""What `log --only` shows: who got no answer, or who asked for a person."""


class Admin(Protocol):
    """The admin use cases, in the documents that are shown."""

    def list_clients(self, *, active_only: bool = False) -> list[Document]:
        """List the clients by id."""
        ...

    def find_client(self, ref: str) -> Document:
        """Find a client by REF."""
        ...

    def add_client(self, seed: Mapping[str, Any], faqs: "Sequence[Faq]") -> Document:
        """Onboard a client."""
        ...

    def update_client(
        self, client_id: int, changes: Mapping[str, Any], faqs: "Sequence[Faq] | None" = None
    ) -> Document:
        """Set the fields given, `active` among them, and with FAQs make the next version."""
        ...

    def resume_client(self, client_id: int) -> Document:
        """Let a stopped client send again."""
        ...

    def list_faqs(self, client_id: int) -> list[Document]:
        """List the FAQs of a client's current version, in file order."""
        ...

    def list_inbox(
        self,
        *,
        state: InboxState | None = None,
        client: str | None = None,
        limit: int | None = None,
    ) -> list[Document]:
        """List messages, oldest first, all or a REF's; with `limit` the newest so many."""
        ...

    def show_message(self, inbox_id: int) -> Document:
        """Show one message with its text and its answer."""
        ...

    def retry_message(self, inbox_id: int) -> None:
        """Take one parked message up again."""
        ...

    def retry_messages(self, *, error: str | None) -> int:
        """Take all parked messages up again, or those with one error; say how many."""
        ...

    def drop_message(self, inbox_id: int) -> None:
        """Let one message go unanswered."""
        ...

    def export_contact(self, client_id: int, customer: str) -> Document:
        """Give everything that is held about a customer, by phone number or user id."""
        ...

    def erase_contact(self, client_id: int, customer: str) -> Document:
        """Delete everything that is held about a customer, and give the receipt."""
        ...

    def pause_contact(self, client_id: int, customer: str, *, hours: float | None) -> Document:
        """Take a customer's conversation over, and say how it stands."""
        ...

    def resume_contact(self, client_id: int, customer: str) -> Document:
        """Give a customer's conversation back to the bot, and say how it stands."""
        ...

    def create_token(
        self, name: str, *, expires_days: float, scope: Scope, client: str | None
    ) -> Document:
        """Make an admin token; `client` is a REF, None for all clients."""
        ...

    def rotate_token(self, name: str, *, expires_days: float) -> Document:
        """Replace a token by a new one of the same name, scope and client; the old one is void."""
        ...

    def list_tokens(self) -> list[Document]:
        """List admin tokens."""
        ...

    def revoke_token(self, name: str) -> None:
        """Revoke an admin token."""
        ...

    def read_status(self) -> Document:
        """Tell how daemon, inbox and clients are, and what needs somebody."""
        ...

    def list_turns(
        self,
        *,
        client: str | None = None,
        query: str | None = None,
        only: TurnKind | None = None,
        limit: int = 20,
    ) -> list[Document]:
        """List the newest turns, oldest first: of a REF's client, with `query` in their text."""
        ...

    def read_events(self, *, after: str | None = None, limit: int = 100) -> Document:
        """Read what happened after a cursor, oldest first; with None only where the end is now."""
        ...

    def list_audit(self, *, client: str | None = None, limit: int = 50) -> list[Document]:
        """List the newest entries of the audit trail, oldest first."""
        ...

    def check_meta_tokens(self, client: str | None = None) -> list[Document]:
        """Check Meta's access tokens: all, or the one that a REF's client sends with."""
        ...

    def rotate_meta_token(self, client: str) -> Document:
        """Exchange the own access token of a REF's client for a new one."""
        ...

    def run_doctor(self) -> list[Document]:
        """Check everything that must be right for messages to be answered."""
        ...
