"""The admin use cases on this machine's database: what `released` does on the server itself.

Owns no rule: each method is one use case of the core in a transaction of its own. The core is
imported where it is called, because most of a command line's life is spent importing.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from released_cli.admin import Document, InboxState, Scope, TurnKind
from released_cli.refs import suggesting

if TYPE_CHECKING:
    from daemon.core.faqs import Faq
    from daemon.core.settings import Settings
    from daemon.core.store.audit import Actor
    from daemon.core.store.clients import Client
    from daemon.core.store.engine import Database

T = TypeVar("T")


class LocalAdmin:
    """The use cases over an open database; `actor` goes into the audit trail."""

    def __init__(
        self,
        database: "Database",
        settings: "Settings",
        *,
        actor: "Actor",
        clock: Callable[[], float],
    ) -> None:
        """Use a database that the caller opens and closes."""
        self._database = database
        self._settings = settings
        self._actor = actor
        self._clock = clock

    def list_clients(self, *, active_only: bool = False) -> list[Document]:
        """List the clients by id."""
        from daemon.core.documents import show_clients
        from daemon.core.store.clients import list_clients

        return self._database.read(
            lambda conn: show_clients(conn, list_clients(conn, active_only=active_only))
        )

    def find_client(self, ref: str) -> Document:
        """Find a client by REF."""
        from daemon.core.clients import get_client

        with suggesting(self, ref):
            return self._show(self._database.read(lambda conn: get_client(conn, ref)))

    def add_client(self, seed: Mapping[str, Any], faqs: "Sequence[Faq]") -> Document:
        """Onboard a client."""
        from daemon.core.clients import add_client
        from daemon.core.seeds import ClientSeed, validate

        checked = validate(ClientSeed, seed)
        return self._show(self._write(partial(add_client, seed=checked, faqs=faqs)))

    def update_client(
        self, client_id: int, changes: Mapping[str, Any], faqs: "Sequence[Faq] | None" = None
    ) -> Document:
        """Set the fields given, `active` among them, and with FAQs make the next version."""
        from daemon.core.clients import update_client
        from daemon.core.seeds import ClientChanges, validate

        checked = validate(ClientChanges, changes)
        job = partial(update_client, client_id=client_id, changes=checked, faqs=faqs)
        return self._show(self._write(job).client)

    def resume_client(self, client_id: int) -> Document:
        """Let a stopped client send again."""
        from daemon.core.clients import resume_client

        return self._show(self._write(partial(resume_client, client_id=client_id)).client)

    def list_faqs(self, client_id: int) -> list[Document]:
        """List the FAQs of a client's current version, in file order."""
        from daemon.core.store.assistants import get_current_version

        version = self._database.read(partial(get_current_version, client_id=client_id))
        return [{"q": faq.question, "a": faq.answer} for faq in version.faqs]

    def list_inbox(
        self,
        *,
        state: InboxState | None = None,
        client: str | None = None,
        limit: int | None = None,
    ) -> list[Document]:
        """List messages, oldest first; with `limit` the newest so many."""
        from daemon.core.inboxes import list_documents

        now = self._clock()
        with suggesting(self, client):
            return self._database.read(
                partial(list_documents, now=now, state=state, client=client, limit=limit)
            )

    def show_message(self, inbox_id: int) -> Document:
        """Show one message with its text and its answer."""
        from daemon.core.inboxes import show_entry

        return self._database.read(partial(show_entry, inbox_id=inbox_id, now=self._clock()))

    def retry_message(self, inbox_id: int) -> None:
        """Take one parked message up again."""
        from daemon.core.inboxes import retry

        self._write(partial(retry, inbox_id=inbox_id))

    def retry_messages(self, *, error: str | None) -> int:
        """Take all parked messages up again, or those with one error; say how many."""
        from daemon.core.inboxes import find_retryable, retry_some

        found = self._database.read(partial(find_retryable, error=error, now=self._clock()))
        return sum(self._write(partial(retry_some, ids=ids, error=error)) for ids in found)

    def drop_message(self, inbox_id: int) -> None:
        """Let one message go unanswered."""
        from daemon.core.inboxes import drop

        self._write(partial(drop, inbox_id=inbox_id))

    def export_contact(self, client_id: int, customer: str) -> Document:
        """Give everything that is held about a customer, by phone number or user id."""
        from daemon.core.contacts import export_contact

        now = self._clock()
        return self._database.read(
            partial(export_contact, client_id=client_id, customer=customer, now=now)
        )

    def erase_contact(self, client_id: int, customer: str) -> Document:
        """Delete everything that is held about a customer, and give the receipt."""
        import secrets

        from daemon.core.contacts import erase_contact, name_receipt

        receipt = name_receipt(secrets.token_hex(8))
        return self._write(
            partial(erase_contact, client_id=client_id, customer=customer, receipt=receipt)
        )

    def pause_contact(self, client_id: int, customer: str, *, hours: float | None) -> Document:
        """Take a customer's conversation over, and say how it stands."""
        from daemon.core.handovers import PAUSE_HOURS, pause_contact

        for_hours = PAUSE_HOURS if hours is None else hours
        return self._write(
            partial(pause_contact, client_id=client_id, customer=customer, hours=for_hours)
        )

    def resume_contact(self, client_id: int, customer: str) -> Document:
        """Give a customer's conversation back to the bot, and say how it stands."""
        from daemon.core.handovers import resume_contact

        return self._write(partial(resume_contact, client_id=client_id, customer=customer))

    def create_token(
        self, name: str, *, expires_days: float, scope: Scope, client: str | None
    ) -> Document:
        """Make an admin token; `client` is a REF, None for all clients."""
        from daemon.core.tokens import create_token, made_document

        with suggesting(self, client):
            made = self._write(
                partial(
                    create_token,
                    name=name,
                    lifetime_days=expires_days,
                    scope=scope,
                    client=client,
                )
            )
        return made_document(made)

    def rotate_token(self, name: str, *, expires_days: float) -> Document:
        """Replace a token by a new one of the same name, scope and client; the old one is void."""
        from daemon.core.tokens import made_document, rotate_token

        job = partial(rotate_token, name=name, lifetime_days=expires_days)
        return made_document(self._write(job))

    def list_tokens(self) -> list[Document]:
        """List admin tokens."""
        from daemon.core.tokens import list_documents

        return self._database.read(partial(list_documents, now=self._clock()))

    def revoke_token(self, name: str) -> None:
        """Revoke an admin token."""
        from daemon.core.tokens import revoke_token

        self._write(partial(revoke_token, name=name))

    def read_status(self) -> Document:
        """Tell how daemon, inbox and clients are, and what needs somebody."""
        from importlib.metadata import version

        from daemon.core.status import Setting, find_daemon, read_status

        setting, now = Setting.from_settings(self._settings), self._clock()
        return self._database.read(
            lambda conn: read_status(
                conn,
                setting,
                daemon=find_daemon(conn, setting.database),
                version=version("released"),
                now=now,
            )
        )

    def list_turns(
        self,
        *,
        client: str | None = None,
        query: str | None = None,
        only: TurnKind | None = None,
        limit: int = 20,
    ) -> list[Document]:
        """List the newest turns, oldest first: of a REF's client, with `query` in their text."""
        from daemon.core.turnlog import list_turns

        client_id = self._find_id(client)
        return self._database.read(
            lambda conn: list_turns(conn, client_id=client_id, query=query, only=only, limit=limit)
        )

    def read_events(self, *, after: str | None = None, limit: int = 100) -> Document:
        """Read what happened after a cursor, oldest first; with None only where the end is now."""
        from daemon.core.events import read_events

        now = self._clock()
        return self._database.read(
            lambda conn: read_events(conn, after=after, limit=limit, now=now)
        )

    def list_audit(self, *, client: str | None = None, limit: int = 50) -> list[Document]:
        """List the newest entries of the audit trail, oldest first."""
        from daemon.core.trail import list_audit

        client_id = self._find_id(client)
        return self._database.read(lambda conn: list_audit(conn, client_id=client_id, limit=limit))

    def check_meta_tokens(self, client: str | None = None) -> list[Document]:
        """Check Meta's access tokens: all, or the one that a REF's client sends with."""
        from daemon.core.credentials.running import check_here

        with suggesting(self, client):
            return check_here(self._settings, self._database, ref=client, clock=self._clock)

    def rotate_meta_token(self, client: str) -> Document:
        """Exchange the own access token of a REF's client for a new one."""
        from daemon.core.credentials.running import rotate_here

        with suggesting(self, client):
            return rotate_here(
                self._settings,
                self._database,
                ref=client,
                actor=self._actor,
                clock=self._clock,
            )

    def run_doctor(self) -> list[Document]:
        """Check everything that must be right for messages to be answered."""
        from daemon.core.doctor.running import run_doctor_here

        return run_doctor_here(self._settings, self._database, now=self._clock())

    def _show(self, client: "Client") -> Document:
        from daemon.core.documents import show_clients

        [shown] = self._database.read(partial(show_clients, clients=[client]))
        return shown

    def _find_id(self, ref: str | None) -> int | None:
        return None if ref is None else int(self.find_client(ref)["id"])

    def _write(self, job: "Callable[..., T]") -> T:
        return self._database.write(partial(job, now=self._clock(), actor=self._actor))
