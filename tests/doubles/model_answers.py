"""What the model server says: the FAQ that shares most words with the question. Pure."""

import json
import re
import unicodedata

PERSON_WORDS = frozenset({"persona", "humano", "agente", "person", "human", "agent", "empleado"})
"""Words by which a customer asks for a person."""

FAQ_BLOCK = re.compile(
    r"^(F\d+)\n  Question: (.*(?:\n    .*)*)\n  Answer: (.*(?:\n    .*)*)", re.MULTILINE
)
"""One FAQ of the instructions: its number, question and answer."""

SHORTEST_WORD = 4
"""Letters below which a word says nothing about the topic."""


def read_faqs(instructions: str) -> dict[str, tuple[str, str]]:
    """Find the FAQs in instructions: number -> question and answer, in the order they stand.

    Written against the layout a model sees, on purpose without the code that makes it.
    """
    faqs = {}
    block = re.compile(
        r"^(F\d+)\n  Question: (.*(?:\n    .*)*)\n  Answer: (.*(?:\n    .*)*)", re.MULTILINE
    )
    for number, question, answer in block.findall(instructions):
        faqs[number] = (question.replace("\n    ", "\n"), answer.replace("\n    ", "\n"))
    return faqs


def pick_answer(instructions: str, asked: str) -> str:
    """Answer in the agreed JSON with the best FAQ's own answer, or not at all."""
    words = _words(asked)
    handoff = not words.isdisjoint(PERSON_WORDS)
    faqs = read_faqs(instructions)
    scores = {
        number: (len(words & _words(question)), len(words & _words(answer)))
        for number, (question, answer) in faqs.items()
    }
    best = max(scores, key=lambda number: scores[number], default=None)
    if best is None or scores[best] == (0, 0):
        return write_answer("", [], answered=False, handoff=handoff)
    return write_answer(faqs[best][1], [best], answered=True, handoff=handoff)


def write_answer(answer: str, faq_ids: list[str], *, answered: bool, handoff: bool = False) -> str:
    """Write the JSON that the schema asks for."""
    return json.dumps(
        {"answer": answer, "faq_ids": faq_ids, "answered": answered, "handoff": handoff},
        ensure_ascii=False,
    )


def _words(text: str) -> set[str]:
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return {word for word in re.findall(r"\w+", letters) if len(word) >= SHORTEST_WORD}
