"""What tests of the store share: a fresh database file, its daemon's way in, two clients."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from daemon.core.store.clients import Client
from daemon.core.store.engine import Database
from daemon.core.store.group_commit import GroupCommit
from tests.doubles.new_database import copy_new_database
from tests.doubles.store_kit import NUMBER_A, NUMBER_B, onboard


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Make a database file of its own, at the schema of this code."""
    copy_new_database(tmp_path / "released.db")
    made = Database(tmp_path / "released.db")
    yield made
    made.close()


@pytest.fixture
async def group(database: Database) -> AsyncIterator[GroupCommit]:
    """Start the daemon's writer over `database`."""
    opened = GroupCommit(database)
    yield opened
    await opened.close()


@pytest.fixture
def client_a(database: Database) -> Client:
    """Add the client that a test is about."""
    return database.write(lambda conn: onboard(conn, name="A", phone_number_id=NUMBER_A))


@pytest.fixture
def client_b(database: Database, client_a: Client) -> Client:
    """Add another client, who must see and change nothing of the first."""
    assert client_a.id == 1
    return database.write(lambda conn: onboard(conn, name="B", phone_number_id=NUMBER_B))
