"""Alembic's entry: runs on the connection, and in the transaction, that `upgrade` holds open."""

from alembic import context

from daemon.core.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    # The caller's BEGIN IMMEDIATE covers all revisions: half an upgrade is never committed.
    transactional_ddl=False,
)
context.run_migrations()
