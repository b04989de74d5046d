"""Whom a message came from, or went to: joins its own ids with the `contacts` beside it.

Pure. It never joins two people: ids are taken from a contact only where it shares one with the
message, or where it can be nobody but the sender.

Source: Meta's "Business-scoped user IDs" of May 2026, read 2026-11. `wa_id` and `from` are absent
unless the number and the user talked in the last 30 days; `user_id` is absent in older examples.
An echo names its receiver by `to` and `to_user_id`; statuses say `recipient_user_id`, which is
taken too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from daemon.core.meta.inbound import Customer
from daemon.core.meta.reading import read_identifier, read_phone


class Contacts:
    """The contacts of one webhook value; a body may hold thousands of them and of messages.

    They are read when a message first needs them: most name both ids of their sender themselves.
    """

    def __init__(self, contacts: Sequence[Mapping[str, Any]]) -> None:
        """Take them as they stand."""
        self._contacts = contacts

    def find_sender(self, message: Mapping[str, Any], *, alone: bool) -> Customer | None:
        """Find who sent a message; `alone` means that no other message stands in the value.

        The message's own ids win over those of its contact.
        """
        user_id = read_identifier(message.get("from_user_id"))
        return self._complete(user_id, read_phone(message.get("from")), alone=alone)

    def find_receiver(self, echo: Mapping[str, Any], *, alone: bool) -> Customer | None:
        """Find whom the business wrote to; `alone` as of `find_sender`."""
        user_id = read_identifier(echo.get("to_user_id"))
        user_id = user_id or read_identifier(echo.get("recipient_user_id"))
        return self._complete(user_id, read_phone(echo.get("to")), alone=alone)

    def _complete(self, user_id: str | None, wa_id: str | None, *, alone: bool) -> Customer | None:
        if user_id is None or wa_id is None:
            contact = self._known.find(user_id, wa_id, alone=alone)
            if contact is not None:
                user_id, wa_id = user_id or contact.user_id, wa_id or contact.wa_id
        return Customer(user_id, wa_id) if user_id or wa_id else None

    @cached_property
    def _known(self) -> "_Known":
        return _Known([_read_contact(contact) for contact in self._contacts])


@dataclass(frozen=True, slots=True)
class _Contact:
    """One of the `contacts`: how the ids of a customer belong together."""

    user_id: str | None
    wa_id: str | None


class _Known:
    """What could be read of the contacts; one without ids is still somebody."""

    def __init__(self, contacts: Sequence[_Contact]) -> None:
        self._by_user_id = {contact.user_id: contact for contact in contacts if contact.user_id}
        self._by_wa_id = {contact.wa_id: contact for contact in contacts if contact.wa_id}
        self._sole = contacts[0] if len(contacts) == 1 else None

    def find(self, user_id: str | None, wa_id: str | None, *, alone: bool) -> _Contact | None:
        shared = self._by_user_id.get(user_id or "") or self._by_wa_id.get(wa_id or "")
        if shared or self._sole is None:
            return shared
        if not (user_id or wa_id):
            return self._sole
        contradicts = (user_id and self._sole.user_id) or (wa_id and self._sole.wa_id)
        return self._sole if alone and not contradicts else None


def _read_contact(contact: Mapping[str, Any]) -> _Contact:
    return _Contact(read_identifier(contact.get("user_id")), read_phone(contact.get("wa_id")))
