"""What tests of sealed access tokens share: rows as they lie in the file, and keys at rest."""

import os
from pathlib import Path

from daemon.core.clients import get_client, update_client
from daemon.core.documents import client_document
from daemon.core.sealing.keys import Key, parse_keys
from daemon.core.sealing.rotating import Dropped, Rotated, drop_old, rotate
from daemon.core.seeds import ClientChanges, validate
from daemon.core.store.audit import Actor
from daemon.core.store.clients import list_own_tokens
from daemon.core.store.engine import Connection, Database
from tests.doubles.backup_kit import query
from tests.doubles.crashing_daemon import Point, arm
from tests.doubles.store_kit import NOW, NUMBER_A, NUMBER_B, onboard

ANA = Actor("cli:ana")
TOKENS = {1: "EAAB-token-of-A", 2: "EAAB-token-of-B"}

STEPS = {
    "the new file is not begun": Point("daemon.core.sealing.rotating", "rewrite_file", "before"),
    "the new file is written beside": Point("daemon.core.placing", "sync", "after"),
    "the new file is not renamed": Point("daemon.core.placing", "place", "before"),
    "both keys are in the file": Point("daemon.core.placing", "place", "after"),
    "one row of two is sealed anew": Point("daemon.core.store.clients", "update_client", "after"),
    "all are, and nothing is committed": Point("daemon.core.store.audit", "append", "after"),
    "it is committed": Point("daemon.core.store.engine", "Writer.commit", "after"),
    "all but the message": Point("daemon.core.sealing.rotating", "Rotated", "after"),
}
"""Where a `released secrets rotate` may be killed."""


def die_at(step: str) -> None:
    """Let this process kill itself at a step of a rotation."""
    arm(STEPS[step], nth=1)


def add_two(database: Database) -> None:
    """Add two clients, each with a token of its own."""

    def add(conn: Connection) -> None:
        onboard(conn, name="A", phone_number_id=NUMBER_A, access_token=TOKENS[1])
        onboard(conn, name="B", phone_number_id=NUMBER_B, access_token=TOKENS[2])

    database.write(add)


def stored(path: Path) -> dict[int, str]:
    """Read the tokens as they lie in the file."""
    rows = query(path, "SELECT id, access_token FROM clients WHERE access_token IS NOT NULL")
    return {int(str(client_id)): str(token) for client_id, token in rows}


def put_plain(path: Path, tokens: dict[int, str]) -> None:
    """Store tokens as an older version did."""
    for client_id, token in tokens.items():
        query(path, f"UPDATE clients SET access_token = ? WHERE id = {client_id}", token)


def reveal(path: Path) -> dict[int, str | None]:
    """Open every client's token as a program does that has just started."""
    database = Database(path)
    try:
        tokens = database.read(list_own_tokens)
        return {token.client_id: token.reveal() for token in tokens}
    finally:
        database.close()


def set_token(conn: Connection, client_id: int, token: str | None) -> tuple[str, ...]:
    """Store another token in an open transaction; tell what changed."""
    changes = validate(ClientChanges, {"access_token": token})
    return update_client(conn, client_id, changes, now=NOW, actor=ANA).changed


def change_token(database: Database, client_id: int, token: str | None) -> tuple[str, ...]:
    """Store another token; tell what changed."""
    return database.write(lambda conn: set_token(conn, client_id, token))


def keys_in(path: Path) -> tuple[Key, ...]:
    return parse_keys(path.read_text()).keys


def bytes_on_disk(folder: Path) -> bytes:
    """Read all files of a folder, one behind the other."""
    return b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())


def document_of(path: Path, client_id: int) -> dict[str, object]:
    database = Database(path)
    try:
        client = database.read(lambda conn: get_client(conn, str(client_id)))
        return client_document(client)
    finally:
        database.close()


def turn(database: Database, key_file: Path | None = None) -> Rotated:
    """Put a new key in the old one's place."""
    return rotate(database, key_file=key_file, random=os.urandom, now=NOW, actor=ANA)


def drop(database: Database, key_file: Path | None = None) -> Dropped:
    """Drop the keys that seal nothing any more."""
    return drop_old(database, key_file=key_file, now=NOW, actor=ANA)


def key_ids(path: Path) -> set[str]:
    """Name the keys that seal what lies in the file."""
    return {token.split(":")[2] for token in stored(path).values()}
