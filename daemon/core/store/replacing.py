"""What a database knows that an older copy of it does not, and how it is brought to rest.

Owns the statements. Which file takes whose place is its caller's; nobody else has either open.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from daemon.core.errors import Conflict, Misconfigured
from daemon.core.store.examining_files import MAGIC
from daemon.core.store.holders import name_holders

_IN_USE = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


@dataclass(frozen=True, slots=True)
class Learnt:
    """What came of catching up: messages that are settled by it, and those only the other has."""

    settled: int
    missing: int


_CATCH_UP = (
    # What Meta has is not sent again; what was parked stays so.
    """UPDATE outbox SET (state, error, wamid, status, sent_at, delivered_at, read_at, failed_at) =
         (SELECT o.state, o.error, o.wamid, o.status, o.sent_at, o.delivered_at, o.read_at,
                 o.failed_at
          FROM later.outbox o WHERE o.id = outbox.id)
       WHERE state IN ('queued', 'sending', 'in_doubt')
         AND id IN (SELECT id FROM later.outbox WHERE state IN ('sent', 'parked'))""",
    # What may be with Meta waits for a status first.
    """UPDATE outbox SET state = 'in_doubt',
         attempts = (SELECT o.attempts FROM later.outbox o WHERE o.id = outbox.id)
       WHERE state = 'queued'
         AND id IN (SELECT id FROM later.outbox WHERE state IN ('sending', 'in_doubt'))""",
    # An answer of which the backup knows nothing, and which may have left: for a person to decide.
    """UPDATE inbox SET state = 'parked', error = 'restored'
       WHERE state = 'pending' AND wamid IN (
         SELECT i.wamid FROM later.inbox i JOIN later.outbox o ON o.turn_id = i.turn_id
         WHERE i.state = 'answered' AND o.state IN ('sent', 'sending', 'in_doubt'))""",
    """UPDATE inbox SET (state, error) =
         (SELECT i.state, i.error FROM later.inbox i WHERE i.wamid = inbox.wamid)
       WHERE state IN ('pending', 'answered')
         AND wamid IN (
           SELECT wamid FROM later.inbox WHERE state IN ('done', 'parked', 'ignored'))""",
    # Nobody is welcomed twice.
    """UPDATE conversations SET welcomed_at =
         (SELECT c.welcomed_at FROM later.conversations c WHERE c.id = conversations.id)
       WHERE welcomed_at IS NULL AND id IN (
         SELECT c.id FROM later.conversations c JOIN main.conversations m ON m.id = c.id
         WHERE c.welcomed_at IS NOT NULL AND c.client_id = m.client_id
           AND (c.wa_id = m.wa_id OR c.user_id = m.user_id))""",
    # Who has a conversation in charge has it still, and who wants no bot has none.
    """UPDATE conversations SET (paused_until, paused_by) =
         (SELECT c.paused_until, c.paused_by FROM later.conversations c
          WHERE c.id = conversations.id)
       WHERE id IN (
         SELECT c.id FROM later.conversations c JOIN main.conversations m ON m.id = c.id
         WHERE c.client_id = m.client_id AND (c.wa_id = m.wa_id OR c.user_id = m.user_id))""",
    # Also one who is known by another row now: two of one person become one.
    """UPDATE conversations SET (paused_until, paused_by) =
         (SELECT max(c.paused_until), c.paused_by FROM later.conversations c
          WHERE c.client_id = conversations.client_id AND c.paused_by = 'stopped'
            AND (c.wa_id = conversations.wa_id OR c.user_id = conversations.user_id))
       WHERE EXISTS (
         SELECT 1 FROM later.conversations c
         WHERE c.client_id = conversations.client_id AND c.paused_by = 'stopped'
           AND c.paused_until > coalesce(conversations.paused_until, 0)
           AND (c.wa_id = conversations.wa_id OR c.user_id = conversations.user_id))""",
    # And one whose first message came after the backup.
    """INSERT INTO conversations
         (client_id, user_id, wa_id, paused_until, paused_by, fence, created_at)
       SELECT c.client_id, c.user_id, c.wa_id, c.paused_until, c.paused_by, 0, c.created_at
       FROM later.conversations c
       WHERE c.paused_by = 'stopped' AND c.client_id IN (SELECT id FROM main.clients)
         AND NOT EXISTS (
           SELECT 1 FROM main.conversations m
           WHERE m.client_id = c.client_id AND (m.wa_id = c.wa_id OR m.user_id = c.user_id))""",
    # A token that somebody made useless stays so.
    """UPDATE tokens SET revoked_at =
         (SELECT t.revoked_at FROM later.tokens t WHERE t.digest = tokens.digest)
       WHERE revoked_at IS NULL
         AND digest IN (SELECT digest FROM later.tokens WHERE revoked_at IS NOT NULL)""",
)

_UNSETTLED = "SELECT count(*) FROM inbox WHERE state IN ('pending', 'answered')"
_MISSING = "SELECT count(*) FROM later.inbox WHERE wamid NOT IN (SELECT wamid FROM main.inbox)"


def catch_up(copy: Path, later: Path) -> Learnt:
    """Settle in an older copy what a later database, of the same schema, knows to be settled.

    Raises:
        Misconfigured: when the copy cannot be written.

    """
    with closing(sqlite3.connect(copy, isolation_level=None)) as conn:
        try:
            conn.execute("ATTACH ? AS later", (str(later),))
            conn.execute("BEGIN IMMEDIATE")
            learnt = _catch_up(conn)
            conn.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            raise Misconfigured(
                f"{copy} cannot be written: {error}. Nothing is changed; make room, and try again."
            ) from error
    return learnt


def _catch_up(conn: sqlite3.Connection) -> Learnt:
    before = _count(conn, _UNSETTLED)
    for statement in _CATCH_UP:
        conn.execute(statement)
    return Learnt(before - _count(conn, _UNSETTLED), _count(conn, _MISSING))


def count_unsettled(path: Path) -> int:
    """Count the messages that a daemon would answer, or go on answering, at its start."""
    with closing(sqlite3.connect(path)) as conn:
        return _count(conn, _UNSETTLED)


def bring_to_rest(path: Path) -> bool:
    """Write all that SQLite keeps beside a database into it; False for one it cannot open.

    Raises:
        Conflict: when another program has it open.

    """
    with path.open("rb") as file:
        if not MAGIC.startswith(file.read(len(MAGIC))):
            # SQLite would throw away the log of what it cannot open; somebody may still need it.
            return False
    with closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as conn:
        try:
            # Leaving WAL mode needs the file to itself, and ends with nothing beside it.
            ((mode,),) = conn.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _IN_USE:
                who = name_holders(path) or "perhaps 'released top', 'listen' or 'sandbox'"
                raise Conflict(
                    f"Another program has {path} open: {who}. End it, and try again."
                ) from error
            return False
        except sqlite3.DatabaseError:
            return False
    return bool(mode == "delete")


def _count(conn: sqlite3.Connection, query: str) -> int:
    ((count,),) = conn.execute(query)
    return int(count)
