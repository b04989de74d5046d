"""Brings a database to the schema of this code, or says why it will not.

Alembic is imported only when there is something to upgrade: it costs 0.3 s, and nearly every start
finds the schema as it should be.
"""

from pathlib import Path

import sqlalchemy as sa

from daemon.core.errors import Misconfigured
from daemon.core.store.engine import Database
from daemon.core.store.schema import APPLICATION_ID

HEAD = "0009"
"""The revision that this code works on: the newest file in `migrations/versions`."""

MIGRATIONS = Path(__file__).parent / "migrations"


def prepare(database: Database) -> bool:
    """Create or upgrade the schema when it is not the code's; say whether anything was done.

    Two programs may do this at once: the second waits for the first and finds nothing to do.

    Raises:
        Misconfigured: when the file is not ours, or was written by a newer version.

    """
    database.create_file()
    if database.read(lambda conn: _revision(conn, database.path)) == HEAD:
        return False
    return database.write(lambda conn: _upgrade(conn, database.path))


def _revision(conn: sa.Connection, path: Path) -> str | None:
    """Read the schema's revision; None for an empty file."""
    tables = conn.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
    names = {str(row[0]) for row in tables}
    if not names:
        return None
    owner = conn.exec_driver_sql("PRAGMA application_id").scalar_one()
    if owner != APPLICATION_ID or "alembic_version" not in names:
        raise Misconfigured(
            f"{path} is not a database of Released. DATABASE_URL says where ours is."
        )
    revision = conn.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()
    return None if revision is None else str(revision)


def _upgrade(conn: sa.Connection, path: Path) -> bool:
    revision = _revision(conn, path)
    if revision == HEAD:
        return False

    from alembic import command  # noqa: PLC0415 - 0.3 s that a current schema need not pay
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = conn
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise Misconfigured(
            f"{path} was written by a newer version of Released (schema {revision},"
            f" this one knows {HEAD}). Install that version, or name another DATABASE_URL."
        )
    command.upgrade(config, "head")
    return True
