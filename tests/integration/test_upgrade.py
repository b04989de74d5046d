"""The schema: made, upgraded, and left alone when it is not ours."""

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from daemon.core.errors import Misconfigured
from daemon.core.store import upgrade
from daemon.core.store.engine import Connection, Database
from daemon.core.store.faults import StoreUnavailable
from daemon.core.store.schema import APPLICATION_ID, metadata
from daemon.core.store.upgrade import HEAD, MIGRATIONS, prepare

PREPARE = """
import sys
from pathlib import Path
import alembic.command
from daemon.core.store.engine import Database
from daemon.core.store.upgrade import prepare
print("ready", flush=True)
sys.stdin.readline()
database = Database(Path(sys.argv[1]))
print(prepare(database))
database.close()
"""


def upgrade_to(path: Path, revision: str) -> None:
    """Make a database as an older version of this code would have left it."""
    from alembic import command  # noqa: PLC0415 - only two tests pay for it

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    database = Database(path)
    database.create_file()

    def run(conn: Connection) -> None:
        config.attributes["connection"] = conn
        command.upgrade(config, revision)

    database.write(run)
    database.close()


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return ScriptDirectory.from_config(config)


def test_a_fresh_file_gets_the_schema_once(tmp_path: Path) -> None:
    """The first program makes it, the next finds nothing to do."""
    database = Database(tmp_path / "x.db")
    assert [True, False] == [prepare(database), prepare(database)]
    database.close()


def test_the_migrations_make_what_the_code_describes(database: Database) -> None:
    """`alembic check`: no difference between the tables in code and in the file."""

    def compare(conn: Connection) -> list[object]:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    assert [] == database.read(compare)


def test_partial_indexes_are_the_same_in_code_and_file(database: Database, tmp_path: Path) -> None:
    """What `alembic check` does not compare: conditions, checks and autoincrement."""
    described = Database(tmp_path / "described.db")
    described.write(metadata.create_all)

    def indexes(conn: Connection) -> dict[str, str]:
        rows = conn.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        )
        return {name: " ".join(sql.split()) for name, sql in rows}

    assert described.read(indexes) == database.read(indexes)
    described.close()


def test_the_code_knows_its_newest_revision() -> None:
    """A start that finds HEAD does not import Alembic, so HEAD must be right."""
    assert HEAD == scripts().get_current_head()


def test_the_file_is_signed_as_ours(database: Database) -> None:
    """SQLite's application_id."""
    with closing(sqlite3.connect(database.path)) as raw:
        assert raw.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


def test_a_database_of_the_first_release_is_upgraded_with_its_rows(tmp_path: Path) -> None:
    """Nothing a customer wrote is lost by an upgrade."""
    path = tmp_path / "x.db"
    upgrade_to(path, "0001")
    with closing(sqlite3.connect(path)) as old, old:
        old.execute(
            "INSERT INTO clients (id, name, phone_number, phone_number_id, active, timezone,"
            " locale, created_at, updated_at) VALUES (5, 'A', '+34', '1', 1, 'UTC', 'es', 1, 1)"
        )
        old.execute(
            "INSERT INTO conversations (id, client_id, wa_id, fence, created_at)"
            " VALUES (7, 5, '34600', 3, 1)"
        )
        old.execute(
            "INSERT INTO inbox (wamid, client_id, conversation_id, type, text, sent_at,"
            " received_at, state, attempts) VALUES ('w', 5, 7, 'text', 'hola', 1, 1, 'pending', 0)"
        )
    database = Database(path)
    assert prepare(database)
    with closing(sqlite3.connect(path)) as new:
        joined = "FROM inbox JOIN conversations c ON c.id = conversation_id"
        assert [("hola", "34600", 3)] == new.execute(
            f"SELECT text, wa_id, fence {joined}"
        ).fetchall()
        assert [] == new.execute("PRAGMA foreign_key_check").fetchall()
    assert not prepare(database)
    database.close()


def test_a_pause_from_before_was_a_loops(tmp_path: Path) -> None:
    """Whoever upgrades in the middle of one finds it parked and lifted as ever."""
    path = tmp_path / "x.db"
    upgrade_to(path, "0007")
    with closing(sqlite3.connect(path)) as old, old:
        old.execute(
            "INSERT INTO clients (id, name, phone_number, phone_number_id, active, timezone,"
            " locale, created_at, updated_at) VALUES (5, 'A', '+34', '1', 1, 'UTC', 'es', 1, 1)"
        )
        old.executemany(
            "INSERT INTO conversations (client_id, wa_id, paused_until, fence, created_at)"
            " VALUES (5, ?, ?, 0, 1)",
            [("34600", 99.0), ("34601", None)],
        )
    database = Database(path)
    assert prepare(database)
    with closing(sqlite3.connect(path)) as new:
        assert [(99.0, "loop"), (None, None)] == new.execute(
            "SELECT paused_until, paused_by FROM conversations ORDER BY id"
        ).fetchall()
    database.close()


def test_half_an_upgrade_is_never_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash between two revisions leaves the database as it was."""
    path = tmp_path / "x.db"
    upgrade_to(path, "0001")
    database = Database(path)

    def fail(conn: Connection, path: Path) -> bool:
        really(conn, path)
        raise RuntimeError("power loss")

    really = upgrade._upgrade
    monkeypatch.setattr(upgrade, "_upgrade", fail)
    with pytest.raises(RuntimeError):
        prepare(database)
    monkeypatch.undo()
    with closing(sqlite3.connect(path)) as raw:
        assert [("0001",)] == raw.execute("SELECT version_num FROM alembic_version").fetchall()
    assert prepare(database)
    database.close()


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE notes (a)"],
        ["CREATE TABLE alembic_version (version_num)", "INSERT INTO alembic_version VALUES ('x')"],
        [f"PRAGMA application_id = {APPLICATION_ID}", "CREATE TABLE notes (a)"],
    ],
)
def test_another_programs_database_is_left_alone(tmp_path: Path, statements: list[str]) -> None:
    """A wrong DATABASE_URL does not put our tables beside another's."""
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as other:
        for statement in statements:
            other.execute(statement)
        other.commit()
    before = path.read_bytes()
    database = Database(path)
    with pytest.raises(Misconfigured, match="not a database of Released"):
        prepare(database)
    database.close()
    with closing(sqlite3.connect(path)) as other:
        assert not other.execute("SELECT 1 FROM sqlite_master WHERE name = 'inbox'").fetchall()
    assert len(before) == path.stat().st_size


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    """A text file is not overwritten."""
    path = tmp_path / "notes.txt"
    text = "My notes, which are no database at all.\n" * 100
    path.write_text(text)
    database = Database(path)
    with pytest.raises(Misconfigured, match="not a database of Released"):
        prepare(database)
    database.close()
    assert text == path.read_text()


def test_a_newer_database_is_left_alone(database: Database) -> None:
    """An old program says so and touches nothing."""
    database.write(
        lambda conn: conn.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    )
    with pytest.raises(Misconfigured, match=r"newer version of Released \(schema 9999"):
        prepare(database)


async def test_two_programs_that_start_at_once_share_one_schema(tmp_path: Path) -> None:
    """The second waits for the first and finds nothing to do."""
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            PREPARE,
            str(tmp_path / "x.db"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(3)
    ]
    for process in started:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    outcomes = await asyncio.gather(*(process.communicate(b"go\n") for process in started))
    assert [b""] * 3 == [errors for _, errors in outcomes]
    assert [b"False\n", b"False\n", b"True\n"] == sorted(said for said, _ in outcomes)


def test_who_waits_for_an_upgrade_finds_it_done(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look before the lock may be out of date; the one behind it decides."""
    looks = iter([None])
    seen = upgrade._revision
    monkeypatch.setattr(upgrade, "_revision", lambda conn, path: next(looks, seen(conn, path)))
    assert not prepare(database)


def test_a_database_that_is_locked_too_long_is_unavailable(tmp_path: Path) -> None:
    """An upgrade behind somebody's endless transaction is not waited for for ever."""
    path = tmp_path / "x.db"
    upgrade_to(path, "0001")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        database = Database(path)
        with database.engine.connect() as conn:
            conn.exec_driver_sql("PRAGMA busy_timeout=10")
        with pytest.raises(StoreUnavailable):
            prepare(database)
        database.close()
