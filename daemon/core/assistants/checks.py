"""Whether a model's raw text is an answer that may reach a customer. Pure.

Owns the shape of an acceptable answer and nothing before it: how the text came over the wire, and
whether the vendor calls it complete, is each engine's own business.
"""

import json
import re
from dataclasses import dataclass

from daemon.core.assistants.engine import EngineFailed, Reply, Usage

FAQ_ID = re.compile(r"F([1-9][0-9]{0,5})", re.ASCII)
"""A FAQ's number as the instructions write it; six digits are more FAQs than a file can hold."""

KEYS = frozenset({"answer", "faq_ids", "answered", "handoff"})
"""The keys of an answer: all of them, and no other."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer of the right shape, not yet held against the client's FAQs."""

    answer: str
    faq_ids: tuple[str, ...]
    answered: bool
    handoff: bool


def drop_unstorable(text: str) -> str:
    """Drop what neither a database nor UTF-8 can carry: NUL and lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")


def accept_answer(raw_text: str, *, faq_count: int, usage: Usage | None = None) -> Reply:
    """Read the model's JSON as a reply from F1 to F`faq_count`; `usage` rides along either way.

    A reply that is not `answered` carries no text: the client's fallback speaks then.

    Raises:
        EngineFailed: `not_json`, `bad_schema` (the wrong keys or types, or an answer without
            text) or `bad_faq_id` (a FAQ that is not the client's, or an answer without any).

    """
    spent = usage or Usage()
    answer = _parse(raw_text, spent)
    if any(not _is_own(faq_id, faq_count) for faq_id in answer.faq_ids):
        raise EngineFailed("bad_faq_id", "The answer names a FAQ that does not exist.", usage=spent)
    if not answer.answered:
        return Reply("unanswered", handoff=answer.handoff, usage=spent)
    if not answer.faq_ids:
        raise EngineFailed("bad_faq_id", "The answer rests on no FAQ.", usage=spent)
    if not answer.answer.strip():
        raise EngineFailed("bad_schema", "The answer holds no text.", usage=spent)
    return Reply("answered", answer.answer, answer.faq_ids, answer.handoff, spent)


def _parse(raw_text: str, spent: Usage) -> _Answer:
    try:
        data = json.loads(raw_text)
    except (ValueError, RecursionError):
        # Not chained: the decoder keeps the whole text, and a customer's words may be in it.
        raise EngineFailed("not_json", "The answer is not JSON.", usage=spent) from None
    answer = _read_shape(data)
    if answer is None:
        raise EngineFailed("bad_schema", "The answer has not the agreed shape.", usage=spent)
    return answer


def _read_shape(data: object) -> _Answer | None:
    if not isinstance(data, dict) or data.keys() != KEYS:
        return None
    text, ids = data["answer"], data["faq_ids"]
    answered, handoff = data["answered"], data["handoff"]
    if not isinstance(text, str) or not isinstance(ids, list):
        return None
    if not isinstance(answered, bool) or not isinstance(handoff, bool):
        return None
    if not all(isinstance(faq_id, str) for faq_id in ids):
        return None
    return _Answer(drop_unstorable(text), tuple(dict.fromkeys(ids)), answered, handoff)


def _is_own(faq_id: str, faq_count: int) -> bool:
    number = FAQ_ID.fullmatch(faq_id)
    return number is not None and int(number[1]) <= faq_count
