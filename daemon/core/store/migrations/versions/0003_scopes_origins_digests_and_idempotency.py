"""What an admin token may do, where a change came from, and answers kept for a repeated call."""

import hashlib
import json
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, name the FAQs of every version, and make the table of kept answers."""
    op.add_column("tokens", sa.Column("scope", sa.Text(), nullable=False, server_default="write"))
    op.add_column("tokens", sa.Column("client_id", sa.Integer(), nullable=True))
    op.add_column("audit", sa.Column("origin", sa.Text(), nullable=False, server_default="local"))
    op.add_column(
        "assistant_versions",
        sa.Column("faqs_digest", sa.Text(), nullable=False, server_default=""),
    )
    _fill_digests(op.get_bind())
    op.create_table(
        "idempotency",
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_digest", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "key", name="pk_idempotency"),
    )
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"])
    op.create_index("ix_audit_client_id_id", "audit", ["client_id", "id"])
    _add_reports()


def _add_reports() -> None:
    """Let a client's newest rows be found at once, and changes be noted where rows are changed."""
    own = ["client_id", "id"]
    for name, table, columns, where in (
        ("ix_turns_client", "turns", own, "client_id > 0"),
        ("ix_turns_unanswered", "turns", own, "outcome = 'unanswered'"),
        ("ix_inbox_client", "inbox", own, "client_id > 0"),
        ("ix_inbox_answered_client", "inbox", own, "state = 'answered'"),
        ("ix_inbox_parked_client", "inbox", own, "state = 'parked'"),
        (
            "ix_conversations_paused",
            "conversations",
            ["client_id", "paused_until"],
            "paused_until IS NOT NULL",
        ),
    ):
        op.create_index(name, table, columns, sqlite_where=sa.text(where))
    op.create_table(
        "happenings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("row_id", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_happenings"),
    )
    for trigger in _TRIGGERS:
        op.execute(trigger)


def _note(name: str, *, after: str, when: str, noted: Sequence[str]) -> str:
    columns = "at, kind, client_id, row_id, error"
    noting = " ".join(
        f"INSERT INTO happenings ({columns}) VALUES ({values});"  # noqa: S608 - our own words
        for values in noted
    )
    return f"CREATE TRIGGER note_{name} AFTER UPDATE OF {after} WHEN {when} BEGIN {noting} END"


_PARKED = (
    "(julianday('now') - 2440587.5) * 86400.0, 'message.parked', NEW.client_id, NEW.id, NEW.error"
)
_ACCEPTED = "coalesce(NEW.sent_at, NEW.created_at), 'send.accepted', NEW.client_id, NEW.seq, NULL"
_STATUSES = {
    status: f"NEW.{status}_at, 'send.{status}', NEW.client_id, NEW.seq, {error}"
    for status, error in (("delivered", "NULL"), ("read", "NULL"), ("failed", "NEW.error"))
}
_TELLS = {
    status: f"OLD.{status}_at IS NULL AND NEW.{status}_at IS NOT NULL" for status in _STATUSES
}

# One for each column, so that a statement pays only for what it sets; and never two that would
# write for one statement, because their order is not promised.
_TRIGGERS = (
    _note(
        "parked",
        after="state ON inbox",
        when="NEW.state = 'parked' AND OLD.state <> 'parked'",
        noted=[_PARKED],
    ),
    _note(
        "accepted",
        after="state ON outbox",
        when=f"NEW.state = 'sent' AND OLD.state <> 'sent' AND NOT ({' OR '.join(_TELLS.values())})",
        noted=[_ACCEPTED],
    ),
    *(
        _note(
            f"{status}{suffix}",
            after=f"{status}_at ON outbox",
            when=f"{_TELLS[status]} AND OLD.state {relation} 'sent'",
            noted=noted,
        )
        for status, told in _STATUSES.items()
        for suffix, relation, noted in (
            ("", "=", [told]),
            # The status is also how we learn that Meta took the message.
            ("_and_accepted", "<>", [_ACCEPTED, told]),
        )
    ),
    """
    CREATE TRIGGER trim_happenings AFTER INSERT ON happenings WHEN NEW.id % 1000 = 0
    BEGIN DELETE FROM happenings WHERE id <= NEW.id - 100000; END
    """,
)


def _fill_digests(conn: sa.Connection) -> None:
    versions = conn.execute(
        sa.text("SELECT assistant_id, version FROM assistant_versions")
    ).fetchall()
    for assistant_id, version in versions:
        keys = {"assistant": assistant_id, "version": version}
        entries = conn.execute(
            sa.text(
                "SELECT question, answer FROM faqs"
                " WHERE assistant_id = :assistant AND version = :version ORDER BY position"
            ),
            keys,
        )
        listed = [{"q": question, "a": answer} for question, answer in entries]
        canonical = json.dumps(listed, ensure_ascii=False, separators=(",", ":"))
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        conn.execute(
            sa.text(
                "UPDATE assistant_versions SET faqs_digest = :digest"
                " WHERE assistant_id = :assistant AND version = :version"
            ),
            keys | {"digest": digest},
        )
