"""The shapes of the inbox over HTTP, and of the queries that ask for it."""

from pydantic import BaseModel, ConfigDict, Field

from daemon.api.models import LARGEST_ID, Digits, Ref, as_sent
from daemon.core.store.inbox_entries import InboxState


class InboxPage(BaseModel):
    """Which messages to list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: InboxState | None = Field(default=None, json_schema_extra=as_sent)
    client: Ref | None = Field(default=None, json_schema_extra=as_sent)
    before: Digits = Field(default=LARGEST_ID, ge=1, le=LARGEST_ID)
    limit: Digits = Field(default=100, ge=1, le=1000)


class InboxDocument(BaseModel):
    """A message and how far it has come."""

    id: int
    wamid: str
    client_id: int
    customer: str
    type: str
    state: InboxState
    attempts: int
    error: str | None
    received_at: str


class RetryAll(BaseModel):
    """Which messages to take up again: all that are parked, or with `error` those that have it.

    Only with `error` also those whose answer Meta could not deliver, of the last 24 hours.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    error: str | None = None


class Retried(BaseModel):
    """How many were taken up again."""

    count: int


class AnswerPart(BaseModel):
    """One WhatsApp message of an answer."""

    outbox_id: str
    state: str
    attempts: int
    error: str | None
    wamid: str | None
    status: str | None
    text: str | None
    due_at: str | None


class InboxDetail(InboxDocument):
    """A message with its text and what became of its answer."""

    text: str | None
    answer: list[AnswerPart]
