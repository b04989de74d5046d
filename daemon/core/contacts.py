"""What a person may ask a business for: all that it holds about them, and that it is erased.

A customer is named by phone number or user id, as `inbox list` shows them, of one client. Neither
of the two is written into the audit trail, a log or a refusal.
"""

import re
from dataclasses import asdict
from typing import Any

from daemon.core.documents import timestamp
from daemon.core.errors import NotFound
from daemon.core.store import audit, clients, people
from daemon.core.store.audit import Actor
from daemon.core.store.conversations import NO_END
from daemon.core.store.engine import Connection

_SEPARATORS = re.compile(r"[\s().-]+")
_PHONE = re.compile(r"\+?([0-9]{5,20})", re.ASCII)
_MOMENTS = frozenset(
    {
        "created_at",
        "delivered_at",
        "failed_at",
        "lease_until",
        "paused_until",
        "read_at",
        "received_at",
        "sent_at",
        "welcomed_at",
        "due_at",
    }
)
_OURS_ALONE = frozenset({"client_id", "conversation_id", "fence", "lease_until", "seq"})
"""Columns that say nothing about the person: how we find and hold a row."""


def read_phone(customer: str) -> str | None:
    """Read what may be a phone number as the digits that Meta names it by; None when it is none."""
    found = _PHONE.fullmatch(_SEPARATORS.sub("", customer))
    return None if found is None else found[1]


def name_receipt(chance: str) -> str:
    """Give a receipt its id."""
    return f"er_{chance}"


def export_contact(
    conn: Connection, *, client_id: int, customer: str, now: float
) -> dict[str, Any]:
    """Describe everything that is held about a customer.

    Raises:
        NotFound: when there is no such client, or it holds nothing about them.

    """
    ids = find_customer(conn, client_id, customer)
    held = people.read_held(conn, client_id=client_id, conversation_ids=ids)
    return {
        "client_id": client_id,
        "at": timestamp(now),
        "conversations": [_show(row) for row in held.conversations],
        "messages": [_show(row) for row in held.messages],
        "answers": [_show(row) for row in held.answers],
        "turns": [_show(row) for row in held.turns],
    }


def erase_contact(
    conn: Connection, *, client_id: int, customer: str, receipt: str, now: float, actor: Actor
) -> dict[str, Any]:
    """Delete everything that is held about a customer, and give the receipt under its id.

    What is in hand comes to nothing by itself: its conversation is gone. When they write again they
    are somebody new.

    Raises:
        NotFound: when there is no such client, or it holds nothing about them.

    """
    ids = find_customer(conn, client_id, customer)
    erased = asdict(people.erase(conn, client_id=client_id, conversation_ids=ids, now=now))
    audit.append(
        conn,
        actor=actor,
        action="contact.erase",
        client_id=client_id,
        now=now,
        after={"receipt": receipt, **erased},
    )
    return {"receipt": receipt, "at": timestamp(now), "client_id": client_id, "erased": erased}


def find_customer(conn: Connection, client_id: int, customer: str) -> tuple[int, ...]:
    """Find the conversations of a customer.

    Raises:
        NotFound: when there is no such client, or it holds nothing about them.

    """
    if clients.find_client(conn, client_id) is None:
        raise NotFound(f"There is no client {client_id}.")
    ids = people.find_conversations(
        conn, client_id=client_id, user_id=customer.strip(), wa_id=read_phone(customer)
    )
    if not ids:
        raise NotFound(
            f"Client {client_id} holds nothing about this customer. Name them by the phone number"
            " with its country code, or by the user id, as `released inbox list` shows it."
        )
    return ids


def _show(row: dict[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in row.items() if name not in _OURS_ALONE}
    moments = shown.keys() & _MOMENTS
    return shown | {name: _tell(shown[name]) for name in moments}


def _tell(moment: float | None) -> str | None:
    return None if moment is None or moment == NO_END else timestamp(moment)
