"""Which FAQ a customer means, by spelling alone: no model, no network, no key. Pure.

Character 3- to 5-gram tf-idf, applied word by word: each word of the customer's is compared with
the words of the FAQs, weighed by how rare it is. A word that no FAQ knows weighs most of all, so
that "how much is an iPhone" is not taken for the price of the menu. Owns the scores and the
decision; the words of a reply are `local`'s.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from daemon.core.assistants.vocabulary import (
    CONCEPT_OF,
    CONCEPTS,
    DAYS,
    STOP_WORDS,
    content_words,
    read_words,
    spelled_alike,
)
from daemon.core.faqs import Faq

SIZES = (3, 4, 5)
"""Lengths of the character grams; shorter ones join words that have nothing in common."""

IN_QUESTION, BY_SYNONYM, IN_ANSWER, SYNONYM_IN_ANSWER = 1.0, 0.85, 0.4, 0.3
"""How well a FAQ fits a word: its question has it, or a synonym; its answer has it, or one."""

ALIKE_FROM = 0.45
"""Gram similarity below which two words are strangers; chance overlap ends here."""

SLIP_COST = 1.6
"""A word with one slip is 1 - SLIP_COST / length like the right one: long words bear slips."""

SLIP_LENGTH = 5
"""Letters below which one slip makes another word ("mesa", "misa")."""

SHORTENED = 0.7
"""How like a word is its beginning alone ("fisio"), from SLIP_LENGTH letters on."""

BREADTH = 0.25
"""The share of the score that asks how much of the FAQ's own question was said."""

ANSWER_FROM, MARGIN, CLARIFY_FROM, CLOSE_TO_BEST = 0.62, 0.1, 0.2, 0.55
"""Answer from this score and this lead on; ask from this score on, about all near the best.
Tuned on the tables of tests/unit/test_matching.py: no off-topic message may be answered."""

MAX_CANDIDATES = 3

MAX_STRANGERS = 2
"""How many unknown words count: a long story around a question must not drown it."""


@dataclass(frozen=True, slots=True)
class Match:
    """A FAQ by its place in the file (0 is F1), and how well it fits, from 0 to 1."""

    index: int
    score: float


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do: `answered` has one index, `clarify` one to three, best first, `lost` none."""

    outcome: Literal["answered", "clarify", "lost"]
    indexes: tuple[int, ...] = ()


def decide(matches: Sequence[Match]) -> Decision:
    """Answer only with a good score and a clear lead; else ask; else say nothing."""
    if not matches or matches[0].score < CLARIFY_FROM:
        return Decision("lost")
    best = matches[0]
    second = matches[1].score if len(matches) > 1 else 0.0
    if best.score >= ANSWER_FROM and best.score - second >= MARGIN:
        return Decision("answered", (best.index,))
    least = max(CLARIFY_FROM, best.score * CLOSE_TO_BEST)
    near = tuple(match.index for match in matches[:MAX_CANDIDATES] if match.score >= least)
    return Decision("clarify", near)


class Matcher:
    """The FAQs of one assistant version, indexed; immutable, so threads may share it."""

    def __init__(self, faqs: Sequence[Faq]) -> None:
        """Index the FAQs; about 0.1 ms each."""
        self._questions = [content_words(faq.question) for faq in faqs]
        self._fits = _index_words(faqs, self._questions)
        self._names_days = any(DAYS.intersection(words) for words in self._questions)
        self._rarity = {word: _rarity(fits, len(faqs)) for word, fits in self._fits.items()}
        self._unknown = math.log(1 + 2 * len(faqs))
        by_gram: dict[str, list[str]] = defaultdict(list)
        for word in self._fits:
            for gram in _grams(word):
                by_gram[gram].append(word)
        self._by_gram = dict(by_gram)
        count = len(self._fits)
        self._squares = {g: _square(count, len(words)) for g, words in self._by_gram.items()}
        self._stranger = _square(count, 0.5)
        self._norms = {word: self._norm(_grams(word)) for word in self._fits}

    def rank(self, text: str) -> tuple[Match, ...]:
        """Give every FAQ that fits at all, best first; ties keep the file's order."""
        said: dict[int, float] = defaultdict(float)
        known: dict[str, float] = {}
        total, strangers = 0.0, 0
        for word in content_words(text):
            if word in DAYS and not self._names_days:
                continue
            alike = self._find_alike(word)
            strangers += not alike
            if strangers > MAX_STRANGERS and not alike:
                continue
            weight = self._weigh(alike)
            total += weight
            for index, fit in self._fit(alike).items():
                said[index] += weight * fit
            for near, likeness in alike.items():
                known[near] = max(likeness, known.get(near, 0.0))
        meant = {CONCEPT_OF[word] for word in known if word in CONCEPT_OF}
        matches = (
            Match(
                index,
                amount / total * (1 - BREADTH + BREADTH * self._breadth(index, known, meant)),
            )
            for index, amount in said.items()
        )
        return tuple(sorted(matches, key=lambda match: (-match.score, match.index)))

    def _find_alike(self, word: str) -> dict[str, float]:
        """Find the FAQs' words that this one may stand for, each with its likeness up to 1."""
        grams = _grams(word)
        shared: dict[str, float] = defaultdict(float)
        for gram in grams:
            for near in self._by_gram.get(gram, ()):
                shared[near] += self._squares[gram]
        norm = self._norm(grams)
        may_slip = len(word) >= SLIP_LENGTH and word not in self._fits and word not in CONCEPT_OF
        alike = {}
        for near, amount in shared.items():
            likeness = amount / (norm * self._norms[near])
            if may_slip and near[0] == word[0] and spelled_alike(word, near):
                likeness = max(likeness, 1 - SLIP_COST / len(word))
            if may_slip and near.startswith(word):
                likeness = max(likeness, SHORTENED)
            if likeness >= ALIKE_FROM:
                alike[near] = min(1.0, likeness)
        return alike

    def _fit(self, alike: dict[str, float]) -> dict[int, float]:
        """Say how well each FAQ fits one word of the customer's."""
        fits: dict[int, float] = defaultdict(float)
        for near, likeness in alike.items():
            for index, fit in self._fits[near].items():
                fits[index] = max(fits[index], likeness * fit)
        return fits

    def _weigh(self, alike: dict[str, float]) -> float:
        """Weigh one word of the customer's by its rarity; the less known it is, the more."""
        if not alike:
            return self._unknown
        near, likeness = max(alike.items(), key=lambda item: item[1])
        return likeness * self._rarity[near] + (1 - likeness) * self._unknown

    def _breadth(self, index: int, known: dict[str, float], meant: set[int]) -> float:
        """Say how much of a FAQ's question the customer's words cover, from 0 to 1."""
        total = covered = 0.0
        for word in self._questions[index]:
            synonym = BY_SYNONYM if CONCEPT_OF.get(word) in meant else 0.0
            total += self._rarity[word]
            covered += self._rarity[word] * max(known.get(word, 0.0), synonym)
        return covered / total if total else 0.0

    def _norm(self, grams: Iterable[str]) -> float:
        return math.sqrt(sum(self._squares.get(gram, self._stranger) for gram in grams))


def _square(count: int, having: float) -> float:
    """Give the squared idf of a gram that so many of all words have."""
    return math.log(1 + count / having) ** 2


def _grams(word: str) -> set[str]:
    edged = f"_{word}_"
    return {edged[at : at + n] for n in SIZES for at in range(len(edged) - n + 1)}


def _index_words(faqs: Sequence[Faq], questions: list[list[str]]) -> dict[str, dict[int, float]]:
    """Give for each word the FAQs it fits, and how well."""
    fits: dict[str, dict[int, float]] = defaultdict(dict)
    for index, (faq, question) in enumerate(zip(faqs, questions, strict=True)):
        answer = [word for word in set(read_words(faq.answer)) if word not in STOP_WORDS]
        for words, fit, by_synonym in (
            (question, IN_QUESTION, BY_SYNONYM),
            (answer, IN_ANSWER, SYNONYM_IN_ANSWER),
        ):
            concepts = {CONCEPT_OF[word] for word in words if word in CONCEPT_OF}
            synonyms = [word for concept in concepts for word in CONCEPTS[concept]]
            for group, value in ((words, fit), (synonyms, by_synonym)):
                for word in group:
                    fits[word][index] = max(value, fits[word].get(index, 0.0))
    return dict(fits)


def _rarity(fits: dict[int, float], count: int) -> float:
    """Weigh a word by how few FAQs it fits: the idf of tf-idf."""
    return math.log(1 + count / max(1.0, sum(fits.values())))
