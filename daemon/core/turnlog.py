"""The log of turns: what customers asked and what they were answered, newest last.

Owns the search through it and the document of one turn. Nothing of it goes into the daemon's own
logs.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from daemon.core.documents import timestamp
from daemon.core.store.engine import Connection
from daemon.core.store.turn_entries import (
    Only,
    Said,
    TurnEntry,
    newest_ids,
    read_entries,
    read_said,
)

PAGE = 500
"""Turns looked through in one go."""

SEARCH_LIMIT = 20_000
"""Newest turns that a search looks at: about a second of one reader."""

_PROGRESS = (
    "parked",
    "failed",
    "in_doubt",
    "sending",
    "queued",
    "withdrawn",
    "sent",
    "delivered",
    "read",
)
"""States of a send, from what needs somebody most to what has come furthest."""


def list_turns(
    conn: Connection,
    *,
    client_id: int | None,
    query: str | None,
    only: Only | None = None,
    limit: int,
) -> list[dict[str, Any]]:
    """Describe the newest turns, oldest first: of a client or of all, `only` some of them.

    With `query` those whose question or answer has it, whatever the case, among the newest
    SEARCH_LIMIT of them.
    """
    wanted = None if query is None else _fold(query)
    found: dict[int, Said] = {}
    reach = limit if query is None else SEARCH_LIMIT
    for page in _pages(conn, client_id, only, reach):
        said = read_said(conn, page)
        chosen = [turn_id for turn_id in page if wanted is None or _has(said[turn_id], wanted)]
        found |= {turn_id: said[turn_id] for turn_id in chosen[: limit - len(found)]}
        if len(found) == limit:
            break
    entries = [entry for ids in _slices(sorted(found)) for entry in read_entries(conn, ids)]
    return [_turn_document(entry, found[entry.id]) for entry in entries]


def sending_state(sends: Sequence[tuple[str, str | None]]) -> str | None:
    """Say how the sending of an answer stands, from (state, status) of its messages.

    The worst or, where all is well, the one least far; None when there was nothing to send.
    """
    states = {_state_of(state, status) for state, status in sends}
    return min(states, key=_PROGRESS.index, default=None)


def _state_of(state: str, status: str | None) -> str:
    if state != "sent":
        return state
    told = "read" if status == "played" else status
    return told if told in _PROGRESS else state


def _pages(
    conn: Connection, client_id: int | None, only: Only | None, reach: int
) -> Iterator[list[int]]:
    before = None
    while reach > 0:
        size = min(PAGE, reach)
        page = newest_ids(conn, client_id=client_id, only=only, before=before, limit=size)
        if not page:
            return
        yield page
        before = page[-1]
        reach -= len(page)


def _slices(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), PAGE):
        yield ids[start : start + PAGE]


def _has(said: Said, wanted: str) -> bool:
    # Not SQL's LIKE, which knows no case beyond ASCII.
    return any(wanted in _fold("\n".join(texts)) for texts in (said.questions, said.answers))


def _fold(text: str) -> str:
    # Composed, because one phone writes é as one character and another as two.
    return unicodedata.normalize("NFC", text).casefold()


def _turn_document(entry: TurnEntry, said: Said) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": timestamp(entry.at),
        "client_id": entry.client_id,
        "customer": entry.customer,
        "question": "\n".join(said.questions) if said.questions else None,
        "answer": "\n".join(said.answers) if said.answers else None,
        "outcome": entry.outcome,
        "cause": entry.cause,
        "handoff": entry.handoff,
        "engine": entry.engine,
        "model": entry.model,
        "assistant_version": entry.assistant_version,
        "faq_ids": list(entry.faq_ids),
        "latency_ms": entry.latency_ms,
        "input_tokens": entry.input_tokens,
        "output_tokens": entry.output_tokens,
        "cost_usd": entry.cost_usd,
        "state": sending_state(said.sends),
    }
