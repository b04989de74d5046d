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


def as_sent(described: dict[str, Any]) -> None:
    """Describe a parameter of a query that may be left out: a query has no null."""
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

    ref: Ref | None = Field(default=None, json_schema_extra=as_sent)
    active_only: bool = False
    limit: Digits = Field(default=100, ge=1, le=1000)
    after: Digits = Field(default=0, ge=0, le=LARGEST_ID)


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
