"""The admin use cases over HTTP: the same names, documents and errors, from a daemon far away.

Owns which address each use case has. How a call travels is `calling`'s, what comes back `answers`'.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from daemon.core.errors import NotFound, ReleasedError
from released_cli.admin import Document, InboxState, Scope, TurnKind
from released_cli.answers import Strange, describe_stranger, read_answer, read_document, read_list
from released_cli.calling import Caller, Reply
from released_cli.places import Place
from released_cli.refs import refuse_impossible, suggesting

if TYPE_CHECKING:
    from daemon.core.faqs import Faq

T = TypeVar("T")

PAGE = 1000
"""Documents fetched in one call, the most that the daemon gives."""

LONG_BUDGET_S = 120.0
"""Seconds for what takes long: the doctor asks around, a retry of all goes through all."""

CLIENT = ("id", "name", "phone_number", "phone_number_id", "active", "access_token_digest")
MESSAGE = ("id", "client_id", "state")
TOKEN_MADE = ("name", "token", "expires_at")
CONTACT = ("client_id", "at", "conversations", "messages", "answers", "turns")
PAUSE = ("client_id", "paused_by", "paused_until", "changed")
RECEIPT = ("receipt", "at", "client_id", "erased")


class RemoteAdmin:
    """The use cases of the daemon that a caller calls."""

    def __init__(self, caller: Caller) -> None:
        """Call nothing yet."""
        self._caller = caller

    def check(self) -> None:
        """Make sure that a daemon is there and takes the token, whatever that may do.

        Raises:
            ReleasedError: when not.

        """
        self._list("/clients", query={"limit": 1}, needs=CLIENT)

    def list_clients(self, *, active_only: bool = False) -> list[Document]:
        """List the clients by id, page by page."""
        chosen = {"active_only": "true"} if active_only else {}
        found: list[Document] = []
        while True:
            query = {**chosen, "limit": PAGE, "after": found[-1]["id"] if found else 0}
            page = self._list("/clients", query=query, needs=CLIENT)
            found += page
            if len(page) < PAGE:
                return found

    def find_client(self, ref: str) -> Document:
        """Find a client by REF."""
        with suggesting(self, ref):
            refuse_impossible(ref)
            [found] = self._list("/clients", query={"ref": ref}, needs=CLIENT)
        return found

    def add_client(self, seed: Mapping[str, Any], faqs: "Sequence[Faq]") -> Document:
        """Onboard a client."""
        return self._change("POST", "/clients", body={**seed, "faqs": _pairs(faqs)}, needs=CLIENT)

    def update_client(
        self, client_id: int, changes: Mapping[str, Any], faqs: "Sequence[Faq] | None" = None
    ) -> Document:
        """Set the fields given, then the FAQs."""
        path = f"/clients/{client_id}"
        if changes or faqs is None:
            updated = self._change("PATCH", path, body=dict(changes), needs=CLIENT)
        if faqs is None:
            return updated
        try:
            return self._change("PUT", f"{path}/faqs", body=_pairs(faqs), needs=CLIENT)
        except ReleasedError as failed:
            if changes:
                # Two calls are no transaction: say how far it came.
                done = "The other fields are set already; the same command again does the rest."
                failed.args = (f"{failed} {done}",)
            raise

    def resume_client(self, client_id: int) -> Document:
        """Let a stopped client send again."""
        return self._change("POST", f"/clients/{client_id}/resume", needs=CLIENT)

    def list_faqs(self, client_id: int) -> list[Document]:
        """List the FAQs of a client's current version, in file order."""
        return self._list(f"/clients/{client_id}/faqs", needs=("q", "a"))

    def list_inbox(
        self,
        *,
        state: InboxState | None = None,
        client: str | None = None,
        limit: int | None = None,
    ) -> list[Document]:
        """List messages, oldest first; with `limit` the newest so many, page by page."""
        chosen = _given(state=state, client=client)
        found: list[Document] = []
        while limit is None or len(found) < limit:
            size = PAGE if limit is None else min(PAGE, limit - len(found))
            older = {"before": found[0]["id"]} if found else {}
            query = {**chosen, **older, "limit": size}
            with suggesting(self, client):
                refuse_impossible(client)
                page = self._list("/inbox", query=query, needs=MESSAGE)
            found = page + found
            if len(page) < size:
                break
        return found

    def show_message(self, inbox_id: int) -> Document:
        """Show one message with its text and its answer."""
        return self._read(f"/inbox/{inbox_id}", needs=(*MESSAGE, "answer"))

    def retry_message(self, inbox_id: int) -> None:
        """Take one parked message up again."""
        self._change("POST", f"/inbox/{inbox_id}/retry", needs=MESSAGE, twice=False)

    def retry_messages(self, *, error: str | None) -> int:
        """Take all parked messages up again, or those with one error; say how many."""
        body = {} if error is None else {"error": error}
        told = self._ask(
            partial(read_document, needs=("count",)),
            "POST",
            "/inbox/retry",
            body=body,
            twice=False,
            budget_s=LONG_BUDGET_S,
        )
        return int(told["count"])

    def drop_message(self, inbox_id: int) -> None:
        """Let one message go unanswered."""
        self._change("DELETE", f"/inbox/{inbox_id}", needs=MESSAGE, twice=False)

    def export_contact(self, client_id: int, customer: str) -> Document:
        """Give everything that is held about a customer, by phone number or user id."""
        return self._read(_contact_path(client_id, customer), needs=CONTACT)

    def erase_contact(self, client_id: int, customer: str) -> Document:
        """Delete everything that is held about a customer, and give the receipt."""
        path = _contact_path(client_id, customer)
        return self._change("DELETE", path, needs=RECEIPT, twice=False)

    def pause_contact(self, client_id: int, customer: str, *, hours: float | None) -> Document:
        """Take a customer's conversation over, and say how it stands."""
        path = f"{_contact_path(client_id, customer)}/pause"
        return self._change("PUT", path, body=_given(hours=hours), needs=PAUSE)

    def resume_contact(self, client_id: int, customer: str) -> Document:
        """Give a customer's conversation back to the bot, and say how it stands."""
        path = f"{_contact_path(client_id, customer)}/pause"
        return self._change("DELETE", path, needs=PAUSE)

    def create_token(
        self, name: str, *, expires_days: float, scope: Scope, client: str | None
    ) -> Document:
        """Make an admin token; `client` is a REF, None for all clients."""
        body = {"name": name, "expires_days": expires_days, "scope": scope, "client": client}
        with suggesting(self, client):
            refuse_impossible(client)
            return self._change("POST", "/tokens", body=body, needs=TOKEN_MADE)

    def rotate_token(self, name: str, *, expires_days: float) -> Document:
        """Replace a token by a new one of the same name, scope and client; the old one is void."""
        path = f"/tokens/{quote(name, safe='')}/rotate"
        return self._change("POST", path, body={"expires_days": expires_days}, needs=TOKEN_MADE)

    def list_tokens(self) -> list[Document]:
        """List admin tokens."""
        return self._list("/tokens", needs=("name", "scope", "client_id", "state"))

    def revoke_token(self, name: str) -> None:
        """Revoke an admin token."""
        self._ask(read_answer, "DELETE", f"/tokens/{quote(name, safe='')}", twice=False)

    def read_status(self) -> Document:
        """Tell how daemon, inbox and clients are, and what needs somebody."""
        return self._read("/status", needs=("version", "time", "daemon", "clients", "alerts"))

    def list_turns(
        self,
        *,
        client: str | None = None,
        query: str | None = None,
        only: TurnKind | None = None,
        limit: int = 20,
    ) -> list[Document]:
        """List the newest turns, oldest first: of a REF's client, with `query` in their text."""
        asked = _given(client=client, q=query, only=only, limit=limit)
        with suggesting(self, client):
            refuse_impossible(client)
            return self._list("/log", query=asked, needs=("id", "at", "client_id"))

    def read_events(self, *, after: str | None = None, limit: int = 100) -> Document:
        """Read what happened after a cursor, oldest first; with None only where the end is now."""
        asked = _given(after=after, limit=limit)
        return self._read("/events", query=asked, needs=("cursor", "events"))

    def list_audit(self, *, client: str | None = None, limit: int = 50) -> list[Document]:
        """List the newest entries of the audit trail, oldest first."""
        asked = _given(client=client, limit=limit)
        with suggesting(self, client):
            refuse_impossible(client)
            return self._list("/audit", query=asked, needs=("id", "at", "actor", "action"))

    def check_meta_tokens(self, client: str | None = None) -> list[Document]:
        """Check Meta's access tokens: all, or the one that a REF's client sends with."""
        judge = partial(read_list, needs=("client_id", "state", "detail"))
        asked = _given(client=client)
        with suggesting(self, client):
            refuse_impossible(client)
            return self._ask(judge, "GET", "/meta/token", query=asked, budget_s=LONG_BUDGET_S)

    def rotate_meta_token(self, client: str) -> Document:
        """Exchange the own access token of a REF's client for a new one."""
        judge = partial(read_document, needs=("client_id", "expires_at"))
        with suggesting(self, client):
            refuse_impossible(client)
            return self._ask(
                judge,
                "POST",
                "/meta/token/rotate",
                body={"client": client},
                twice=False,
                budget_s=LONG_BUDGET_S,
            )

    def run_doctor(self) -> list[Document]:
        """Check everything that must be right for messages to be answered."""
        judge = partial(read_list, needs=("check", "state", "detail"))
        return self._ask(judge, "GET", "/doctor", budget_s=LONG_BUDGET_S)

    def _list(
        self, path: str, *, needs: Sequence[str], query: Mapping[str, object] | None = None
    ) -> list[Document]:
        return self._ask(partial(read_list, needs=needs), "GET", path, query=query)

    def _read(
        self, path: str, *, needs: Sequence[str], query: Mapping[str, object] | None = None
    ) -> Document:
        return self._ask(partial(read_document, needs=needs), "GET", path, query=query)

    def _change(
        self,
        method: str,
        path: str,
        *,
        needs: Sequence[str],
        body: object = None,
        twice: bool = True,
    ) -> Document:
        judge = partial(read_document, needs=needs)
        return self._ask(judge, method, path, body=body, twice=twice)

    def _ask(self, judge: "Callable[[Reply, Place], T]", method: str, path: str, **sent: Any) -> T:
        reply = self._caller.send(method, path, **sent)
        try:
            return judge(reply, self._caller.place)
        except Strange:
            raise self._explain_stranger() from None

    def _explain_stranger(self) -> ReleasedError:
        from importlib.metadata import version

        try:
            health: Reply | None = self._caller.send("GET", "/health")
        except ReleasedError:
            health = None
        return describe_stranger(health, self._caller.place, ours=version("released"))


def _contact_path(client_id: int, customer: str) -> str:
    # A path knows no empty part, and takes a dot or two for a direction.
    if not customer.strip(". "):
        raise NotFound(
            f"Client {client_id} holds nothing about this customer. Name them by the phone number"
            " with its country code, or by the user id, as `released inbox list` shows it."
        )
    return f"/clients/{client_id}/contacts/{quote(customer, safe='')}"


def _given(**query: object) -> dict[str, object]:
    return {name: value for name, value in query.items() if value is not None}


def _pairs(faqs: "Sequence[Faq]") -> list[Document]:
    return [{"q": faq.question, "a": faq.answer} for faq in faqs]
