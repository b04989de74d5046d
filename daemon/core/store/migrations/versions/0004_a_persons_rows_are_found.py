"""An index by which a person's answers are found, so that they can be given out and erased."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Find a conversation's answers, also for SQLite, which looks before it lets one go."""
    op.create_index("ix_outbox_conversation", "outbox", ["conversation_id", "seq"])
    # With the client too, or the planner would take the index above for what is to be sent.
    op.drop_index("ix_outbox_open", "outbox")
    op.create_index(
        "ix_outbox_open",
        "outbox",
        ["client_id", "conversation_id", "seq"],
        sqlite_where=sa.text("state IN ('queued', 'sending', 'in_doubt')"),
    )
