"""The shapes over HTTP of what concerns a person: what is held, its erasure, who talks to them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from daemon.core.handovers import LONGEST_HOURS, PAUSE_HOURS


class ContactConversation(BaseModel):
    """By which ids a customer is known, and since when; times are null while there are none.

    Until `paused_until` the bot says nothing because of `paused_by`; what is past is over. It is
    null while a customer's stop lasts, which has no end.
    """

    id: int
    user_id: str | None
    wa_id: str | None
    welcomed_at: str | None
    paused_until: str | None
    paused_by: str | None
    created_at: str


class ContactMessage(BaseModel):
    """What the customer wrote; the text is null where it is too old to be kept or was none."""

    id: int
    wamid: str
    type: str
    text: str | None
    sent_at: str
    received_at: str
    state: str
    attempts: int
    error: str | None
    turn_id: int | None


class ContactAnswer(BaseModel):
    """What the customer was sent."""

    id: str
    turn_id: int
    text: str | None
    state: str
    attempts: int
    due_at: str
    error: str | None
    wamid: str | None
    status: str | None
    created_at: str
    sent_at: str | None
    delivered_at: str | None
    read_at: str | None
    failed_at: str | None


class ContactTurn(BaseModel):
    """How an answer was made; it holds no content."""

    id: int
    engine: str
    model: str | None
    assistant_version: int
    outcome: str
    cause: str | None
    faq_ids: list[str]
    answered: bool
    handoff: bool
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_usd: float | None
    latency_ms: int
    created_at: str


class Contact(BaseModel):
    """Everything that is held about one customer of a client."""

    client_id: int
    at: str
    conversations: list[ContactConversation]
    messages: list[ContactMessage]
    answers: list[ContactAnswer]
    turns: list[ContactTurn]


class ErasedRows(BaseModel):
    """Rows by table: deleted, or for turns and happenings without a link to anybody."""

    conversations: int
    inbox: int
    outbox: int
    turns: int
    happenings: int


class Receipt(BaseModel):
    """That somebody was erased; it does not say who."""

    receipt: str
    at: str
    client_id: int
    erased: ErasedRows


class Pause(BaseModel):
    """For how long a person takes a conversation over."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hours: float = Field(
        default=PAUSE_HOURS, gt=0, le=LONGEST_HOURS, allow_inf_nan=False, strict=True
    )


class PauseState(BaseModel):
    """Why the bot says nothing in a customer's conversation, null where it answers, and until when.

    There is no end while the customer wants none of its answers. `changed`: the call did something.
    """

    client_id: int
    paused_by: Literal["loop", "person", "stopped"] | None
    paused_until: str | None
    changed: bool
