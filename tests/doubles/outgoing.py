"""An outgoing message of a test's own, and where it stands in the database."""

from typing import Any

import sqlalchemy as sa

from daemon.core import sending, turns
from daemon.core.meta.wire import Customer
from daemon.core.store.clients import Client
from daemon.core.store.conversations import ensure_conversation
from daemon.core.store.engine import Connection
from daemon.core.store.inbox import NewMessage, insert_messages
from daemon.core.store.outbox import Outgoing
from daemon.core.store.schema import inbox, outbox
from tests.doubles.store_kit import NOW, answer, take, told


def answered(conn: Connection, client: Client, *parts: str) -> tuple[Outgoing, ...]:
    """Put a message of the one customer, and its answer, where they belong."""
    number = ensure_conversation(
        conn, client_id=client.id, customer=Customer("ES.1", None), now=NOW
    ).id
    count = conn.execute(sa.select(sa.func.count()).select_from(inbox)).scalar_one()
    message = NewMessage(f"wamid.{count}", client.id, number, "text", "hola", NOW, NOW, "pending")
    insert_messages(conn, [message])
    hand = take(conn, client.id, number)
    assert hand is not None
    rows = answer(conn, hand, *parts)
    turns.release(conn, hand)
    return rows


def row(conn: Connection, sent: Outgoing) -> Any:
    return conn.execute(sa.select(outbox).where(outbox.c.seq == sent.seq)).mappings().one()


def current(conn: Connection, sent: Outgoing) -> Outgoing:
    kept = row(conn, sent)
    return Outgoing(**{name: kept[name] for name in Outgoing.__slots__})


def message(conn: Connection) -> tuple[str, int, str | None]:
    """Read the newest inbox row's state, attempts and error."""
    query = sa.select(inbox.c.state, inbox.c.attempts, inbox.c.error).order_by(inbox.c.id.desc())
    found = conn.execute(query).first()
    assert found is not None
    return found.state, found.attempts, found.error


def status(conn: Connection, client: Client, sent: Outgoing, word: str, **fields: Any) -> Any:
    given = told(word, **({"callback_id": sent.id} | fields))
    return sending.record_status(conn, client.id, given)
