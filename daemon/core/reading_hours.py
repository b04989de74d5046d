"""Business hours as an agency types them, Spanish or English, read into a week. Pure.

Takes a text whole or not at all: a word it does not know, a letter with two readings or a time
that could be morning or evening is refused and named, never guessed. A day that is not
mentioned is closed. Refuses to own public holidays and seasons: those texts are not readable.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from daemon.core.errors import FieldProblem, Invalid
from daemon.core.reading_times import Unclear, build_span, read_clock
from daemon.core.timetable import FULL_DAY, Span, Week

MAX_CHARS = 500
"""The longest text looked at; a week of four spans a day stays far below."""


class UnreadableHours(Invalid):
    """These business hours cannot be read."""

    def __init__(self, reason: str) -> None:
        """Say what could not be read; the text itself stays with the caller."""
        self.reason = reason
        super().__init__(
            f"these business hours cannot be read: {reason}",
            problems=(FieldProblem("business_hours", reason),),
        )


@dataclass(frozen=True, slots=True)
class Token:
    """One word or sign that was understood: its kind, its folded text, the days it names."""

    kind: str
    text: str
    days: tuple[int, ...] = ()


_ALL = tuple(range(7))
_PHRASES = {
    r"todos los dias(?: de la semana)?|toda la semana|cada dia|a diario|diariamente": _ALL,
    r"daily|every ?day|all week|(?:los )?7 dias(?: (?:de|a) la semana)?|7 days a week": _ALL,
    r"entre semana|weekdays": (0, 1, 2, 3, 4),
    r"m(?: ?- ?| to )f": (0, 1, 2, 3, 4),
    r"fin(?:es)? de semana|weekends?": (5, 6),
}
_FULL_WORDS = (
    (r"lunes", r"martes", r"miercoles", r"jueves", r"viernes", r"sabados?", r"domingos?"),
    tuple(f"{day}days?" for day in ("mon", "tues", "wednes", "thurs", "fri", "satur", "sun")),
)
_SHORT_WORDS = (
    (r"lun?", r"mar?", r"mie?", r"jue?", r"vie?", r"sab?", r"dom"),
    (r"mon?", r"tue?s?", r"weds?|we", r"thu?r?s?", r"fri?", r"sat?", r"sun?"),
)
_LETTERS = "lmxjvsd"

_DAYS: list[tuple[str, tuple[int, ...]]] = [
    *_PHRASES.items(),
    *((word, (day,)) for words in _FULL_WORDS for day, word in enumerate(words)),
    *((rf"(?:{word})\b\.?", (day,)) for words in _SHORT_WORDS for day, word in enumerate(words)),
    *((letter, (day,)) for day, letter in enumerate(_LETTERS)),
]

_KINDS = {
    "always": r"24 ?[/x] ?7|siempre abierto|always open|open 24/7",
    "full": r"24 ?(?:h|hs|hrs|horas|hours)(?: al dia| a day)?(?! ?[-a] ?[0-9])",
    "fill": r"abierto|abrimos|abre|(?:we |we are )?open|desde|de|from|los|las|on|the",
    "closed": r"cerrad[oa]s?|cerramos|closed",
    "except": r"excepto|salvo|menos|except",
    "range": r"al|a|hasta|to|until|till|through",
    "and": r"y|and",
}
"""Words, tried in this order, before the days; each must end where a word ends."""

_LABEL = re.compile(
    r"(?:(?:nuestro |our )?(?:horarios?|(?:opening )?hours)(?: de apertura| comercial)?)\s*:?\s*"
)
_SIGNS = {"-": "range", ",": "and", "/": "and", "&": "and", "+": "and", ":": "colon"}
_SEPARATORS = ";.|\n"
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212~", "-"))
_ENGLISH = re.compile(r"\b(?:\w+days?|open|closed|and|to|from|every|weekdays|weekends?)\b")
_SPANISH = re.compile(
    r"\b(?:[lxjvd]|lunes|martes|mi[ae]rcoles|jueves|viernes|sabados?|domingos?|cerrado|de|y)\b"
)
_WORD_PATTERNS = [
    *((re.compile(rf"(?:{pattern})(?![a-z0-9])"), kind, ()) for kind, pattern in _KINDS.items()),
    *((re.compile(rf"(?:{pattern})(?![a-z0-9])"), "days", days) for pattern, days in _DAYS),
]


def read_week(text: str) -> Week:
    """Read opening hours; raises `UnreadableHours` with the piece that stands in the way."""
    if len(text) > MAX_CHARS:
        raise UnreadableHours(f"longer than {MAX_CHARS} characters")
    folded = _fold(text)
    tokens = _tokenize(folded)
    _check_letters(tokens, folded)
    kinds = [token.kind for token in tokens]
    if kinds in (["always"], ["full"]):
        return ((FULL_DAY,),) * 7
    if "always" in kinds:
        raise UnreadableHours("'24/7' leaves no room for other hours")
    return _Parser(tokens).read()


def _fold(text: str) -> str:
    """Lower case without accents, one kind of dash and of space; line breaks stay."""
    plain = unicodedata.normalize("NFD", text.strip().lower().translate(_DASHES))
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    folded = re.sub(r"[^\S\n]+", " ", plain.replace("\r", "\n"))
    label = _LABEL.match(folded)
    return folded[label.end() :] if label else folded


def _tokenize(text: str) -> list[Token]:
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        if text[at] == " ":
            at += 1
            continue
        token, at = _next_token(text, at)
        if token.kind != "fill":
            tokens.append(token)
    return tokens


def _next_token(text: str, at: int) -> tuple[Token, int]:
    for pattern, kind, days in _WORD_PATTERNS:
        match = pattern.match(text, at)
        if match:
            return Token(kind, match[0], days), match.end()
    clock = read_clock(text, at)
    if clock:
        return Token("time", clock), at + len(clock)
    if text[at] in _SIGNS:
        return Token(_SIGNS[text[at]], text[at]), at + 1
    if text[at] in _SEPARATORS:
        return Token("end", text[at]), at + 1
    raise UnreadableHours(f"{_piece(text[at:])} is not understood")


def _piece(rest: str) -> str:
    """Quote the word that a rest of text begins with, short and on one line."""
    return repr((re.match(r"\w+", rest) or re.match(r".", rest, re.DOTALL) or [rest])[0][:30])


def _check_letters(tokens: Sequence[Token], text: str) -> None:
    """Refuse M and S where they could mean another day than martes and sábado."""
    letters = {token.text for token in tokens if token.kind == "days"}
    spanish = _SPANISH.search(text) and not _ENGLISH.search(text)
    if "s" in letters and not spanish:
        raise UnreadableHours("'S' could be Saturday or Sunday; write the day out")
    for token, after in pairwise([*tokens, Token("end", "")]):
        if token.text != "m" or token.kind != "days" or "x" in letters:
            continue
        # By Spanish custom M is martes and X miércoles. Without an X in sight, only a range that
        # begins with M ("M-D", closed on Mondays) shows that the custom is followed.
        if not (spanish and after.kind == "range"):
            raise UnreadableHours("'M' could be martes, miércoles or Monday; write the day out")


@dataclass(slots=True)
class _Parser:
    """Reads rules from left to right: days then times, or times then days up to a break."""

    tokens: list[Token]
    at: int = 0

    def read(self) -> Week:
        rules: list[tuple[tuple[int, ...], tuple[Span, ...]]] = []
        while self._skip("end", "and"):
            rules.append(self._rule())
        return _combine(rules)

    def _skip(self, *kinds: str) -> bool:
        """Step over tokens of these kinds; false at the end of the text."""
        while self._kind() in kinds:
            self.at += 1
        return self.at < len(self.tokens)

    def _kind(self, ahead: int = 0) -> str:
        index = self.at + ahead
        return self.tokens[index].kind if index < len(self.tokens) else "none"

    def _rule(self) -> tuple[tuple[int, ...], tuple[Span, ...]]:
        if self._kind() != "days":
            return self._times_first()
        days = self._days()
        if self._kind() == "except":
            self.at += 1
            excepted = self._days()
            if not set(excepted) < set(days):
                raise UnreadableHours("an exception must leave some of the days it is made from")
            days = tuple(day for day in days if day not in excepted)
        if self._kind() == "colon" or (
            self._kind() == "and" and self._kind(1) in {"time", "full", "closed"}
        ):
            self.at += 1
        return days, self._times()

    def _times_first(self) -> tuple[tuple[int, ...], tuple[Span, ...]]:
        """Read "9-14 L-V", "closed Sundays", "except Sundays": days must end at a break."""
        if self._kind() == "except":
            self.at += 1
            spans: tuple[Span, ...] = ()
        else:
            spans = self._times()
        days = self._days()
        after = self._kind(1) if self._kind() == "and" else self._kind()
        if after not in {"end", "none"} and (self._kind() != "and" or after == "days"):
            raise UnreadableHours(f"{self.tokens[self.at].text!r} could belong to two rules")
        return days, spans

    def _days(self) -> tuple[int, ...]:
        days = self._day_range()
        while self._kind() == "and" and self._kind(1) == "days":
            self.at += 1
            days += self._day_range()
        if len(set(days)) < len(days):
            raise UnreadableHours("the same day stands twice in one list")
        return days

    def _day_range(self) -> tuple[int, ...]:
        first = self._take("days", "days are missing").days
        if self._kind() != "range":
            return first
        self.at += 1
        last = self._take("days", "a range of days has no end").days
        if len(first) > 1 or len(last) > 1 or first == last:
            raise UnreadableHours("a range of days must go from one day to another")
        return tuple((first[0] + step) % 7 for step in range((last[0] - first[0]) % 7 + 1))

    def _times(self) -> tuple[Span, ...]:
        if self._kind() in {"closed", "full"}:
            self.at += 1
            return () if self.tokens[self.at - 1].kind == "closed" else (FULL_DAY,)
        spans = [self._span()]
        while self._kind() == "time" or (self._kind() == "and" and self._kind(1) == "time"):
            self.at += self._kind() == "and"
            span = self._span()
            if span.start < spans[-1].end:
                raise UnreadableHours("the times of one day overlap or stand out of order")
            if span.start == spans[-1].end:
                span = Span(spans.pop().start, span.end)
            spans.append(span)
        return tuple(spans)

    def _span(self) -> Span:
        start = self._take("time", "times are missing").text
        self._take("range", f"{start!r} is one time, not a range")
        if self._kind() == "full":
            self.tokens[self.at] = Token("time", "24")
        end = self._take("time", f"{start!r} has no closing time").text
        try:
            return build_span(start, end)
        except Unclear as error:
            raise UnreadableHours(str(error)) from None

    def _take(self, kind: str, complaint: str) -> Token:
        if self._kind() != kind:
            near = f" before {self.tokens[self.at].text!r}" if self._kind() != "none" else ""
            raise UnreadableHours(complaint + near)
        self.at += 1
        return self.tokens[self.at - 1]


def _combine(rules: list[tuple[tuple[int, ...], tuple[Span, ...]]]) -> Week:
    """Lay the rules over the week; a closed day may only be cut out of a wider rule."""
    week: list[tuple[Span, ...] | None] = [None] * 7
    width = [0] * 7
    for days, spans in rules:
        for day in days:
            if week[day] is not None and (spans or (week[day] and width[day] <= len(days))):
                raise UnreadableHours("one day has two sets of hours")
            week[day] = spans
            width[day] = len(days)
    if not any(week):
        raise UnreadableHours("no opening time is given")
    return tuple(spans or () for spans in week)
