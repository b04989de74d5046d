"""What tests of one edge share: a fresh database with two clients, a folder to run commands in."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from daemon.core.directory import Directory
from daemon.core.intake import Intake
from daemon.core.store import engine
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection, Database
from daemon.core.store.group_commit import GroupCommit
from tests.doubles.command_line import Shell
from tests.doubles.fake_systemd import FakeSystemd, play_systemd
from tests.doubles.fleet_kit import LUNA, SOL
from tests.doubles.new_database import copy_new_database
from tests.doubles.store_kit import NOW, NUMBER_A, NUMBER_B, onboard


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Make a database file of its own, at the schema of this code."""
    copy_new_database(tmp_path / "released.db")
    made = Database(tmp_path / "released.db")
    yield made
    made.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, database: Database) -> Iterator[Database]:
    """Open the same file through connections that wait 50 ms for a lock."""
    shorter = tuple(
        "busy_timeout=50" if pragma.startswith("busy_timeout") else pragma
        for pragma in engine.PRAGMAS
    )
    monkeypatch.setattr(engine, "PRAGMAS", shorter)
    opened = Database(database.path)
    yield opened
    opened.close()


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


@pytest.fixture
def conn(database: Database) -> Iterator[Connection]:
    """Open one transaction for a whole test; committed by nobody."""
    with database.engine.connect().execution_options(writes=True) as opened:
        opened.begin()
        yield opened


@pytest.fixture
def a(conn: Connection) -> Client:
    """Add the client that a test is about, in its transaction."""
    return onboard(conn, name="A", phone_number_id=NUMBER_A)


@pytest.fixture
def b(conn: Connection, a: Client) -> Client:
    """Add another client in the same transaction, who must see and change nothing of the first."""
    assert a.id == 1
    return onboard(conn, name="B", phone_number_id=NUMBER_B)


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """Run `released` in an empty folder, with no setting of this machine."""
    return Shell(tmp_path, monkeypatch, capsys)


@pytest.fixture
def fleet(shell: Shell) -> str:
    """Have Luna and Sol, as fleet.toml says."""
    shell.write("fleet.toml", LUNA + SOL)
    shell.must("apply", "fleet.toml")
    return "fleet.toml"


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSystemd:
    """Have a systemd whose answers a test writes down."""
    return play_systemd(tmp_path, monkeypatch)


@pytest.fixture
async def door(group: GroupCommit, client_a: Client, client_b: Client) -> Intake:
    """Open the front door of a daemon with two clients."""
    assert (1, 2) == (client_a.id, client_b.id)
    directory = Directory(group)
    await directory.refresh()
    return Intake(group, directory, clock=lambda: NOW)
