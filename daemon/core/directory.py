"""The daemon's picture of its clients, so that no message costs a look-up.

Loaded whole when the audit trail has grown, which the daemon looks at twice a second; a change made
by any program is therefore in force within a second.
"""

from collections.abc import Mapping

from daemon.core.assistants.engine import AssistantVersion
from daemon.core.store import assistants, audit
from daemon.core.store.clients import Client, list_clients
from daemon.core.store.engine import Connection
from daemon.core.store.group_commit import GroupCommit


class Directory:
    """All clients as of the last refresh, and the assistant versions in use."""

    def __init__(self, store: GroupCommit) -> None:
        """Know nobody until the first `refresh`."""
        self._store = store
        self._seen = -1
        self._clients: Mapping[int, Client] = {}
        self._by_number: Mapping[str, int] = {}
        self._active: frozenset[int] = frozenset()
        self._versions: dict[tuple[str, int], AssistantVersion] = {}

    async def refresh(self) -> bool:
        """Look for changes and take them in; say whether there were any."""
        fresh = await self._store.read(self._load)
        if fresh is None or fresh[0] < self._seen:
            # Nothing has changed, or a refresh that began later has told more already.
            return False
        self._seen, clients = fresh
        self._clients = {client.id: client for client in clients}
        self._by_number = {client.phone_number_id: client.id for client in clients}
        self._active = frozenset(client.id for client in clients if client.active)
        in_use = {(client.assistant_id, client.assistant_version) for client in clients}
        self._versions = {key: self._versions[key] for key in in_use & self._versions.keys()}
        return True

    def owner(self, phone_number_id: str) -> int | None:
        """Find the id of the client that has this number."""
        return self._by_number.get(phone_number_id)

    def active_owner(self, phone_number_id: str) -> int | None:
        """Find the id of the active client that has this number."""
        found = self._by_number.get(phone_number_id)
        return found if found in self._active else None

    def find(self, client_id: int) -> Client | None:
        """Find a client, active or not."""
        return self._clients.get(client_id)

    def all(self) -> tuple[Client, ...]:
        """List every client."""
        return tuple(self._clients.values())

    async def assistant_of(self, client: Client) -> AssistantVersion:
        """Get the version of the Assistant that answers for a client now."""
        key = (client.assistant_id, client.assistant_version)
        if key not in self._versions:
            version = await self._store.read(
                lambda conn: assistants.get_current_version(conn, client.id)
            )
            self._versions[version.assistant_id, version.version] = version
            return version
        return self._versions[key]

    def _load(self, conn: Connection) -> tuple[int, tuple[Client, ...]] | None:
        newest = audit.newest_id(conn)
        if newest == self._seen:
            return None
        return newest, list_clients(conn)
