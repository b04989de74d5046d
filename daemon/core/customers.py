"""Remembers which conversation a customer's identities lead to, so that most messages ask nobody.

Owns no truth: the store does. What it learns within a transaction that is undone afterwards must be
forgotten with it; what it says may be forgotten at any other time too.
"""

from daemon.core.meta.wire import Customer

CACHE_LIMIT = 100_000
"""Identities that are remembered; the memory is emptied when full (about 20 MB)."""

Key = tuple[int, bool, str]
"""A client's id, whether the identity is a user_id (else a wa_id), and the identity."""


class CustomerIndex:
    """From user_id and wa_id to a conversation's id."""

    def __init__(self) -> None:
        """Know nobody."""
        self._ids: dict[Key, int] = {}

    def __len__(self) -> int:
        """Count the identities that are remembered."""
        return len(self._ids)

    def find(self, client_id: int, customer: Customer) -> int | None:
        """Find the conversation that every identity of the customer leads to."""
        leads_to = None
        for key in _keys(client_id, customer):
            found = self._ids.get(key)
            if found is None or (leads_to is not None and found != leads_to):
                return None
            leads_to = found
        return leads_to

    def get(self, client_id: int, customer: Customer) -> int:
        """Get the conversation of a customer who was put in, by user_id where there is one."""
        return self._ids[_keys(client_id, customer)[0]]

    def put(self, client_id: int, customer: Customer, conversation_id: int) -> None:
        """Remember where a customer's identities lead now."""
        for key in _keys(client_id, customer):
            self._ids[key] = conversation_id

    def part(self, client_id: int, wa_id: str) -> None:
        """Let a number lead nowhere: its owner has another one now."""
        self._ids.pop((client_id, False, wa_id), None)

    def make_room(self) -> None:
        """Forget everything when it has become too much."""
        if len(self._ids) > CACHE_LIMIT:
            self._ids.clear()

    def forget(self) -> None:
        """Know nobody any more."""
        self._ids.clear()


def _keys(client_id: int, customer: Customer) -> list[Key]:
    keys = []
    if customer.user_id is not None:
        keys.append((client_id, True, customer.user_id))
    if customer.wa_id is not None:
        keys.append((client_id, False, customer.wa_id))
    return keys
