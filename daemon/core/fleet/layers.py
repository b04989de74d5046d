"""One table of a fleet file (defaults, a template, a client): what it says, and what it inherits.

Every field is checked where it is written, so that a bad default is refused once and not for each
client. Files are read by whoever calls, through `Files`.
"""

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from daemon.core.errors import Invalid
from daemon.core.faqs import Faq, faqs_from_objects
from daemon.core.fleet.refusing import Refusal, quote, suggest
from daemon.core.seeds import ClientChanges, ClientSeed, validate

TOKEN_KEY = "access_token_file"  # noqa: S105 - the name of a key
SHARED_KEYS = frozenset(ClientChanges.model_fields) - {"access_token"} | {"faqs", TOKEN_KEY}
"""What defaults, templates and clients may all say."""

SEED_KEYS = frozenset(ClientSeed.model_fields) | {"faqs"}
"""What a seed document may say: the body of POST /clients."""


class Files(Protocol):
    """The files beside a fleet file; each method raises `Invalid` for one that will not do."""

    def read_faqs(self, path: str) -> tuple[Faq, ...]:
        """Read a FAQ file that an entry names."""
        ...

    def read_token(self, path: str) -> str:
        """Read a file that holds an access token."""
        ...


@dataclass(frozen=True, slots=True)
class Layer:
    """What a table says; `given` also names what it says wrongly, so that it is not missed."""

    values: Mapping[str, Any]
    faqs: tuple[Faq, ...]
    given: frozenset[str]


EMPTY = Layer({}, (), frozenset())


@dataclass(frozen=True, slots=True)
class LayerReader:
    """Reads tables of one source."""

    files: Files
    refusal: Refusal

    def read(self, table: object, *, where: str, known: Collection[str]) -> Layer:
        """Read a table, whose keys must all be `known`; what is wrong goes to the refusal."""
        if not isinstance(table, dict):
            self.refusal.add(where, "must be a table of keys and values")
            return EMPTY
        for key in table:
            if key not in known:
                self.refusal.add(where, f"unknown key {quote(key)}{suggest(key, known)}")
        said = {key: value for key, value in table.items() if key in known}
        values = {key: value for key, value in said.items() if key in ClientChanges.model_fields}
        if TOKEN_KEY in said:
            values |= self._read_token(said[TOKEN_KEY], where)
        faqs = self._read_faqs(said["faqs"], where) if "faqs" in said else ()
        return Layer(self._check(values, where), faqs, frozenset(said))

    def _check(self, values: Mapping[str, Any], where: str) -> dict[str, Any]:
        try:
            changes = validate(ClientChanges, values)
        except Invalid as invalid:
            for problem in invalid.problems:
                self.refusal.add(where, f"{problem.field}: {problem.reason}")
            return {}
        return {name: getattr(changes, name) for name in changes.model_fields_set}

    def _read_token(self, path: object, where: str) -> dict[str, str]:
        if not isinstance(path, str):
            self.refusal.add(where, f"{TOKEN_KEY} must be the path of a file")
            return {}
        try:
            return {"access_token": self.files.read_token(path)}
        except Invalid as invalid:
            self.refusal.add(where, str(invalid))
            return {}

    def _read_faqs(self, given: object, where: str) -> tuple[Faq, ...]:
        try:
            if isinstance(given, str):
                return self.files.read_faqs(given)
            return faqs_from_objects(given, source="faqs")
        except Invalid as invalid:
            self.refusal.add(where, str(invalid))
            return ()


def inherit(base: Layer, own: Layer) -> Layer:
    """Lay a table over what it inherits from: its fields win, its FAQs follow."""
    return Layer(
        {**base.values, **own.values}, merge_faqs(base.faqs, own.faqs), base.given | own.given
    )


def merge_faqs(base: Sequence[Faq], own: Sequence[Faq]) -> tuple[Faq, ...]:
    """Put own FAQs after inherited ones; to an inherited question they give another answer."""
    merged = {question_key(faq.question): faq for faq in base}
    for faq in own:
        key = question_key(faq.question)
        question = merged[key].question if key in merged else faq.question
        merged[key] = Faq(question, faq.answer)
    return tuple(merged.values())


def question_key(question: str) -> str:
    """Bring a question to what makes it the same as another: case and spaces aside."""
    return " ".join(unicodedata.normalize("NFC", question).casefold().split())
