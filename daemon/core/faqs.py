"""A client's FAQs: what one is, and how a list of them is read. Pure.

Owns the shape of a FAQ file (JSON or CSV, told apart by content) and every reason to refuse one.
Opens no file and stores nothing: whoever calls brings the bytes and a name for them.
"""

import csv
import hashlib
import io
import json
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from daemon.core.errors import FieldProblem, Invalid

MAX_FAQ_BYTES = 5 * 1024 * 1024
"""The largest file taken, in bytes; thousands of FAQs fit, a file picked by mistake does not."""

MAX_CHARS = 40_960
"""The longest question or answer: ten messages of WhatsApp's. More was pasted by mistake."""

MAX_PROBLEMS = 100
"""How many problems a refusal carries; a wrong file of a million rows needs no more to be seen."""

SHOWN_PROBLEMS = 3
"""How many of them the one-line message names."""

KEYS = {"q": "question", "a": "answer"}
"""The keys of an entry, with the word that a refusal uses for each."""

COLUMNS = {
    "q": "q",
    "question": "q",
    "pregunta": "q",
    "a": "a",
    "answer": "a",
    "respuesta": "a",
}
"""CSV header names, in lower case, and the key each stands for."""

DELIMITERS = (",", ";", "\t")
"""The comma, what a Spanish Excel writes instead, and what a copied table holds."""

JSON_TYPES = {bool: "true or false", int: "a number", float: "a number", list: "a list"}


@dataclass(frozen=True, slots=True)
class Faq:
    """A question and its answer, stripped, never empty, their lines ended by a line feed alone."""

    question: str
    answer: str


def digest_faqs(faqs: Iterable[Faq]) -> str:
    """Name a list of FAQs: 64 hex digits that change with any of its words or its order."""
    listed = [{"q": faq.question, "a": faq.answer} for faq in faqs]
    canonical = json.dumps(listed, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Repeated:
    """Stands in for a decoded JSON object that names one key twice."""

    key: str


@dataclass(slots=True)
class _Refusal:
    """Collects what is wrong with one source; entries are counted from 1."""

    source: str
    problems: list[FieldProblem] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, entry: int | None, reason: str, *, key: str = "") -> None:
        self.count += 1
        if self.count > MAX_PROBLEMS:
            return
        at = "faqs" if entry is None else f"faqs[{entry}]"
        self.problems.append(FieldProblem(f"{at}.{key}" if key else at, reason))
        self.lines.append(reason if entry is None else f"entry {entry}: {reason}")

    def error(self) -> Invalid:
        shown = "; ".join(self.lines[:SHOWN_PROBLEMS])
        more = self.count - SHOWN_PROBLEMS
        tail = f"; and {more} more" if more > 0 else ""
        return Invalid(f"{self.source}: {shown}{tail}", problems=tuple(self.problems))


def parse_faqs(data: bytes, *, source: str) -> tuple[Faq, ...]:
    """Read a whole FAQ file, JSON or CSV, in file order.

    `source` names the file in refusals. Raises `Invalid`, with one problem for each thing wrong.
    """
    refusal = _Refusal(source)
    text = _decode(data, refusal)
    if not text.strip():
        refusal.add(None, "no entries: the file is empty")
        raise refusal.error()
    if text.lstrip()[0] in "[{":
        return faqs_from_objects(_load_json(text, refusal), source=source)
    return _build(_read_csv(text, refusal), refusal)


def faqs_from_objects(items: object, *, source: str) -> tuple[Faq, ...]:
    """Check decoded JSON, a list of `{"q", "a"}`; raises `Invalid` as `parse_faqs` does."""
    refusal = _Refusal(source)
    if not isinstance(items, list | tuple):
        given = "this object repeats a key" if isinstance(items, _Repeated) else _type_name(items)
        refusal.add(None, f'must be a list of {{"q", "a"}}, not {given}')
        raise refusal.error()
    return _build(enumerate(items, start=1), refusal)


def _decode(data: bytes, refusal: _Refusal) -> str:
    """Give the text without its byte order mark; refuse what is too long or no UTF-8."""
    if len(data) > MAX_FAQ_BYTES:
        refusal.add(None, "over 5 MB")
        raise refusal.error()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"not UTF-8: byte 0x{data[error.start]:02x} in line {line}"
        refusal.add(None, f"{found} (save it as UTF-8; in Excel, as CSV UTF-8)")
        raise refusal.error() from None


def _load_json(text: str, refusal: _Refusal) -> object:
    """Decode JSON; what is merely wrong in an entry is left for the check that can name it."""
    try:
        return json.loads(
            text,
            # A raw NUL is let through here, so that its entry can be named; other control
            # characters stay broken JSON.
            strict="\0" not in text,
            object_pairs_hook=_object,
            parse_int=float,
        )
    except json.JSONDecodeError as error:
        refusal.add(None, _explain_json(text, error))
    except RecursionError:
        refusal.add(None, "broken JSON: nested too deeply")
    raise refusal.error()


def _explain_json(text: str, error: json.JSONDecodeError) -> str:
    """Say where JSON is broken; what is wrong after a last comma is the comma, on every Python."""
    before = text[: error.pos].rstrip()
    if "trailing comma" in error.msg:  # from Python 3.13 on, with the comma's place
        before += ","
    if not before.endswith(","):
        return f"broken JSON in line {error.lineno}, column {error.colno}: {error.msg.lower()}"
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n") - 1
    return f"broken JSON in line {line}, column {column}: a comma too many"


def _object(pairs: list[tuple[str, object]]) -> dict[str, object] | _Repeated:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            return _Repeated(key)
        found[key] = value
    return found


def _read_csv(text: str, refusal: _Refusal) -> Iterator[tuple[int, object]]:
    """Yield numbered entries in the JSON shape; a broken row ends the reading."""
    delimiter, columns = _read_header(text, refusal)
    rows = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True
    )
    next(rows)
    entry = 0
    while True:
        line = rows.line_num + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            refusal.add(entry + 1, _csv_reason(error, line))
            return
        if row is None:
            return
        if len(row) <= 1 and not "".join(row).strip():
            continue
        entry += 1
        if len(row) > len(columns):
            refusal.add(entry, f"{len(row)} columns in line {line}, where the header has 2")
            continue
        yield entry, dict(zip(columns, row, strict=False))


def _read_header(text: str, refusal: _Refusal) -> tuple[str, list[str]]:
    """Find the delimiter under which the first line is `q,a`, and the order of the two."""
    first = text.splitlines()[0]
    for delimiter in DELIMITERS:
        names = next(csv.reader([first], delimiter=delimiter, skipinitialspace=True), [])
        columns = [COLUMNS.get(name.strip().lower(), "") for name in names]
        if sorted(columns) == sorted(KEYS):
            return delimiter, columns
    refusal.add(
        None, f'neither a JSON list nor a CSV: the first line {_shown(first)} is no header "q,a"'
    )
    raise refusal.error()


def _csv_reason(error: csv.Error, line: int) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return f"a quote opened in line {line} or after it is never closed"
    if "field larger" in text:
        return f"a cell from line {line} on never ends: is a quote left open?"
    return f"a quote in line {line} or after it is left open, or stands single inside a cell"


def _build(entries: Iterator[tuple[int, object]], refusal: _Refusal) -> tuple[Faq, ...]:
    """Turn numbered entries into FAQs, or raise all that is wrong with them."""
    faqs: list[Faq] = []
    first_seen: dict[str, int] = {}
    for number, item in entries:
        faq = _check_entry(number, item, refusal)
        if faq is None:
            continue
        same = " ".join(unicodedata.normalize("NFC", faq.question).casefold().split())
        earlier = first_seen.setdefault(same, number)
        if earlier != number:
            refusal.add(number, f"the same question as entry {earlier}", key="q")
        faqs.append(faq)
    if not faqs and not refusal.count:
        refusal.add(None, "no entries")
    if refusal.count:
        raise refusal.error()
    return tuple(faqs)


def _check_entry(number: int, item: object, refusal: _Refusal) -> Faq | None:
    if isinstance(item, _Repeated):
        refusal.add(number, f"the key {_shown(item.key)} stands there twice")
        return None
    if not isinstance(item, dict):
        refusal.add(number, f'must be an object with "q" and "a", not {_type_name(item)}')
        return None
    before = refusal.count
    for key in item:
        if key not in KEYS:
            refusal.add(number, f"unknown key {_shown(str(key))}")
    for key, name in KEYS.items():
        reason = _text_problem(item[key]) if key in item else "is missing"
        if reason:
            refusal.add(number, f"the {name} {reason}", key=key)
    if refusal.count > before:
        return None
    return Faq(question=_clean(item["q"]), answer=_clean(item["a"]))


def _clean(text: str) -> str:
    """Take the space around a text away, and have a line feed alone end each line."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _text_problem(value: object) -> str | None:
    """Say why this cannot be a question or an answer; None where it can."""
    if not isinstance(value, str):
        return f"must be text, not {_type_name(value)}"
    if len(value) > MAX_CHARS:
        return f"is over {MAX_CHARS} characters"
    if "\0" in value:
        return "holds a NUL character"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "holds half a character (a lone surrogate), which cannot be stored"
    # Invisible characters alone (a zero-width space from a web page) are as empty as spaces.
    if not any(char.isprintable() and not char.isspace() for char in value):
        return "is empty"
    return None


def _type_name(value: object) -> str:
    """Call a decoded JSON value what a person would call it."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return "text"
    return JSON_TYPES.get(type(value), "an object")


def _shown(text: str) -> str:
    """Quote what a file holds, short and on one line, control characters spelled out."""
    limit = 40
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")
