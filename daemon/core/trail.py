"""The audit trail as an operator reads it: who changed what, when, and from where."""

from typing import Any

from daemon.core.documents import timestamp
from daemon.core.store import audit
from daemon.core.store.engine import Connection


def list_audit(conn: Connection, *, client_id: int | None, limit: int) -> list[dict[str, Any]]:
    """Describe the newest changes, of a client or of all, oldest first."""
    return [
        {
            "id": entry.id,
            "at": timestamp(entry.at),
            "actor": entry.actor,
            "origin": entry.origin,
            "action": entry.action,
            "client_id": entry.client_id,
            "before": entry.before,
            "after": entry.after,
        }
        for entry in audit.list_entries(conn, client_id=client_id, limit=limit)
    ]
