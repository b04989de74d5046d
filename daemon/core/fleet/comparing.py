"""Compares the fleet that is wanted with the one that is: who is to be made, changed, ended.

Owns what counts as a difference, and how one is described. Works on client documents, so it is the
same for this machine's database and for a daemon far away. Changes nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from daemon.core.faqs import Faq, digest_faqs
from daemon.core.fleet.wanted import Fleet, Wanted
from daemon.core.wording import default_fallback

Action = Literal["create", "change", "activate", "deactivate", "not_in_file"]
Document = Mapping[str, Any]
ListFaqs = Callable[[int], Iterable[Document]]

FIELDS = (
    "name",
    "phone_number",
    "welcome_message",
    "fallback_message",
    "business_hours",
    "timezone",
    "locale",
    "active",
)
"""What is compared of a client document as it stands, in the order it is shown."""

TOKEN_FIELD = "access_token_digest"  # noqa: S105 - the name of a key
"""Stands in for the access token, which no document holds."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of a client document that is to change."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class FaqChange:
    """How FAQs are to change; `changed` pairs the old and the new answer to a question."""

    added: tuple[Faq, ...]
    removed: tuple[Faq, ...]
    changed: tuple[tuple[Faq, Faq], ...]
    reordered: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """What is to happen to one client; `wanted` is None for one that the file does not hold."""

    action: Action
    client_id: int | None
    name: str
    phone_number_id: str
    fields: tuple[FieldChange, ...]
    faqs: FaqChange | None
    wanted: Wanted | None

    def build_changes(self) -> dict[str, Any]:
        """Make the mapping that updates the client, in the words of `ClientChanges`."""
        return {
            ("access_token" if change.field == TOKEN_FIELD else change.field): self._value(change)
            for change in self.fields
        }

    def _value(self, change: FieldChange) -> Any:
        if self.wanted is None or change.field == "active":
            return change.after
        if change.field == TOKEN_FIELD:
            return self.wanted.access_token
        # Not `after`: a fallback that the file leaves out is the locale's, and stays unset.
        return getattr(self.wanted.seed, change.field)


@dataclass(frozen=True, slots=True)
class Plan:
    """All differences, in the file's order, then those of clients that it does not hold."""

    differences: tuple[Difference, ...]
    absent: tuple[Difference, ...]
    unchanged: int


def compare(
    fleet: Fleet, documents: Sequence[Document], *, list_faqs: ListFaqs, prune: bool
) -> Plan:
    """Compare a fleet with all client documents.

    `list_faqs` is called only for clients whose FAQs differ. With `prune`, active clients that the
    file does not hold are to be deactivated; without it they are merely told, in `absent`.
    """
    known = {document["phone_number_id"]: document for document in documents}
    found = [
        _compare_client(wanted, known[wanted.seed.phone_number_id], list_faqs)
        if wanted.seed.phone_number_id in known
        else _create(wanted)
        for wanted in fleet.clients
    ]
    held = {wanted.seed.phone_number_id for wanted in fleet.clients}
    absent = tuple(
        _end(document, prune=prune)
        for number_id, document in known.items()
        if number_id not in held and document["active"]
    )
    differing = tuple(difference for difference in found if difference is not None)
    return Plan(
        differing + (absent if prune else ()),
        () if prune else absent,
        unchanged=len(found) - len(differing),
    )


def describe_plan(plan: Plan) -> dict[str, Any]:
    """Describe a plan for programs; `differences` counts the clients that are to change."""
    return {
        "differences": len(plan.differences),
        "clients": [_describe(difference) for difference in plan.differences + plan.absent],
    }


def compare_faqs(before: Sequence[Faq], after: Sequence[Faq]) -> FaqChange | None:
    """Compare two lists of FAQs, question by question; None when they are the same."""
    if tuple(before) == tuple(after):
        return None
    old = {faq.question: faq for faq in before}
    new = {faq.question: faq for faq in after}
    kept_before = [faq.question for faq in before if faq.question in new]
    kept_after = [faq.question for faq in after if faq.question in old]
    return FaqChange(
        added=tuple(faq for faq in after if faq.question not in old),
        removed=tuple(faq for faq in before if faq.question not in new),
        changed=tuple(
            (old[faq.question], faq)
            for faq in after
            if faq.question in old and old[faq.question] != faq
        ),
        reordered=kept_before != kept_after,
    )


def _create(wanted: Wanted) -> Difference:
    after = _wanted_document(wanted)
    fields = tuple(
        FieldChange(name, None, value) for name, value in after.items() if value is not None
    )
    return Difference(
        "create",
        None,
        wanted.seed.name,
        wanted.seed.phone_number_id,
        fields,
        FaqChange(wanted.faqs, (), (), reordered=False),
        wanted,
    )


def _compare_client(wanted: Wanted, document: Document, list_faqs: ListFaqs) -> Difference | None:
    fields = tuple(
        FieldChange(name, document[name], value)
        for name, value in _wanted_document(wanted).items()
        if document[name] != value
    )
    faqs = None
    if digest_faqs(wanted.faqs) != document["faqs_digest"]:
        now = [Faq(entry["q"], entry["a"]) for entry in list_faqs(document["id"])]
        faqs = compare_faqs(now, wanted.faqs)
    if not fields and faqs is None:
        return None
    return Difference(
        _choose_action(wanted, document),
        document["id"],
        wanted.seed.name,
        wanted.seed.phone_number_id,
        fields,
        faqs,
        wanted,
    )


def _choose_action(wanted: Wanted, document: Document) -> Action:
    if wanted.active == document["active"]:
        return "change"
    return "activate" if wanted.active else "deactivate"


def _end(document: Document, *, prune: bool) -> Difference:
    return Difference(
        "deactivate" if prune else "not_in_file",
        document["id"],
        document["name"],
        document["phone_number_id"],
        (FieldChange("active", before=True, after=False),) if prune else (),
        None,
        None,
    )


def _wanted_document(wanted: Wanted) -> dict[str, Any]:
    """Make the part of its client document that the file decides on."""
    seed = wanted.seed
    document = {name: getattr(seed, name) for name in FIELDS if name != "active"}
    document["fallback_message"] = seed.fallback_message or default_fallback(seed.locale)
    document["active"] = wanted.active
    if wanted.access_token is not None:
        document[TOKEN_FIELD] = _digest(wanted.access_token)
    return document


def _digest(access_token: str) -> str:
    # Here, because it brings the store along, and only a file that names tokens has a use for it.
    from daemon.core.documents import TOKEN_DIGEST_DIGITS  # noqa: PLC0415
    from daemon.core.sealing.sealed import digest_token  # noqa: PLC0415

    return digest_token(access_token)[:TOKEN_DIGEST_DIGITS]


def _describe(difference: Difference) -> dict[str, Any]:
    return {
        "action": difference.action,
        "id": difference.client_id,
        "name": difference.name,
        "phone_number_id": difference.phone_number_id,
        "changes": [
            {"field": change.field, "before": change.before, "after": change.after}
            for change in difference.fields
        ],
        "faqs": None if difference.faqs is None else _describe_faqs(difference.faqs),
    }


def _describe_faqs(change: FaqChange) -> dict[str, Any]:
    return {
        "added": [{"q": faq.question, "a": faq.answer} for faq in change.added],
        "removed": [{"q": faq.question, "a": faq.answer} for faq in change.removed],
        "changed": [
            {"q": new.question, "before": old.answer, "after": new.answer}
            for old, new in change.changed
        ],
        "reordered": change.reordered,
    }
