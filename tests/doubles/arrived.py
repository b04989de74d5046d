"""Who has written to a door under test, and as whom the messages are kept."""

import sqlalchemy as sa

from daemon.core.store.engine import Connection, Database
from daemon.core.store.schema import conversations, inbox

USER = {"user_id": "ES.1"}
PHONE = {"wa_id": "34600"}
BOTH = USER | PHONE


def kept(database: Database) -> dict[str, tuple[int, str | None, str | None]]:
    """Each wamid with its client and its customer's ids."""

    def read(conn: Connection) -> dict[str, tuple[int, str | None, str | None]]:
        query = sa.select(
            inbox.c.wamid, inbox.c.client_id, conversations.c.user_id, conversations.c.wa_id
        ).join(conversations)
        return {row[0]: tuple(row[1:]) for row in conn.execute(query.order_by(inbox.c.id))}

    return database.read(read)
