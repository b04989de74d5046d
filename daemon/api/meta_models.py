"""The shapes of Meta's access tokens over HTTP; no token stands in any of them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from daemon.api.models import Ref, as_sent


class TokenQuery(BaseModel):
    """Whose token to check; without it all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client: Ref | None = Field(default=None, json_schema_extra=as_sent)


class TokenRotation(BaseModel):
    """Whose own token to exchange."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client: Ref


class TokenCheck(BaseModel):
    """What Meta says of an access token; null where it says nothing."""

    client_id: int | None
    client: str | None
    shared: bool
    state: Literal["ok", "warning", "error", "skipped"]
    detail: str
    next: str | None
    valid: bool | None
    type: str | None
    app_id: str | None
    issued_at: str | None
    age_days: int | None
    never_expires: bool | None
    expires_at: str | None
    days_left: int | None
    data_access_expires_at: str | None
    missing_scopes: list[str]


class TokenRotated(BaseModel):
    """A token that was exchanged, and until when Meta takes the new one and the old one."""

    client_id: int | None
    client: str | None
    shared: bool
    app_id: str | None
    expires_at: str | None
    days_left: int | None
    old_expires_at: str | None
    stored_in: str
