"""Who has set a conversation aside: a loop, as all until now, a person, or its own customer."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; the index counts each client's conversations by it."""
    op.add_column("conversations", sa.Column("paused_by", sa.Text(), nullable=True))
    op.execute("UPDATE conversations SET paused_by = 'loop' WHERE paused_until IS NOT NULL")
    op.drop_index("ix_conversations_paused", "conversations")
    op.create_index(
        "ix_conversations_paused",
        "conversations",
        ["client_id", "paused_by", "paused_until"],
        sqlite_where=sa.text("paused_until IS NOT NULL"),
    )
