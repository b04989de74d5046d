"""What the sandbox does wrong on purpose, settable while it runs.

Owns which fault strikes next; carrying one out is the endpoint's that it strikes.
"""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from daemon.core.errors import Invalid

Strike = Literal["hang", "drop_before_accept", "html_200", "drop_after_accept"]

_STRIKES: tuple[Strike, ...] = ("hang", "drop_before_accept", "html_200", "drop_after_accept")

WebhookField = Literal["messages", "smb_message_echoes"]
"""The webhook fields that the sandbox posts, and that its app is subscribed to."""

_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)

Count = Field(default=0, ge=0, le=1_000_000)

Moment = Annotated[float, Field(ge=0, le=10_000_000_000, allow_inf_nan=False)]


class SendError(BaseModel):
    """An error that the next `count` sends are answered with; None: until it is cleared."""

    model_config = _STRICT

    code: int
    http_status: int = Field(default=400, ge=400, le=599)
    count: int | None = Field(default=None, ge=1)


class Faults(BaseModel):
    """All faults; the defaults are none. Numbers without a unit count the sends still to strike.

    `hang`: never answered, not accepted. `html_200`: a page instead of JSON, not accepted.
    `drop_after_accept`: accepted, its statuses posted, the connection broken instead of an answer.
    `duplicate_webhooks`: copies posted beside every webhook.

    Of access tokens: `token_expires_at` is when the first one ends, in seconds since the epoch;
    `kind_of_tokens` and `missing_scope` are told of all of them. `exchange_error` is the code that
    every exchange is answered with; `exchanged_refused`: what an exchange has made is refused.
    `quality_rating` is told of every number.

    Of the app's webhook: `missing_fields` are not subscribed to, and `webhook_state` is told of it;
    what is new and not subscribed to, or all of it where it is not active, is not posted.
    """

    model_config = _STRICT

    latency_ms: float = Field(default=0, ge=0, le=600_000, allow_inf_nan=False)
    error: SendError | None = None
    hang: int = Count
    drop_before_accept: int = Count
    drop_after_accept: int = Count
    html_200: int = Count
    duplicate_webhooks: int = Field(default=0, ge=0, le=20)
    reorder_statuses: bool = False
    mute_statuses: bool = False
    token_refused: bool = False
    token_expires_at: Moment | None = None
    data_access_expires_at: Moment | None = None
    kind_of_tokens: str = "SYSTEM_USER"
    missing_scope: str | None = None
    exchange_error: int | None = Field(default=None, ge=0)
    exchange_hangs: bool = False
    exchanged_refused: bool = False
    quality_rating: Literal["GREEN", "YELLOW", "RED", "UNKNOWN"] = "GREEN"
    missing_fields: list[WebhookField] = Field(default_factory=list)
    webhook_state: Literal["active", "inactive", "missing"] = "active"

    @property
    def subscribed_fields(self) -> tuple[WebhookField, ...]:
        """What the app is told of, as its webhook would be set up."""
        fields: tuple[WebhookField, ...] = get_args(WebhookField)
        return tuple(field for field in fields if field not in self.missing_fields)


def parse_faults(document: object) -> Faults:
    """Read what was PUT; what is not named goes back to its default.

    Raises:
        Invalid: one line naming the first key that is wrong, and why.

    """
    try:
        return Faults.model_validate(document)
    except ValidationError as error:
        raise Invalid(describe_first(error)) from None


def describe_first(error: ValidationError) -> str:
    """Say the first problem of a document in one line, without the value."""
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "body"
    return f"{where}: {first['msg']}"


class FaultBox:
    """The faults of now; counted ones are used up as they strike."""

    def __init__(self) -> None:
        self.current = Faults()

    def replace(self, faults: Faults) -> None:
        """Let these strike from now on."""
        self.current = faults

    def take(self) -> Strike | SendError | None:
        """Say what strikes this send and count it off: one fault a send, an error first."""
        if self.current.error is not None:
            return self._take_error(self.current.error)
        for name in _STRIKES:
            left: int = getattr(self.current, name)
            if left:
                self.current = self.current.model_copy(update={name: left - 1})
                return name
        return None

    def _take_error(self, error: SendError) -> SendError:
        if error.count is not None:
            left = error.model_copy(update={"count": error.count - 1}) if error.count > 1 else None
            self.current = self.current.model_copy(update={"error": left})
        return error
