"""How a fleet is refused: every problem with its place, counted, and the whole of it at once.

Owns the words for places and guesses. Knows neither what a fleet may hold nor where it came from.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from daemon.core.errors import FieldProblem, Invalid
from daemon.core.faqs import MAX_PROBLEMS, SHOWN_PROBLEMS

WORD_LIMIT = 40
"""Characters of a key or a name that a refusal quotes."""


@dataclass(slots=True)
class Refusal:
    """Collects what is wrong with one source. A problem's `field` is its place in the source."""

    source: str
    problems: list[FieldProblem] = field(default_factory=list)
    count: int = 0

    def add(self, where: str, reason: str) -> None:
        """Note a problem; `where` is empty when it is the whole file's."""
        self.count += 1
        if self.count <= MAX_PROBLEMS:
            self.problems.append(FieldProblem(where, reason.rstrip(".")))

    def raise_any(self) -> None:
        """Raise `Invalid` when anything was noted: one line, and the problems one by one."""
        if self.count:
            self._raise()

    def stop(self, reason: str) -> NoReturn:
        """Refuse for a reason that leaves nothing else to look at."""
        self.add("", reason)
        self._raise()

    def _raise(self) -> NoReturn:
        shown = "; ".join(tell(problem) for problem in self.problems[:SHOWN_PROBLEMS])
        more = self.count - SHOWN_PROBLEMS
        tail = f"; and {more} more" if more > 0 else ""
        raise Invalid(f"{self.source}: {shown}{tail}", problems=tuple(self.problems))


def tell(problem: FieldProblem) -> str:
    """Say a problem with its place."""
    return f"{problem.field}: {problem.reason}" if problem.field else problem.reason


def name_entry(number: int, table: object) -> str:
    """Name an entry by its number, counted from 1, and what it calls itself."""
    name = table.get("name") if isinstance(table, dict) else None
    if not isinstance(name, str) or not name:
        return f"entry {number}"
    return f"entry {number} ({shorten(name)})"


def quote(text: str) -> str:
    """Quote what a file holds, short and on one line, control characters spelled out."""
    return repr(_cut(text))


def shorten(text: str) -> str:
    """Show what a file holds without quotes, short, and with nothing that steers a terminal."""
    return "".join(char if char.isprintable() else "�" for char in _cut(text))


def suggest(word: str, known: Iterable[str]) -> str:
    """Guess what was meant, or name all there is; the end of a sentence."""
    names: Sequence[str] = sorted(known)
    close = difflib.get_close_matches(word[:WORD_LIMIT], names, n=1)
    if close:
        return f", did you mean {close[0]}?"
    return f", there is {', '.join(names)}" if names else ""


def _cut(text: str) -> str:
    return text if len(text) <= WORD_LIMIT else text[: WORD_LIMIT - 1] + "…"
