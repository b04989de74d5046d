"""REFs as people type them: what a mistyped one was probably meant to be.

Which client a REF fits is the core's to decide; this only looks at what is close.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches

from daemon.core.errors import NotFound, ReleasedError
from released_cli.admin import Admin, Document

CLOSE_NAME = 0.6
"""How alike two names are, from 0 to 1, before one is taken for a slip of the other."""

CLOSE_NUMBER = 0.85
"""The same for numbers, of which any two have much in common."""

MIN_PART = 3
"""Characters of a part of a name that say enough."""

REF_LIMIT = 200
"""Characters of a REF; no name, number or id has more."""


@contextmanager
def suggesting(office: Admin, ref: str | None) -> Iterator[None]:
    """Let a refusal of `ref` name the client that it comes closest to.

    Raises:
        NotFound: instead of the one raised inside.

    """
    try:
        yield
    except NotFound:
        close = None if ref is None else _look(office, ref)
        if close is None:
            raise
        raise NotFound(
            f"There is no client {ref!r}. Did you mean {close['name']!r} (client {close['id']})?"
            " `released client list` shows them all."
        ) from None


def refuse_impossible(ref: str | None) -> None:
    """Say of what no name can be, and what the API would call a wrong query, that it is nobody."""
    if ref is not None and not 0 < len(ref) <= REF_LIMIT:
        raise NotFound(f"There is no client {ref!r}. `released client list` shows them all.")


def find_close(ref: str, clients: Sequence[Document]) -> Document | None:
    """Find the client whose name or number is closest to `ref`, or None where none is close."""
    asked = ref.strip().casefold()
    if not any(char.isalpha() for char in asked):
        numbers = {
            _digits(client[key]): client
            for key in ("phone_number", "phone_number_id")
            for client in clients
        }
        return _pick(numbers, _digits(asked), CLOSE_NUMBER)
    names = {client["name"].casefold(): client for client in clients}
    holders = [name for name in names if asked in name] if len(asked) >= MIN_PART else []
    if holders:
        return names[holders[0]] if len(holders) == 1 else None
    return _pick(names, asked, CLOSE_NAME)


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())


def _pick(known: dict[str, Document], asked: str, cutoff: float) -> Document | None:
    close = get_close_matches(asked, known, n=1, cutoff=cutoff)
    return known[close[0]] if close else None


def _look(office: Admin, ref: str) -> Document | None:
    try:
        return find_close(ref, office.list_clients())
    except ReleasedError:
        # A hint that cannot be had must not take the refusal's place.
        return None
