"""Which request, client, conversation and turn the lines of a log belong to.

Owns the facts that are bound to whatever is under way; logs nothing. A task begins with what was
bound where it was made, and what it binds itself ends with it.
"""

from collections.abc import Mapping
from contextvars import ContextVar, Token
from types import MappingProxyType

Facts = Mapping[str, object]

_NONE: Facts = MappingProxyType({})
_BOUND: ContextVar[Facts] = ContextVar("facts", default=_NONE)


def bind(**facts: object) -> Token[Facts]:
    """Put facts on every line logged from here on; give what `unbind` takes."""
    return _BOUND.set({**_BOUND.get(), **facts})


def unbind(token: Token[Facts]) -> None:
    """Go back to what was bound before: for a task that outlives what it binds for."""
    _BOUND.reset(token)


def bound() -> Facts:
    """Give what is bound here."""
    return _BOUND.get()
