"""What every answering engine takes and gives; no engine lives here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from daemon.core.errors import ReleasedError
from daemon.core.faqs import Faq

Outcome = Literal["answered", "clarify", "unanswered"]


@dataclass(frozen=True, slots=True)
class AssistantVersion:
    """One immutable version of a client's Assistant; `faqs` stand in file order, F1 first."""

    assistant_id: str
    version: int
    instructions: str
    faqs: tuple[Faq, ...]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One earlier turn of the same conversation, oldest first in a history."""

    customer: str
    bot: str


async def unpaced() -> None:
    """Let a call pass at once."""


def unheeded(_failed: "EngineFailed") -> None:
    """Let a call that is tried again be nobody's business."""


@dataclass(frozen=True, slots=True)
class Question:
    """All an engine may know of one turn.

    `situation` is one line that changes from turn to turn (local time, open or closed); it is kept
    out of the instructions so that these stay byte-stable. `customer_hash` identifies the
    customer to the vendor without naming them. `pace` is awaited before a model is called again: it
    keeps the client's calls to OPENAI_RPS_PER_CLIENT, of which the first is counted already. `heed`
    is told each failed call that is followed by another: the last one's failure is raised.
    """

    client_id: int
    assistant: AssistantVersion
    text: str
    situation: str
    locale: str
    customer_hash: str
    history: tuple[Exchange, ...] = ()
    pace: Callable[[], Awaitable[None]] = unpaced
    heed: Callable[["EngineFailed"], None] = unheeded


@dataclass(frozen=True, slots=True)
class Usage:
    """What one answer took; tokens are 0 where no model was called, cost is in US dollars."""

    model: str | None = None
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A checked answer.

    `answered`: `text` goes to the customer as it stands. `clarify`: `text` asks the customer which
    of several FAQs they mean. `unanswered`: `text` is empty and the client's fallback goes out.
    """

    outcome: Outcome
    text: str = ""
    faq_ids: tuple[str, ...] = ()
    handoff: bool = False
    usage: Usage = field(default_factory=Usage)


class EngineFailed(ReleasedError):
    """The engine gave no acceptable answer.

    `cause` is a short stable word for metrics and the turn's record (`timeout`, `rate_limited`,
    `quota`, `key`, `server`, `connection`, `not_json`, `refusal`, `incomplete`, `bad_faq_id`,
    `bad_schema`, `bad_request`). `alert` is true where the operator must act (quota, key). `status`
    is the HTTP status of a server that refused, None where none did.
    """

    def __init__(
        self,
        cause: str,
        message: str,
        *,
        alert: bool = False,
        usage: Usage | None = None,
        status: int | None = None,
    ) -> None:
        """Keep what was spent all the same, where the vendor told."""
        super().__init__(message)
        self.cause = cause
        self.alert = alert
        self.usage = usage or Usage()
        self.status = status


class Engine(Protocol):
    """Turns a question into a checked reply.

    `answer` raises `EngineFailed` and nothing else of its own; the caller holds it under the answer
    deadline (`asyncio.timeout`) and may cancel it at any time.
    """

    name: str
    calls_model: bool
    """Whether an answer costs a call that OPENAI_RPS_PER_CLIENT must pace."""

    async def answer(self, question: Question) -> Reply:
        """Answer from the question's own FAQs only."""
        ...

    async def close(self) -> None:
        """Give back connections; the engine is not used after it."""
        ...
