"""An index from a user_id to the clients that know it, for changes told to a whole portfolio."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index; without it each change would be looked for in every client."""
    op.create_index(
        "ix_conversations_user_id",
        "conversations",
        ["user_id"],
        sqlite_where=sa.text("user_id IS NOT NULL"),
    )
