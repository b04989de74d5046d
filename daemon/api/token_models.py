"""The shapes of admin tokens over HTTP."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from daemon.api.models import Ref
from daemon.core.store.tokens import Scope
from daemon.core.tokens import LIFETIME_LIMIT_DAYS

LifetimeDays = Annotated[
    float, Field(ge=0, le=LIFETIME_LIMIT_DAYS, allow_inf_nan=False, strict=True)
]


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
