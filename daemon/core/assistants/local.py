"""The engine that needs no key: answers from the FAQs by matching their spelling.

Owns the conversation around the matcher: greeting, thanks, "did you mean" and the choice from it.
An answer is always a FAQ's own, word for word. Calls nobody and keeps no customer's text.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from weakref import WeakValueDictionary

from daemon.core.assistants import smalltalk
from daemon.core.assistants.engine import AssistantVersion, Question, Reply
from daemon.core.assistants.matching import MAX_CANDIDATES, Match, Matcher, decide
from daemon.core.faqs import Faq

KEPT_MATCHERS = 256
"""Assistant versions kept indexed; about 0.3 MB each with 30 FAQs."""

THREADED_FROM = 200
"""FAQs from which a customer's words are held against them in a thread: where all of them have
words in common that takes 20 ms for 2,000, and 0.2 s for 20,000, in which nobody else is heard. For
30 it takes less than a thread would cost. A thread of the engine's own, because names are looked up
in those that all share; one, because Python lets one calculate at a time."""

SHOWN_QUESTION_CHARS = 200
"""How much of a question a list shows, so that three of them fit any message."""

_VersionKey = tuple[str, int]
"""An Assistant's id and the number of its version."""

_LIST_LINE = re.compile(r"^[1-9]\. (.+)$", re.MULTILINE)


class LocalEngine:
    """An `Engine` of our own; one instance serves every client of an event loop."""

    name = "local"
    calls_model = False

    def __init__(self, *, kept_matchers: int = KEPT_MATCHERS) -> None:
        """Start with nothing indexed."""
        self._kept = kept_matchers
        self._matchers: OrderedDict[_VersionKey, Matcher] = OrderedDict()
        self._building: dict[_VersionKey, asyncio.Lock] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="matching")
        self._searching: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def answer(self, question: Question) -> Reply:
        """Answer from the question's own FAQs; fails never."""
        reply = _answer_choice(question) or _answer_small_talk(question)
        if reply is not None:
            return reply
        faqs = question.assistant.faqs
        matcher = await self._matcher(question.assistant)
        decision = decide(await self._rank(matcher, question))
        if decision.outcome == "answered":
            return _give(faqs, decision.indexes[0])
        if decision.outcome == "clarify":
            return _ask_which(faqs, decision.indexes, question.locale)
        return Reply("unanswered")

    async def close(self) -> None:
        """Forget the indexes, and end the thread."""
        self._matchers.clear()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _rank(self, matcher: Matcher, question: Question) -> tuple[Match, ...]:
        if len(question.assistant.faqs) < THREADED_FROM:
            return matcher.rank(question.text)
        # One of a client's at a time: the next stands behind those of other clients.
        lock = self._searching.setdefault(question.assistant.assistant_id, asyncio.Lock())
        async with lock:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, matcher.rank, question.text)

    async def _matcher(self, assistant: AssistantVersion) -> Matcher:
        key = (assistant.assistant_id, assistant.version)
        if key not in self._matchers:
            # A crowd of customers of one client would else index it once each.
            async with self._building.setdefault(key, asyncio.Lock()):
                await self._index(key, assistant)
            self._building.pop(key, None)
        self._matchers.move_to_end(key)
        return self._matchers[key]

    async def _index(self, key: _VersionKey, assistant: AssistantVersion) -> None:
        if key in self._matchers:
            return
        # In a thread: 30 FAQs take 10 ms to index, 2,000 take 0.4 s.
        matcher = await asyncio.to_thread(Matcher, assistant.faqs)
        while len(self._matchers) >= self._kept:
            self._matchers.popitem(last=False)
        self._matchers[key] = matcher


def _answer_choice(question: Question) -> Reply | None:
    """Take the message as an answer to the list that went before it; None where it is none."""
    faqs, offered = question.assistant.faqs, _find_offered(question)
    if not offered:
        return None
    place = smalltalk.read_choice(question.text, len(offered))
    if place is not None:
        return _give(faqs, offered[place])
    return Reply("unanswered") if smalltalk.declines(question.text) else None


def _answer_small_talk(question: Question) -> Reply | None:
    """Answer what asks for no FAQ: a call for a person, thanks, a bare greeting."""
    if smalltalk.asks_for_person(question.text):
        return Reply("unanswered", handoff=True)
    phrases = smalltalk.phrases_for(question.locale)
    if smalltalk.is_thanks(question.text):
        return Reply("clarify", phrases.welcome)
    if smalltalk.is_greeting(question.text):
        return _offer_help(question.assistant.faqs, phrases)
    return None


def _find_offered(question: Question) -> list[int]:
    """Find which FAQs the last message of ours listed, in the order of its numbers."""
    lines = _LIST_LINE.findall(question.history[-1].bot) if question.history else []
    if not lines:
        return []
    by_shown = {_show(faq): index for index, faq in enumerate(question.assistant.faqs)}
    return [by_shown[line] for line in lines if line in by_shown]


def _give(faqs: Sequence[Faq], index: int) -> Reply:
    return Reply("answered", faqs[index].answer, _ids([index]))


def _ask_which(faqs: Sequence[Faq], indexes: Sequence[int], locale: str) -> Reply:
    phrases = smalltalk.phrases_for(locale)
    listed = [_show(faqs[index]) for index in indexes]
    text = smalltalk.write_list([phrases.meant], listed, phrases.choose)
    return Reply("clarify", text, _ids(indexes))


def _offer_help(faqs: Sequence[Faq], phrases: smalltalk.Phrases) -> Reply:
    if not faqs:
        return Reply("clarify", phrases.help)
    listed = [_show(faq) for faq in faqs[:MAX_CANDIDATES]]
    return Reply("clarify", smalltalk.write_list([phrases.help, phrases.example], listed))


def _show(faq: Faq) -> str:
    """Put a question on one line of a list."""
    line = " ".join(faq.question.split())
    cut = len(line) > SHOWN_QUESTION_CHARS
    return f"{line[: SHOWN_QUESTION_CHARS - 1]}…" if cut else line


def _ids(indexes: Sequence[int]) -> tuple[str, ...]:
    return tuple(f"F{index + 1}" for index in indexes)
