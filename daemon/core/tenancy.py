"""What somebody who is limited to one client can see: that client, as if there were no other.

`only` is the id of that client, or None for who may see them all.
"""

from daemon.core.clients import get_client
from daemon.core.errors import NotFound
from daemon.core.seeds import normalize_phone_number
from daemon.core.store import clients as store
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection


def get_visible_client(conn: Connection, ref: str, *, only: int | None) -> Client:
    """Get a client by REF among those that can be seen.

    Raises:
        NotFound: when none of them fits.
        Conflict: when several of them fit.

    """
    if only is None:
        return get_client(conn, ref)
    own = store.find_client(conn, only)
    if own is None or not _fits(own, ref):
        # Word for word what `get_client` says: nobody learns here which other clients exist.
        raise NotFound(f"There is no client {ref!r}. `released client list` shows them all.")
    return own


def list_visible_clients(
    conn: Connection, *, only: int | None, active_only: bool, after: int, limit: int
) -> tuple[Client, ...]:
    """List those that can be seen by id, those after the id `after`, at most `limit` of them."""
    if only is None:
        return store.list_clients(conn, active_only=active_only, after=after, limit=limit)
    own = store.find_client(conn, only)
    if own is None or own.id <= after or (active_only and not own.active):
        return ()
    return (own,)


def _fits(client: Client, ref: str) -> bool:
    if ref in {str(client.id), client.phone_number_id, client.name}:
        return True
    try:
        number = normalize_phone_number(ref if ref.lstrip().startswith("+") else f"+{ref}")
    except ValueError:
        return False
    return number == client.phone_number
