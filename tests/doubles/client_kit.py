"""What tests of clients share: a change a minute later, and what it leaves in the trail."""

from typing import Any

import sqlalchemy as sa

from daemon.core.clients import Change, update_client
from daemon.core.faqs import Faq
from daemon.core.seeds import ClientChanges, validate
from daemon.core.store.audit import Actor
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection, Database
from daemon.core.store.schema import audit
from tests.doubles.store_kit import NOW

LATER = NOW + 60
OTHER_FAQS = (Faq(question="¿Parking?", answer="No."),)


def change(
    database: Database, client: Client, *, faqs: tuple[Faq, ...] | None = None, **fields: Any
) -> Change:
    """Change a client's fields, its FAQs or both, as the CLI does."""
    changes = validate(ClientChanges, fields)
    return database.write(
        lambda conn: update_client(
            conn, client.id, changes, faqs=faqs, now=LATER, actor=Actor("cli")
        )
    )


def trail(database: Database) -> list[dict[str, Any]]:
    """Read the audit rows, oldest first."""

    def read(conn: Connection) -> list[dict[str, Any]]:
        rows = conn.execute(sa.select(audit).order_by(audit.c.id)).mappings()
        return [dict(row) for row in rows]

    return database.read(read)
