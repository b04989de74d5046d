"""What there is to know of one address: how it is served, who may call, how it is described."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from daemon.api.problems import Handler

Reach = Literal["client", "message", "filtered", "all"]
"""What an address concerns, for a token that is limited to one client.

`client`: the one whose id stands in the path; `message`: the client whose message's id stands
there; another's is 404 to such a token. `filtered`: a list that the handler narrows to the token's
client (`auth.client_limit_of`). `all`: what concerns every client, and is 403 to such a token.
"""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    `answer` None: no body, or one of another `kind`. `takes` and `tells` name the headers of a call
    and of its answer, with what they are for; `may_tell` those that only some answers have.
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
    may_tell: Mapping[str, str] = field(default_factory=dict)
    reach: Reach = "all"
    needs_body: bool = True

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (self.handler.__doc__ or "").strip().splitlines()[0]
