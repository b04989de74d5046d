"""Remembers which conversation a customer's identities lead to, so that most messages ask nobody.

Owns no truth: the store does. What it says may be emptied at any time.
"""

from daemon.core.meta.wire import Customer

CACHE_LIMIT = 100_000
"""Identities that are remembered; the memory is emptied when full (about 20 MB)."""

_NOBODY = 0
"""Stands where an identity leads nowhere; ids start at 1."""

Key = tuple[int, bool, str]
"""A client's id, whether the identity is a user_id (else a wa_id), and the identity."""


class CustomerIndex:
    """From user_id and wa_id to a conversation's id; may lie over an older index."""

    def __init__(self, base: "CustomerIndex | None" = None) -> None:
        """Start with what `base` knows, and never change it."""
        self._base = base
        self._ids: dict[Key, int] = {}
        self.forgot = False

    def find(self, client_id: int, customer: Customer) -> int | None:
        """Find the conversation that every identity of the customer leads to."""
        found = {self.look_up(key) for key in _keys(client_id, customer)}
        return found.pop() if len(found) == 1 else None

    def get(self, client_id: int, customer: Customer) -> int:
        """Get the conversation of a customer who was put in, by user_id where there is one."""
        conversation_id = self.look_up(_keys(client_id, customer)[0])
        if conversation_id is None:
            raise KeyError(client_id)
        return conversation_id

    def put(self, client_id: int, customer: Customer, conversation_id: int) -> None:
        """Remember where a customer's identities lead now."""
        for key in _keys(client_id, customer):
            self._ids[key] = conversation_id

    def part(self, client_id: int, wa_id: str) -> None:
        """Let a number lead nowhere: its owner has another one now."""
        self._ids[client_id, False, wa_id] = _NOBODY

    def forget(self) -> None:
        """Know nothing any more: conversations were joined behind our back."""
        self._base = None
        self._ids.clear()
        self.forgot = True

    def learn(self, newer: "CustomerIndex") -> None:
        """Take over what an index over this one has learnt, once that is committed."""
        if newer.forgot or len(self._ids) > CACHE_LIMIT:
            self._ids.clear()
        self._ids.update(newer.own_entries())

    def own_entries(self) -> dict[Key, int]:
        """List what this index knows beyond its base."""
        return self._ids

    def look_up(self, key: Key) -> int | None:
        """Find one identity, here or below."""
        found = self._ids.get(key)
        if found is None and self._base is not None:
            return self._base.look_up(key)
        return None if found == _NOBODY else found


def _keys(client_id: int, customer: Customer) -> list[Key]:
    identities = ((True, customer.user_id), (False, customer.wa_id))
    return [(client_id, is_user, value) for is_user, value in identities if value is not None]
