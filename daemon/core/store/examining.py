"""What a doctor asks of the database file itself; of its rows it asks as anybody does."""

import sqlalchemy as sa

from daemon.core.store.upgrade import HEAD


def is_current(conn: sa.Connection) -> bool:
    """Tell whether the schema is the one this code works on."""
    revision = conn.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()
    return revision == HEAD
