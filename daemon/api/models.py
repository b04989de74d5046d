"""The shapes of bodies and answers over HTTP: what validates them is what describes them."""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SkipValidation,
    WithJsonSchema,
)

from daemon.core.seeds import ClientChanges, ClientSeed, PhoneNumber, PhoneNumberId
from daemon.core.store.inbox_entries import InboxState
from daemon.core.store.tokens import Scope
from daemon.core.tokens import LIFETIME_LIMIT_DAYS

LARGEST_ID = 2**63 - 1

FAQ_SCHEMA = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {
            "q": {"type": "string", "minLength": 1},
            "a": {"type": "string", "minLength": 1},
        },
        "required": ["q", "a"],
        "additionalProperties": False,
    },
}

FaqList = Annotated[Any, SkipValidation, WithJsonSchema(FAQ_SCHEMA)]
"""Checked by `core.faqs`, which names the entry at fault counted from 1."""


WebhookBody = Annotated[Any, SkipValidation, WithJsonSchema({"type": "object"})]
"""Meta's; `core.meta` reads it."""


def _only_digits(given: Any) -> Any:
    # A query is text, and pydantic's reading of numbers in text takes "1_000" and " 1.0" too.
    if isinstance(given, str) and not re.fullmatch(r"[0-9]{1,40}", given):
        raise ValueError("must be a whole number, in digits")
    return given


Digits = Annotated[int, BeforeValidator(_only_digits)]

Ref = Annotated[str, Field(min_length=1, max_length=200)]
"""A client by its id, phone_number_id, phone number or exact name."""

LifetimeDays = Annotated[
    float, Field(ge=0, le=LIFETIME_LIMIT_DAYS, allow_inf_nan=False, strict=True)
]


def _as_sent(described: dict[str, Any]) -> None:
    # A query has no null: a parameter is left out.
    described.pop("default")
    (described["anyOf"],) = [one for one in described["anyOf"] if one != {"type": "null"}]
    described.update(described.pop("anyOf"))


def _hide_defaults(schema: dict[str, Any]) -> None:
    # A field that is not given stays as it is: no default will be set.
    for described in schema["properties"].values():
        described.pop("default", None)


class NewClient(ClientSeed):
    """A client to onboard."""

    faqs: FaqList


class ClientPatch(ClientChanges):
    """Fields to change; FAQs have an address of their own."""

    model_config = ConfigDict(json_schema_extra=_hide_defaults)


class NewAgent(BaseModel):
    """The least that makes a bot."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    phone_number: PhoneNumber
    faqs: FaqList
    phone_number_id: PhoneNumberId | None = None


class Agent(BaseModel):
    """A bot that was made."""

    agent_id: str
    phone_number_id: str
    status: Literal["ok"]


class Stop(BaseModel):
    """Why a client's sends are stopped."""

    code: int
    since: str
    reason: str


class ClientDocument(BaseModel):
    """A client as it is."""

    id: int
    name: str
    phone_number: str
    phone_number_id: str
    assistant_id: str
    active: bool
    created_at: str
    updated_at: str
    welcome_message: str | None
    business_hours: str | None
    timezone: str
    locale: str
    fallback_message: str
    faq_count: int
    assistant_version: int
    stopped: Stop | None
    warnings: list[str]
    faqs_digest: str
    access_token_digest: str | None


class Subscription(BaseModel):
    """Meta's check of the webhook's address; `core.meta` reads it."""

    mode: Literal["subscribe"] = Field(alias="hub.mode")
    verify_token: str = Field(alias="hub.verify_token", min_length=1)
    challenge: str = Field(alias="hub.challenge", min_length=1)


class ClientPage(BaseModel):
    """Which clients to list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ref: Ref | None = Field(default=None, json_schema_extra=_as_sent)
    active_only: bool = False
    limit: Digits = Field(default=100, ge=1, le=1000)
    after: Digits = Field(default=0, ge=0, le=LARGEST_ID)


class InboxPage(BaseModel):
    """Which messages to list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: InboxState | None = Field(default=None, json_schema_extra=_as_sent)
    client: Ref | None = Field(default=None, json_schema_extra=_as_sent)
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
    """Which parked messages to take up again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    error: str | None = None


class Retried(BaseModel):
    """How many were taken up again."""

    count: int


class NewToken(BaseModel):
    """A token to make."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=200)
    expires_days: LifetimeDays = 60
    scope: Scope = "write"
    client: Ref | None = None


class RotateToken(BaseModel):
    """How long the new token works."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    expires_days: LifetimeDays = 60


class TokenMade(BaseModel):
    """A token, shown this once."""

    name: str
    token: str
    expires_at: str


class TokenDocument(BaseModel):
    """What is known of a token."""

    name: str
    scope: Scope
    client_id: int | None
    state: Literal["valid", "expired", "revoked"]
    created_at: str
    expires_at: str
    last_used_at: str | None


class ProblemField(BaseModel):
    """One field at fault."""

    field: str
    reason: str


class ProblemDocument(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str | None = None
    errors: list[ProblemField] | None = None


class InboxDepth(BaseModel):
    """How much waits."""

    pending: int
    oldest_seconds: int
    parked: int


class Health(BaseModel):
    """That messages can be kept and answered."""

    status: Literal["ok"]
    version: str
    inbox: InboxDepth


class Finding(BaseModel):
    """What one check of the doctor's found."""

    check: str
    subject: str | None
    state: Literal["ok", "warning", "error", "skipped"]
    detail: str
    next: str | None


class AnswerPart(BaseModel):
    """One WhatsApp message of an answer."""

    outbox_id: str
    state: str
    attempts: int
    error: str | None
    wamid: str | None
    status: str | None
    text: str | None


class InboxDetail(InboxDocument):
    """A message with its text and what became of its answer."""

    text: str | None
    answer: list[AnswerPart]
