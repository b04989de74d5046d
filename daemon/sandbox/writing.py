"""A customer writes, or the owner in their app: the request read, the webhook built and posted.

Owns `POST /chat/messages`'s meaning; the endpoint itself is in `pages.py`.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from daemon.core.errors import Invalid
from daemon.sandbox.faults import describe_first
from daemon.sandbox.people import USER_ID, make_wamid, read_number
from daemon.sandbox.posting import Delivery
from daemon.sandbox.stage import Stage
from daemon.sandbox.webhooks import build_echo_webhook, build_message_webhook

MAX_TEXT = 65_536
"""Characters a customer's message may hold; customers may write far more than a business may."""


class ChatMessage(BaseModel):
    """What a customer writes; `from` (digits afterwards), `user_id`, or both say who.

    With `as` owner it is what the owner writes to that customer, in the WhatsApp Business app.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    phone_number_id: Annotated[str, Field(pattern=r"^[0-9]{1,32}$")]
    sender: str | None = Field(default=None, alias="from")
    user_id: str | None = None
    author: Literal["customer", "owner"] = Field(default="customer", alias="as")
    text: Annotated[str, Field(max_length=MAX_TEXT)] = ""
    type: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")] = "text"
    name: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    id: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,256}$")] | None = None

    @field_validator("sender")
    @classmethod
    def _is_number(cls, sender: str | None) -> str | None:
        digits = read_number(sender) if sender is not None else None
        if sender is not None and digits is None:
            raise ValueError("not a phone number with its country code, such as +34600111222")
        return digits

    @field_validator("user_id")
    @classmethod
    def _is_user_id(cls, user_id: str | None) -> str | None:
        if user_id is not None and not USER_ID.fullmatch(user_id):
            raise ValueError("not a user id, such as ES.ana1234")
        return user_id

    @model_validator(mode="after")
    def _is_whole(self) -> "ChatMessage":
        if self.sender is None and self.user_id is None:
            raise ValueError("from or user_id must say who writes")
        if self.type == "text" and not self.text.strip():
            raise ValueError("text must not be empty")
        return self


@dataclass(frozen=True, slots=True)
class Written:
    """What came of it: the message's id, who wrote it, and how the webhook was answered."""

    wamid: str
    user_id: str
    after: int
    delivery: Delivery

    def as_json(self) -> dict[str, Any]:
        """Give the answer of the endpoint; `after` is what to ask the transcript for answers."""
        return {
            "wamid": self.wamid,
            "webhook_status": self.delivery.status,
            "user_id": self.user_id,
            "after": self.after,
        }


def parse_message(document: object) -> ChatMessage:
    """Read the body of the request.

    Raises:
        Invalid: one line naming what is wrong.

    """
    try:
        return ChatMessage.model_validate(document)
    except ValidationError as error:
        raise Invalid(describe_first(error)) from None


async def write_message(stage: Stage, message: ChatMessage) -> Written:
    """Put a message into the chat and post its webhook."""
    customer = stage.customers.meet(
        wa_id=message.sender, user_id=message.user_id, name=message.name
    )
    wamid = message.id or make_wamid()
    key = (message.phone_number_id, customer.user_id)
    is_owner = message.author == "owner"
    if is_owner:
        stage.chats.add_outgoing(key, wamid=wamid, text=message.text)
    else:
        stage.chats.add_incoming(key, wamid=wamid, kind=message.type, text=message.text)
    after = stage.chats.seq
    build = build_echo_webhook if is_owner else build_message_webhook
    document = build(
        message.phone_number_id,
        customer,
        wamid=wamid,
        at=stage.config.clock(),
        kind=message.type,
        text=message.text,
    )
    delivery = await stage.poster.deliver(
        document, on_acknowledged=lambda: stage.chats.advance(wamid, "delivered")
    )
    return Written(wamid, customer.user_id, after, delivery)
