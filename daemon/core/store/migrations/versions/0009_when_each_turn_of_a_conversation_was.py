"""The index of a conversation's turns tells when each was: a claim asks for the latest day's."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it anew; without the time every turn of a year was read for the few of a day."""
    op.drop_index("ix_turns_conversation", "turns")
    op.create_index(
        "ix_turns_conversation", "turns", ["conversation_id", "client_id", "created_at"]
    )
