"""What Meta can tell us, as values: messages, statuses, customers and their changed ids.

Owns the vocabulary and the question whether a message asks for an answer. `wire` makes these
values out of a webhook body, and hands them on under its own name.

Sources, read 2026-11: Meta's "Messages webhook reference" (types, statuses) and
"Business-scoped user IDs" of May 2026 (`user_id`).
"""

from dataclasses import dataclass

MESSAGE_GONE = 131060
"""Error of an `unsupported` message that WhatsApp itself could not show to the business."""

SILENT_TYPES = frozenset(
    {
        "call_permission_reply",
        "edit",
        "reaction",
        "request_welcome",
        "revoke",
        "sticker",
        "system",
    }
)
"""Types that ask for no answer; every needless answer costs the client money."""

MEDIA_TYPES = frozenset({"audio", "document", "image", "sticker", "video"})

KNOWN_TYPES = (
    SILENT_TYPES
    | MEDIA_TYPES
    | {"button", "contacts", "interactive", "location", "order", "text", "unsupported"}
)

ECHOES_WITHOUT_WORDS = frozenset({"edit", "reaction", "revoke"})
"""Types of echoes that tell the customer nothing new: an owner who deletes a message, or puts a
heart to one, has not answered anybody."""

KNOWN_STATUSES = frozenset({"sent", "delivered", "read", "failed", "played"})

KNOWN_FIELDS = frozenset(
    {
        "account_alerts",
        "account_review_update",
        "account_settings_update",
        "account_update",
        "automatic_events",
        "business_capability_update",
        "business_username_update",
        "calls",
        "flows",
        "group_lifecycle_update",
        "group_participants_update",
        "group_settings_update",
        "group_status_update",
        "history",
        "message_template_components_update",
        "message_template_quality_update",
        "message_template_status_update",
        "partner_solutions",
        "payment_configuration_update",
        "phone_number_name_update",
        "phone_number_quality_update",
        "security",
        "smb_app_state_sync",
        "template_category_update",
        "user_preferences",
    }
)
"""Fields that are passed over by name; any other is `field:other`, to keep labels bounded."""


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody who writes to a business; at least one id is set. `wa_id` is digits without `+`."""

    user_id: str | None
    wa_id: str | None

    def __post_init__(self) -> None:
        if not (self.user_id or self.wa_id):
            raise ValueError("A customer needs a user_id or a wa_id.")

    @property
    def key(self) -> str:
        """What the customer is known by: the business-scoped id where there is one."""
        return self.user_id or self.wa_id or ""


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """One message to a business's number.

    `text` is what the customer wrote: the body, the title of a chosen button or row, or a
    caption. `sent_at` is epoch seconds, 0.0 where Meta's time is unusable: the store then takes
    the time of receipt. `inner_type` is the type within an interactive, system or unsupported
    message.
    """

    wamid: str
    phone_number_id: str
    customer: Customer
    type: str
    text: str | None
    sent_at: float
    group_id: str | None
    inner_type: str | None = None
    error_codes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """What became of one message of ours; a status outside `KNOWN_STATUSES` reads `other`."""

    wamid: str
    phone_number_id: str
    status: str
    at: float
    callback_id: str | None
    error_codes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Echo:
    """A message that the business itself wrote to a customer, in the WhatsApp Business app.

    What our own calls send comes in `statuses` and never here. `sent_at` as of `InboundMessage`.
    Source: Meta's "smb_message_echoes webhook reference", updated 2026-05-21, read 2026-11.
    """

    wamid: str
    phone_number_id: str
    customer: Customer
    sent_at: float


@dataclass(frozen=True, slots=True)
class CustomerRekey:
    """A customer goes by other ids from now on; an id that Meta left out is None."""

    phone_number_id: str | None
    old: Customer
    new: Customer


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook body, in the order it stood there.

    `passed_over` are words from a bounded set, for counting: `field:<name>`, `type:other` and
    `status:other` (new to us, but handed on), `echo:other` (answers nobody), `value:errors`,
    `value:other`, `malformed:<what>`.
    """

    messages: tuple[InboundMessage, ...] = ()
    statuses: tuple[DeliveryStatus, ...] = ()
    rekeys: tuple[CustomerRekey, ...] = ()
    echoes: tuple[Echo, ...] = ()
    passed_over: tuple[str, ...] = ()


def needs_answer(message: InboundMessage) -> bool:
    """Tell whether the customer may expect the bot to answer this."""
    if message.group_id is not None or message.type in SILENT_TYPES:
        return False
    if message.inner_type in SILENT_TYPES:
        return False
    return not (message.type == "unsupported" and MESSAGE_GONE in message.error_codes)
