"""The shapes of reports over HTTP, and of the queries that ask for them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from daemon.api.models import Digits, InboxDepth, Ref, as_sent
from daemon.core.events import CURSOR_LIMIT
from daemon.core.store.turn_entries import Only

SEARCH_CHARS = 200
"""Characters of a search: longer than what anybody looks for."""


class DaemonStatus(BaseModel):
    """Whether the daemon works, and since when."""

    state: Literal["running", "down"]
    since: str | None


class DatabaseStatus(BaseModel):
    """Bytes of the database, and left on its disk; null for a token that sees one client."""

    bytes: int | None
    free_bytes: int | None


class InboxStatus(InboxDepth):
    """How much waits, and how many sends are in doubt: Meta may have taken them, or not."""

    in_doubt: int


class ClientStatus(BaseModel):
    """How a client stands.

    `with_person` and `asked_to_stop` are conversations in which the bot says nothing: somebody has
    them in charge, or their customer has asked for it. `last_answer_at` is the last turn, whatever
    it told the customer; `answers_24h` and `unanswered_24h` together are the turns of a day, by
    what the bot made of them: one that is not sent yet counts, and so does one that is parked.
    """

    id: int
    name: str
    state: Literal["active", "inactive", "stopped"]
    pending: int
    parked: int
    last_message_at: str | None
    last_answer_at: str | None
    answers_24h: int
    unanswered_24h: int
    with_person: int
    asked_to_stop: int


class AlertDocument(BaseModel):
    """What needs somebody, and the command to run next."""

    level: Literal["warning", "error"]
    client_id: int | None
    text: str
    next: str


class Status(BaseModel):
    """How everything is."""

    version: str
    time: str
    daemon: DaemonStatus
    database: DatabaseStatus
    inbox: InboxStatus
    clients: list[ClientStatus]
    alerts: list[AlertDocument]


class LogPage(BaseModel):
    """Which turns to list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client: Ref | None = Field(default=None, json_schema_extra=as_sent)
    q: Annotated[str, Field(min_length=1, max_length=SEARCH_CHARS)] | None = Field(
        default=None, json_schema_extra=as_sent
    )
    only: Only | None = Field(default=None, json_schema_extra=as_sent)
    limit: Digits = Field(default=20, ge=1, le=1000)


class TurnDocument(BaseModel):
    """What was asked and what was answered; the texts are null once they are too old to be kept.

    `handoff`: the customer asked for a person.
    """

    id: int
    at: str
    client_id: int
    customer: str
    question: str | None
    answer: str | None
    outcome: str
    cause: str | None
    handoff: bool
    engine: str
    model: str | None
    assistant_version: int
    faq_ids: list[str]
    latency_ms: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    state: (
        Literal[
            "queued",
            "sending",
            "in_doubt",
            "sent",
            "delivered",
            "read",
            "failed",
            "parked",
            "withdrawn",
        ]
        | None
    )


class EventsPage(BaseModel):
    """From where on to read events."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: Annotated[str, Field(min_length=1, max_length=CURSOR_LIMIT)] | None = Field(
        default=None, json_schema_extra=as_sent
    )
    limit: Digits = Field(default=100, ge=1, le=1000)


class _Event(BaseModel):
    at: str
    kind: str
    client_id: int
    client: str


class MessageReceived(_Event):
    """A customer wrote."""

    kind: Literal["message.received"]
    inbox_id: int
    type: str


class MessageParked(_Event):
    """A message was put aside for an operator."""

    kind: Literal["message.parked"]
    inbox_id: int
    error: str | None


class TurnMade(_Event):
    """An answer was made, or the fallback chosen; `handoff`: the customer asked for a person."""

    kind: Literal["turn.answered", "turn.unanswered"]
    turn_id: int
    outcome: str
    cause: str | None
    handoff: bool
    latency_ms: int


class SendChanged(_Event):
    """Meta took a message of an answer, or told what became of it."""

    kind: Literal["send.accepted", "send.delivered", "send.read", "send.failed"]
    outbox_id: str
    turn_id: int
    error: str | None


class ConversationChanged(_Event):
    """The bot says nothing in a conversation from now on, or answers again; `cause` says why not.

    It is `person`, `stopped` (by its customer) or `loop`.
    """

    kind: Literal["conversation.paused", "conversation.resumed"]
    conversation_id: int
    cause: str | None


class ClientChanged(_Event):
    """Somebody changed a client; the audit trail has the fields."""

    kind: Literal["client.changed"]
    action: str
    actor: str


class Events(BaseModel):
    """Events in order, and the cursor to ask for the next ones with."""

    cursor: str
    events: list[
        Annotated[
            MessageReceived
            | MessageParked
            | TurnMade
            | SendChanged
            | ConversationChanged
            | ClientChanged,
            Field(discriminator="kind"),
        ]
    ]


class AuditPage(BaseModel):
    """Which changes to list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client: Ref | None = Field(default=None, json_schema_extra=as_sent)
    limit: Digits = Field(default=50, ge=1, le=1000)


class AuditDocument(BaseModel):
    """Who changed what, from where, with the fields before and after."""

    id: int
    at: str
    actor: str
    origin: str
    action: str
    client_id: int | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
