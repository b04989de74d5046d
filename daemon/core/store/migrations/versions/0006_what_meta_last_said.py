"""A table of what Meta last said of access tokens and numbers, for programs beside the daemon."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; the daemon's next look fills it."""
    op.create_table(
        "sightings",
        sa.Column("client_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token_digest", sa.Text(), nullable=True),
        sa.Column("token_valid", sa.Boolean(), nullable=True),
        sa.Column("token_expires_at", sa.Double(), nullable=True),
        sa.Column("token_seen_at", sa.Double(), nullable=True),
        sa.Column("quality", sa.Text(), nullable=True),
        sa.Column("quality_seen_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("client_id", name="pk_sightings"),
    )
