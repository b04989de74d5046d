"""Who a customer is: numbers, business-scoped user ids, names, and the ids of messages.

Owns identities, bounded in number; what customers write is `chats.py`'s.
"""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass

MAX_CUSTOMERS = 50_000
"""Customers remembered; the oldest is forgotten first (its user id comes back by itself)."""

USER_ID = re.compile(r"[A-Z]{2}(?:\.ENT)?\.[A-Za-z0-9]{1,128}")
"""A business-scoped user id (whatsapp.md, Inbound, read 2026-11)."""

_SEPARATORS = re.compile(r"[\s().\-]")
_DIGITS = re.compile(r"[0-9]{7,15}")


@dataclass(frozen=True, slots=True)
class Customer:
    """One person; `wa_id` is None for a customer who hides the number behind a username."""

    user_id: str
    wa_id: str | None
    name: str

    def as_json(self) -> dict[str, str | None]:
        """Give the customer as the chat endpoints show it."""
        return {"user_id": self.user_id, "wa_id": self.wa_id, "name": self.name}


def read_number(text: str) -> str | None:
    """Give the 7 to 15 digits of a phone number, or None where `text` is none."""
    digits = _SEPARATORS.sub("", text).removeprefix("+")
    return digits if _DIGITS.fullmatch(digits) else None


def make_user_id(wa_id: str) -> str:
    """Give the same user id for the same number, in every run."""
    return "ES." + str(int(hashlib.sha256(wa_id.encode()).hexdigest()[:16], 16)).zfill(20)


def make_wamid() -> str:
    """Give a new message id that no other run of the sandbox has given."""
    return "wamid.HBgL" + base64.b64encode(secrets.token_bytes(27)).decode()


class Customers:
    """The customers that have written or were written to."""

    def __init__(self) -> None:
        self._by_user: dict[str, Customer] = {}
        self._user_of: dict[str, str] = {}

    def meet(
        self, *, wa_id: str | None, user_id: str | None = None, name: str | None = None
    ) -> Customer:
        """Find or make the customer with this number, this user id, or both; bind the two."""
        user = user_id or self.resolve(wa_id or "")
        known = self._by_user.pop(user, None)
        number = wa_id or (known.wa_id if known else None)
        called = name or (known.name if known else _default_name(number))
        customer = self._by_user[user] = Customer(user, number, called)
        if number is not None:
            self._user_of.pop(number, None)
            self._user_of[number] = user
        _forget_oldest(self._by_user)
        _forget_oldest(self._user_of)
        return customer

    def resolve(self, reference: str) -> str:
        """Turn a number (digits) or a user id into the user id that chats are kept under."""
        if USER_ID.fullmatch(reference):
            return reference
        return self._user_of.get(reference) or make_user_id(reference)

    def find(self, reference: str) -> Customer | None:
        """Find a customer by number (digits) or user id."""
        return self._by_user.get(self.resolve(reference))


def _default_name(wa_id: str | None) -> str:
    return f"Customer {wa_id[-4:]}" if wa_id else "Customer"


def _forget_oldest(remembered: dict[str, Customer] | dict[str, str]) -> None:
    while len(remembered) > MAX_CUSTOMERS:
        del remembered[next(iter(remembered))]
