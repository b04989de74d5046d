"""An `Admin` in memory, as far as fleets need one; its documents are as the real ones."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from daemon.core.errors import Conflict, ReleasedError
from daemon.core.faqs import Faq, digest_faqs
from daemon.core.sealing.sealed import digest_token
from daemon.core.seeds import ClientChanges, ClientSeed, validate
from daemon.core.wording import default_fallback
from released_cli.admin import Admin, Document

STORED = ("name", "phone_number", "phone_number_id", "welcome_message", "business_hours")


class FakeOffice:
    """Keeps clients. `calls` names what was asked; `refusals` go first, one a change."""

    def __init__(self) -> None:
        self.seeds: dict[int, dict[str, Any]] = {}
        self.faqs: dict[int, tuple[Faq, ...]] = {}
        self.calls: list[str] = []
        self.refusals: list[ReleasedError | KeyboardInterrupt | None] = []

    def as_admin(self) -> Admin:
        return cast("Admin", self)

    def list_clients(self, *, active_only: bool = False) -> list[Document]:
        self.calls.append("list_clients")
        chosen = [key for key, seed in self.seeds.items() if seed["active"] or not active_only]
        return [self._document(key) for key in chosen]

    def list_faqs(self, client_id: int) -> list[Document]:
        self.calls.append(f"list_faqs {client_id}")
        return [{"q": faq.question, "a": faq.answer} for faq in self.faqs[client_id]]

    def add_client(self, seed: Mapping[str, Any], faqs: Sequence[Faq]) -> Document:
        self._change(f"add {seed['phone_number_id']}")
        made = validate(ClientSeed, seed)
        if made.phone_number_id in {known["phone_number_id"] for known in self.seeds.values()}:
            raise Conflict(f"phone_number_id {made.phone_number_id} belongs to client 1 already.")
        client_id = len(self.seeds) + 1
        self.seeds[client_id] = {**made.model_dump(), "active": True}
        self.faqs[client_id] = tuple(faqs)
        return self._document(client_id)

    def update_client(
        self, client_id: int, changes: Mapping[str, Any], faqs: Sequence[Faq] | None = None
    ) -> Document:
        self._change(f"update {client_id}")
        made = validate(ClientChanges, changes)
        self.seeds[client_id] |= {name: getattr(made, name) for name in made.model_fields_set}
        if faqs is not None:
            self.faqs[client_id] = tuple(faqs)
        return self._document(client_id)

    def _change(self, call: str) -> None:
        self.calls.append(call)
        refusal = self.refusals.pop(0) if self.refusals else None
        if refusal is not None:
            raise refusal

    def _document(self, client_id: int) -> Document:
        seed = self.seeds[client_id]
        token = seed["access_token"]
        return {
            "id": client_id,
            **{name: seed[name] for name in (*STORED, "timezone", "locale", "active")},
            "fallback_message": seed["fallback_message"] or default_fallback(seed["locale"]),
            "warnings": ["what is “soon”?"] if seed["business_hours"] == "soon" else [],
            "faqs_digest": digest_faqs(self.faqs[client_id]),
            "access_token_digest": None
            if token is None
            else digest_token(token.get_secret_value())[:12],
        }
