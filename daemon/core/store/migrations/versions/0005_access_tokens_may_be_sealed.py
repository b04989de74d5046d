"""From here on a client's access token may be sealed, which older code would send as it stands.

No table changes: the number alone keeps older code away. The next daemon seals what is there, when
it starts, and not this upgrade: an older daemon may still be working on the database.
"""

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change nothing."""
