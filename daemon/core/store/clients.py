"""Clients and what hangs on them alone: the row, its Assistant's pointer, its stop."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from daemon.core.sealing.keyring import Keyring
from daemon.core.sealing.own_token import OwnToken
from daemon.core.store.engine import get_keyring
from daemon.core.store.schema import assistant_versions, assistants, clients


@dataclass(frozen=True, slots=True)
class Client:
    """One local business and the WhatsApp number its bot answers on.

    `phone_number` is E.164 with its plus. `access_token` None means the shared META_ACCESS_TOKEN;
    one of its own is closed, and `Settings.token_for` opens it.
    `stopped_code` is Meta's error code for which this client's sends are stopped, or None.
    """

    id: int
    name: str
    phone_number: str
    phone_number_id: str
    active: bool
    welcome_message: str | None
    business_hours: str | None
    timezone: str
    locale: str
    fallback_message: str | None
    access_token: OwnToken | None
    stopped_code: int | None
    stopped_at: float | None
    stopped_token_digest: str | None
    created_at: float
    updated_at: float
    assistant_id: str
    assistant_version: int
    faq_count: int
    faqs_digest: str


_SELECT = (
    sa.select(
        clients,
        assistants.c.id.label("assistant_id"),
        assistants.c.version.label("assistant_version"),
        assistant_versions.c.faq_count,
        assistant_versions.c.faqs_digest,
    )
    .join(assistants, assistants.c.client_id == clients.c.id)
    .join(
        assistant_versions,
        sa.and_(
            assistant_versions.c.assistant_id == assistants.c.id,
            assistant_versions.c.version == assistants.c.version,
        ),
    )
)


def insert_client(conn: sa.Connection, values: Mapping[str, Any]) -> int:
    """Add the row and return its id; its Assistant must follow in the same transaction.

    An access token is set when the id is known, which it is sealed with.
    """
    result = conn.execute(sa.insert(clients).values(**values).returning(clients.c.id))
    return int(result.scalar_one())


def update_client(conn: sa.Connection, client_id: int, values: Mapping[str, Any]) -> None:
    """Set columns of one client; an access token as `sealing.storing` gives it."""
    conn.execute(sa.update(clients).where(clients.c.id == client_id).values(**values))


def find_client(conn: sa.Connection, client_id: int) -> Client | None:
    """Find one by its id."""
    return _first(conn, clients.c.id == client_id)


def find_by_number_id(conn: sa.Connection, phone_number_id: str) -> Client | None:
    """Find the one that owns a WhatsApp number."""
    return _first(conn, clients.c.phone_number_id == phone_number_id)


def find_by_phone_number(conn: sa.Connection, phone_number: str) -> tuple[Client, ...]:
    """Find all with this E.164 number, by id."""
    return _all(conn, _SELECT.where(clients.c.phone_number == phone_number))


def find_by_name(conn: sa.Connection, name: str) -> tuple[Client, ...]:
    """Find all with exactly this name, by id."""
    return _all(conn, _SELECT.where(clients.c.name == name))


def list_clients(
    conn: sa.Connection, *, active_only: bool = False, after: int = 0, limit: int | None = None
) -> tuple[Client, ...]:
    """List clients by id, those after the id `after`, at most `limit` of them."""
    query = _SELECT.where(clients.c.id > after)
    if active_only:
        query = query.where(clients.c.active)
    return _all(conn, query.limit(limit) if limit is not None else query)


def list_own_tokens(conn: sa.Connection) -> tuple[OwnToken, ...]:
    """List the access tokens of those clients that have one of their own, by client id."""
    query = sa.select(clients.c.id, clients.c.access_token).order_by(clients.c.id)
    rows = conn.execute(query.where(clients.c.access_token.is_not(None)))
    keyring = get_keyring(conn)
    return tuple(OwnToken(row.id, row.access_token, keyring) for row in rows)


def _first(conn: sa.Connection, condition: sa.ColumnElement[bool]) -> Client | None:
    found = _all(conn, _SELECT.where(condition))
    return found[0] if found else None


def _all(conn: sa.Connection, query: sa.Select[Any]) -> tuple[Client, ...]:
    rows = conn.execute(query.order_by(clients.c.id)).mappings()
    keyring = get_keyring(conn)
    return tuple(Client(**{**row, "access_token": _close(row, keyring)}) for row in rows)


def _close(row: Mapping[Any, Any], keyring: Keyring) -> OwnToken | None:
    stored = row["access_token"]
    return None if stored is None else OwnToken(row["id"], stored, keyring)
