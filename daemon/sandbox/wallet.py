"""The access tokens that the simulated Graph API knows: its first one, and exchanged ones.

Owns which are valid and until when, and makes new ones. Where a sandbox takes any token, all are.

Source: Meta's "Debug-Token" and "Install Apps, Generate, Refresh, and Revoke Tokens", read 2026-11.
An exchange gives a new token for 60 days, and the old one works until its own end.
"""

import hmac
import secrets
from dataclasses import dataclass
from typing import Any

from daemon.sandbox.config import SandboxConfig
from daemon.sandbox.faults import FaultBox

LIFE_S = 60 * 86_400
"""What an exchanged token lives."""

MOST = 1000
"""Exchanged tokens that are remembered; the oldest are forgotten, and with that refused."""

SCOPES = ("whatsapp_business_management", "whatsapp_business_messaging")


@dataclass(frozen=True, slots=True)
class Minted:
    """A token made by an exchange."""

    issued_at: float
    expires_at: float


class Wallet:
    """The tokens of one sandbox. Faults decide how long its first one lives, and what is wrong."""

    def __init__(self, config: SandboxConfig, faults: FaultBox) -> None:
        self._config = config
        self._faults = faults
        self._began_at = config.clock()
        self._minted: dict[str, Minted] = {}

    def takes(self, token: str) -> bool:
        """Tell whether a call with this token is let in."""
        faults, now = self._faults.current, self._config.clock()
        minted = self._minted.get(token)
        if minted is not None:
            return minted.expires_at > now and not faults.exchanged_refused
        if self._config.access_token is None:
            return True
        if not hmac.compare_digest(token.encode(), self._config.access_token.encode()):
            return False
        return faults.token_expires_at is None or faults.token_expires_at > now

    def describe(self, token: str) -> dict[str, Any]:
        """Give the facts of a token that is taken: its kind, its times and its permissions."""
        faults = self._faults.current
        minted = self._minted.get(token)
        issued_at = self._began_at if minted is None else minted.issued_at
        expires_at = (faults.token_expires_at or 0) if minted is None else minted.expires_at
        return {
            "type": faults.kind_of_tokens,
            "issued_at": int(issued_at),
            "expires_at": int(expires_at),
            "data_access_expires_at": int(faults.data_access_expires_at or 0),
            "scopes": [scope for scope in SCOPES if scope != faults.missing_scope],
        }

    def mint(self) -> tuple[str, int]:
        """Make a new token; give it and the seconds it lives."""
        now = self._config.clock()
        token = f"EAAsandbox{secrets.token_hex(24)}"
        self._minted[token] = Minted(now, now + LIFE_S)
        while len(self._minted) > MOST:
            del self._minted[next(iter(self._minted))]
        return token, LIFE_S
