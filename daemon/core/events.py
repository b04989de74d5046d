"""Events as they happen, read page by page with a cursor that loses none and doubles none.

A cursor holds where the reader stands in each source of `store.event_feed`. Every source only ever
grows at its end, so what is written between two pages comes in the next. Events carry no text.
"""

import base64
import heapq
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from daemon.core.documents import timestamp
from daemon.core.errors import FieldProblem, Invalid
from daemon.core.store import event_feed
from daemon.core.store.engine import Connection
from daemon.core.store.event_feed import Happening

CURSOR_LIMIT = 200
"""Characters; numbers of an id's length need 110."""

_VERSION = "1"
_DIGITS_LIMIT = 18


def read_events(
    conn: Connection, *, after: str | None, limit: int, now: float, client_id: int | None = None
) -> dict[str, Any]:
    """Describe up to `limit` events after a cursor, oldest first, and give the next cursor.

    Without `after` there are none, and the cursor is of now. With `client_id` only that client's.

    Raises:
        Invalid: when the cursor is none of ours, of another database, or so old that events after
            it are no longer kept.

    """
    ends = event_feed.newest_places(conn)
    if after is None:
        return {"cursor": _write_cursor(ends), "events": []}
    places = _read_cursor(after)
    _refuse_lost(conn, places, ends)
    pages = event_feed.read_after(conn, places, client_id=client_id, limit=limit)
    taken = _take_oldest(pages, limit)
    names = event_feed.read_names(conn, {event.client_id for _, event in taken})
    return {
        "cursor": _write_cursor(_advance(places, ends, pages, taken, limit)),
        "events": [_event_document(event, names, now=now) for _, event in taken],
    }


_Pages = Sequence[Sequence[Happening]]
_Taken = Sequence[tuple[int, Happening]]


def _take_oldest(pages: _Pages, limit: int) -> _Taken:
    """Take the oldest events over all sources, from each only the first so many."""
    tagged = [[(source, event) for event in page] for source, page in enumerate(pages)]
    return list(islice(heapq.merge(*tagged, key=lambda pair: pair[1].at), limit))


def _advance(
    places: Sequence[int], ends: Sequence[int], pages: _Pages, taken: _Taken, limit: int
) -> list[int]:
    """Tell where the reader stands after what was taken."""
    reached = list(places)
    for source, event in taken:
        reached[source] = event.place
    for source, page in enumerate(pages):
        is_end = len(page) < limit
        if is_end and (not page or reached[source] == page[-1].place):
            # Rows that were looked at in vain are behind the reader too.
            reached[source] = ends[source]
    return reached


def _refuse_lost(conn: Connection, places: Sequence[int], ends: Sequence[int]) -> None:
    if any(place > end for place, end in zip(places, ends, strict=True)):
        raise _bad("is of another database")
    if event_feed.oldest_change(conn) > places[event_feed.CHANGES] + 1:
        raise _bad("is so old that events after it are no longer kept")


def _write_cursor(places: Sequence[int]) -> str:
    text = ".".join([_VERSION, *map(str, places)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> list[int]:
    if len(cursor) > CURSOR_LIMIT:
        raise _bad("is not one that was given")
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except ValueError:
        raise _bad("is not one that was given") from None
    version, *numbers = text.split(".")
    are_places = all(number.isdigit() and len(number) <= _DIGITS_LIMIT for number in numbers)
    if version != _VERSION or len(numbers) != event_feed.SOURCES or not are_places:
        raise _bad("is not one that was given")
    return [int(number) for number in numbers]


def _bad(reason: str) -> Invalid:
    return Invalid(
        f"The cursor {reason}. Without one, `released listen` begins with what happens from now.",
        problems=(FieldProblem("after", reason),),
    )


def _event_document(event: Happening, names: Mapping[int, str], *, now: float) -> dict[str, Any]:
    return {
        # A status has Meta's time, and nothing has happened later than now.
        "at": timestamp(min(event.at, now)),
        "kind": event.kind,
        "client_id": event.client_id,
        "client": names.get(event.client_id),
        **event.facts,
    }
