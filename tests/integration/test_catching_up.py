"""What a restored database learns from the one it replaces, so that nothing is done twice."""

from pathlib import Path

from daemon.core.backups import back_up
from daemon.core.restoring import Restored, restore
from daemon.core.store.audit import Actor
from daemon.core.store.clients import Client
from daemon.core.store.engine import Database
from tests.doubles.backup_kit import MOMENT, query, stopped, unwatched

INBOX = (
    "INSERT INTO inbox (wamid, client_id, conversation_id, type, text, sent_at, received_at, state,"
    " attempts, turn_id) VALUES (?, 1, 1, 'text', 'hola', 1, 1, ?, 0, ?)"
)
OUTBOX = (
    "INSERT INTO outbox (id, client_id, conversation_id, turn_id, text, state, attempts, due_at,"
    " created_at, wamid) VALUES (?, 1, 1, ?, 'buenas', ?, 1, 1, 1, ?)"
)
TURN = (
    "INSERT INTO turns (id, client_id, conversation_id, engine, assistant_version, outcome,"
    " faq_ids, answered, handoff, input_tokens, cached_tokens, output_tokens, latency_ms,"
    " created_at) VALUES (?, 1, 1, 'local', 1, 'answered', '[]', 1, 0, 0, 0, 0, 1, 1)"
)
CONVERSATION = (
    "INSERT INTO conversations (client_id, wa_id, fence, created_at) VALUES (1, '34600', 0, 1)"
)


def put_back(file: Path, database: Path) -> Restored:
    return restore(file, database, now=MOMENT, actor=Actor("cli:ana"), watch=unwatched)


def test_what_the_replaced_database_knows_is_not_done_twice(
    database: Database, client_a: Client, tmp_path: Path
) -> None:
    """Sent, perhaps sent, answered in a turn that the backup lacks, dropped, still to do."""
    assert client_a.id == 1
    path, copy = database.path, tmp_path / "copy.db"
    begin(path)
    back_up(path, copy, force=False, monotonic=stopped, watch=unwatched)
    go_on(path)
    database.close()

    done = put_back(copy, path)
    assert done.learnt is not None
    assert (4, 1, 3) == (done.learnt.settled, done.learnt.missing, done.unsettled)
    assert [
        ("w1", "done", None),
        ("w2", "answered", None),
        ("w3", "done", None),
        ("w4", "parked", "restored"),
        ("w5", "pending", None),
        ("w6", "ignored", "dropped"),
        ("w7", "pending", None),
    ] == query(path, "SELECT wamid, state, error FROM inbox ORDER BY id")
    assert [("out1", "sent", "wamid.1", 1), ("out2", "in_doubt", None, 2)] == query(
        path, "SELECT id, state, wamid, attempts FROM outbox ORDER BY seq"
    )
    assert [(5.0,)] == query(path, "SELECT welcomed_at FROM conversations")


def begin(path: Path) -> None:
    """Let two messages be answered and five wait."""
    query(path, CONVERSATION)
    for turn in (1, 2):
        query(path, TURN, turn)
        query(path, INBOX, f"w{turn}", "answered", turn)
        query(path, OUTBOX, f"out{turn}", turn, "queued", None)
    for number in range(3, 8):
        query(path, INBOX, f"w{number}", "pending", None)


def go_on(path: Path) -> None:
    """Work on most of them, and take one more."""
    query(path, "UPDATE outbox SET state = 'sent', wamid = 'wamid.1' WHERE id = 'out1'")
    query(path, "UPDATE inbox SET state = 'done' WHERE wamid IN ('w1', 'w3')")
    query(path, "UPDATE outbox SET state = 'sending', attempts = 2 WHERE id = 'out2'")
    answer = "UPDATE inbox SET state = 'answered', turn_id = ? WHERE wamid = ?"
    for turn, state in ((4, "sending"), (5, "queued")):
        query(path, TURN, turn)
        query(path, OUTBOX, f"out{turn}", turn, state, None)
        query(path, answer, turn, f"w{turn}")
    query(path, "UPDATE inbox SET state = 'ignored', error = 'dropped' WHERE wamid = 'w6'")
    query(path, "UPDATE conversations SET welcomed_at = 5.0")
    query(path, INBOX, "w8", "pending", None)


def test_a_token_that_was_revoked_since_stays_useless(database: Database, tmp_path: Path) -> None:
    """A backup brings no key back."""
    path, copy = database.path, tmp_path / "copy.db"
    query(
        path,
        "INSERT INTO tokens (name, digest, created_at, expires_at) VALUES ('laptop', 'd', 1, 9e9)",
    )
    back_up(path, copy, force=False, monotonic=stopped, watch=unwatched)
    query(path, "UPDATE tokens SET revoked_at = 7.0")
    database.close()
    put_back(copy, path)
    assert [("laptop", 7.0)] == query(path, "SELECT name, revoked_at FROM tokens")


def test_who_wants_no_bot_has_none_after_a_restore(
    database: Database, client_a: Client, tmp_path: Path
) -> None:
    """Whether the backup knows them or not; who took a conversation over has it still.

    Of a client that the backup lacks nobody is known, and whoever was given back stays so.
    """
    assert client_a.id == 1
    path, copy = database.path, tmp_path / "copy.db"
    insert = CONVERSATION.replace("'34600'", "?")
    for customer in ("34600", "34601", "34602"):
        query(path, insert, customer)
    query(path, "UPDATE conversations SET paused_until = 9e9, paused_by = 'person' WHERE id = 3")
    back_up(path, copy, force=False, monotonic=stopped, watch=unwatched)
    for customer in ("34603", "34604"):
        query(path, insert, customer)
    query(
        path,
        "INSERT INTO clients (id, name, phone_number, phone_number_id, active, timezone, locale,"
        " created_at, updated_at) VALUES (9, 'New', '+349', '9', 1, 'UTC', 'es', 1, 1)",
    )
    query(path, "UPDATE conversations SET client_id = 9 WHERE wa_id = '34604'")
    query(path, "UPDATE conversations SET paused_until = 9e9, paused_by = 'person' WHERE id = 2")
    query(path, "UPDATE conversations SET paused_until = 1e11, paused_by = 'stopped' WHERE id <> 2")
    query(path, "UPDATE conversations SET paused_until = 5.0, paused_by = NULL WHERE id = 3")
    database.close()
    put_back(copy, path)
    assert [
        ("34600", 1e11, "stopped"),
        ("34601", 9e9, "person"),
        ("34602", 5.0, None),
        ("34603", 1e11, "stopped"),
    ] == query(path, "SELECT wa_id, paused_until, paused_by FROM conversations ORDER BY wa_id")


def test_a_stop_is_kept_of_who_was_two_rows_at_the_backup(
    database: Database, client_a: Client, tmp_path: Path
) -> None:
    """The number's row is gone since, and what remains goes by the user id."""
    assert client_a.id == 1
    path, copy = database.path, tmp_path / "copy.db"
    query(path, CONVERSATION)
    back_up(path, copy, force=False, monotonic=stopped, watch=unwatched)
    query(path, "UPDATE conversations SET id = 2, user_id = 'ES.1', paused_until = 1e11")
    query(path, "UPDATE conversations SET paused_by = 'stopped'")
    database.close()
    put_back(copy, path)
    assert [(1, 1e11, "stopped")] == query(
        path, "SELECT id, paused_until, paused_by FROM conversations"
    )
