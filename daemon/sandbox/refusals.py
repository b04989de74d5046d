"""How the Graph API says no: Meta's error codes in Meta's error shape.

Pure; which rule was broken is decided by `sends.py` and `graph.py`.
Source: Meta's page "Error codes" of the Cloud API (whatsapp.md, Outbound, read 2026-11).
"""

import secrets
from typing import Any

from daemon.core.errors import Rejected

TITLES = {
    0: "AuthException",
    1: "An unknown error occurred",
    2: "Service temporarily unavailable",
    4: "Application request limit reached",
    10: "Permission denied",
    100: "Invalid parameter",
    190: "Access token has expired",
    368: "Temporarily blocked for policies violations",
    80007: "Rate limit issues",
    130429: "Rate limit hit",
    130497: "Business account is restricted from messaging users in this country",
    131000: "Something went wrong",
    131005: "Access denied",
    131008: "Required parameter is missing",
    131009: "Parameter value is not valid",
    131016: "Service unavailable",
    131021: "Recipient cannot be sender",
    131026: "Message undeliverable",
    131031: "Business Account locked",
    131047: "Re-engagement message",
    131048: "Spam rate limit hit",
    131049: "Meta chose not to deliver",
    131051: "Unsupported message type",
    131056: "(Business Account, Consumer Account) pair rate limit hit",
    131057: "Account in maintenance mode",
    133004: "Server temporarily unavailable",
    133010: "Phone number not registered",
}
"""Meta's titles of the codes most often met; any other code is called an error of the sandbox."""


class GraphRefusal(Rejected):
    """The Graph API refuses the call."""

    def __init__(
        self,
        code: int,
        *,
        details: str,
        message: str | None = None,
        subcode: int | None = None,
        http_status: int = 400,
    ) -> None:
        """Take Meta's code; the message defaults to the code's title as Meta writes it."""
        super().__init__(message or f"(#{code}) {TITLES.get(code, 'Error set in the sandbox')}")
        self.code = code
        self.details = details
        self.subcode = subcode
        self.http_status = http_status

    def as_json(self) -> dict[str, Any]:
        """Give the error in Meta's shape."""
        error: dict[str, Any] = {
            "message": str(self),
            "type": "OAuthException",
            "code": self.code,
            "error_data": {"messaging_product": "whatsapp", "details": self.details},
            "fbtrace_id": "A" + secrets.token_urlsafe(16),
        }
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        return {"error": error}


def refuse_token() -> GraphRefusal:
    """Refuse a missing, wrong or revoked access token."""
    return GraphRefusal(
        190,
        message="Invalid OAuth access token - Cannot parse access token",
        details="The access token is missing, wrong, or refused by a fault of the sandbox.",
        http_status=401,
    )


def refuse_number(phone_number_id: str) -> GraphRefusal:
    """Refuse a phone_number_id that is no client's."""
    return GraphRefusal(
        100,
        subcode=33,
        message=(
            f"Unsupported post request. Object with ID '{phone_number_id}' does not exist, cannot"
            " be loaded due to missing permissions, or does not support this operation."
        ),
        details="No client of the sandbox has this phone_number_id.",
    )


def refuse_parameter(details: str) -> GraphRefusal:
    """Refuse a parameter as error 100, naming it."""
    return GraphRefusal(100, message=f"(#100) {details}", details=details)
