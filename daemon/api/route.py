"""What there is to know of one address: how it is served, and how it is described."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from daemon.api.problems import Handler


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    `answer` None: no body, or one of another `kind`. `takes` and `tells` name the headers of a call
    and of its answer, with what they are for.
    """

    method: str
    path: str
    handler: Handler
    answer: Any = None
    body: Any = None
    query: type[BaseModel] | None = None
    status: int = 200
    errors: tuple[int, ...] = ()
    is_open: bool = False
    kind: str | None = None
    takes: Mapping[str, str] = field(default_factory=dict)
    tells: Mapping[str, str] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (self.handler.__doc__ or "").strip().splitlines()[0]
