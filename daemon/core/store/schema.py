"""The tables. Core `Table`s and not mapped classes: importing the ORM costs the CLI 110 ms a start.

Times are seconds since the epoch, UTC. A state in a partial index is written as a literal both here
and in the statements, because the planner proves the match by text.
"""

import sqlalchemy as sa

APPLICATION_ID = 0x52656C44
"""SQLite's `application_id` in our files ("RelD"): tells our database from anybody else's."""

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Moment = sa.Double
"""Seconds since the epoch."""

RowId = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""SQLite counts only a column of type INTEGER up by itself."""

OF_ANY_CLIENT = "client_id > 0"
"""True of every row: only a statement that says so uses the index.

Any other that names a client and a conversation would take a client's whole history for as good a
way to its rows as the conversation's own index.
"""

_IS_OPEN = "state IN ('queued', 'sending', 'in_doubt')"


def _partial(
    name: str, *columns: str | sa.Column[object], where: str, unique: bool = False
) -> sa.Index:
    # Only SQLite's word for it: naming another dialect's would import that dialect, 45 ms a start.
    return sa.Index(name, *columns, unique=unique, sqlite_where=sa.text(where))


clients = sa.Table(
    "clients",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, index=True),
    sa.Column("phone_number", sa.Text, nullable=False, index=True),
    sa.Column("phone_number_id", sa.Text, nullable=False, unique=True),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("welcome_message", sa.Text),
    sa.Column("business_hours", sa.Text),
    sa.Column("timezone", sa.Text, nullable=False),
    sa.Column("locale", sa.Text, nullable=False),
    sa.Column("fallback_message", sa.Text),
    sa.Column("access_token", sa.Text),
    sa.Column("stopped_code", sa.Integer),
    sa.Column("stopped_at", Moment),
    sa.Column("stopped_token_digest", sa.Text),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sqlite_autoincrement=True,
)

assistants = sa.Table(
    "assistants",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("client_id", RowId, sa.ForeignKey("clients.id"), nullable=False, unique=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
)

assistant_versions = sa.Table(
    "assistant_versions",
    metadata,
    sa.Column("assistant_id", sa.Text, sa.ForeignKey("assistants.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("instructions", sa.Text, nullable=False),
    sa.Column("faq_count", sa.Integer, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("faqs_digest", sa.Text, nullable=False, server_default=""),
)

faqs = sa.Table(
    "faqs",
    metadata,
    sa.Column("assistant_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(
        ["assistant_id", "version"],
        ["assistant_versions.assistant_id", "assistant_versions.version"],
    ),
)

conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("client_id", RowId, sa.ForeignKey("clients.id"), nullable=False),
    sa.Column("user_id", sa.Text),
    sa.Column("wa_id", sa.Text),
    sa.Column("welcomed_at", Moment),
    sa.Column("lease_until", Moment),
    sa.Column("paused_until", Moment),
    sa.Column("paused_by", sa.Text),
    sa.Column("fence", sa.Integer, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.CheckConstraint("user_id IS NOT NULL OR wa_id IS NOT NULL", name="has_a_customer"),
    _partial(
        "uq_conversations_user_id", "client_id", "user_id", where="user_id IS NOT NULL", unique=True
    ),
    _partial(
        "uq_conversations_wa_id", "client_id", "wa_id", where="wa_id IS NOT NULL", unique=True
    ),
    _partial("ix_conversations_user_id", "user_id", where="user_id IS NOT NULL"),
    _partial("ix_conversations_leased", "lease_until", where="lease_until IS NOT NULL"),
    _partial(
        "ix_conversations_paused",
        "client_id",
        "paused_by",
        "paused_until",
        where="paused_until IS NOT NULL",
    ),
    sqlite_autoincrement=True,
)

turns = sa.Table(
    "turns",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("client_id", RowId, sa.ForeignKey("clients.id"), nullable=False),
    sa.Column("conversation_id", RowId, sa.ForeignKey("conversations.id"), nullable=False),
    sa.Column("engine", sa.Text, nullable=False),
    sa.Column("model", sa.Text),
    sa.Column("assistant_version", sa.Integer, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("cause", sa.Text),
    sa.Column("faq_ids", sa.JSON, nullable=False),
    sa.Column("answered", sa.Boolean, nullable=False),
    sa.Column("handoff", sa.Boolean, nullable=False),
    sa.Column("input_tokens", sa.Integer, nullable=False),
    sa.Column("cached_tokens", sa.Integer, nullable=False),
    sa.Column("output_tokens", sa.Integer, nullable=False),
    sa.Column("cost_usd", sa.Double),
    sa.Column("latency_ms", sa.Integer, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Index("ix_turns_conversation", "conversation_id", "client_id", "created_at"),
    _partial("ix_turns_client", "client_id", "id", where=OF_ANY_CLIENT),
    _partial("ix_turns_unanswered", "client_id", "id", where="outcome = 'unanswered'"),
    sqlite_autoincrement=True,
)

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("wamid", sa.Text, nullable=False, unique=True),
    sa.Column("client_id", RowId, sa.ForeignKey("clients.id"), nullable=False),
    sa.Column("conversation_id", RowId, sa.ForeignKey("conversations.id"), nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("text", sa.Text),
    sa.Column("sent_at", Moment, nullable=False),
    sa.Column("received_at", Moment, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("turn_id", RowId, sa.ForeignKey("turns.id")),
    sa.CheckConstraint(
        "state IN ('pending', 'answered', 'done', 'parked', 'ignored')", name="state"
    ),
    _partial("ix_inbox_pending", "id", where="state = 'pending'"),
    _partial("ix_inbox_claim", "client_id", "conversation_id", "id", where="state = 'pending'"),
    _partial("ix_inbox_answered", "id", where="state = 'answered'"),
    _partial("ix_inbox_parked", "id", where="state = 'parked'"),
    _partial("ix_inbox_answered_client", "client_id", "id", where="state = 'answered'"),
    _partial("ix_inbox_parked_client", "client_id", "id", where="state = 'parked'"),
    _partial("ix_inbox_turn", "turn_id", where="turn_id IS NOT NULL"),
    sa.Index("ix_inbox_conversation", "conversation_id", "id"),
    _partial("ix_inbox_client", "client_id", "id", where=OF_ANY_CLIENT),
    sqlite_autoincrement=True,
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("seq", RowId, primary_key=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("client_id", RowId, sa.ForeignKey("clients.id"), nullable=False),
    sa.Column("conversation_id", RowId, sa.ForeignKey("conversations.id"), nullable=False),
    sa.Column("turn_id", RowId, sa.ForeignKey("turns.id"), nullable=False),
    sa.Column("text", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", Moment, nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("wamid", sa.Text, index=True),
    sa.Column("status", sa.Text),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("sent_at", Moment),
    sa.Column("delivered_at", Moment),
    sa.Column("read_at", Moment),
    sa.Column("failed_at", Moment),
    sa.CheckConstraint(
        "state IN ('queued', 'sending', 'in_doubt', 'sent', 'parked')", name="state"
    ),
    _partial("ix_outbox_open", "client_id", "conversation_id", "seq", where=_IS_OPEN),
    _partial("ix_outbox_due", "due_at", where=_IS_OPEN),
    sa.Index("ix_outbox_turn", "turn_id"),
    sa.Index("ix_outbox_conversation", "conversation_id", "seq"),
    sqlite_autoincrement=True,
)

happenings = sa.Table(
    "happenings",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("client_id", RowId, nullable=False),
    sa.Column("row_id", RowId, nullable=False),
    sa.Column("error", sa.Text),
)
"""What happened to rows that are changed in place; triggers write it of inbox and outbox.

The triggers stand in migration 0003, and keep the newest 100,000 rows. `row_id` is the inbox's id
for `message.parked`, the conversation's for `conversation.…`, which `store.pausing` writes, else
the outbox's seq; 0 where that row was erased with its customer.
"""

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False, unique=True),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("revoked_at", Moment),
    sa.Column("last_used_at", Moment),
    sa.Column("scope", sa.Text, nullable=False, server_default="write"),
    sa.Column("client_id", RowId),
    _partial("uq_tokens_name", "name", where="revoked_at IS NULL", unique=True),
    sqlite_autoincrement=True,
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("client_id", RowId),
    sa.Column("before", sa.JSON),
    sa.Column("after", sa.JSON),
    sa.Column("origin", sa.Text, nullable=False, server_default="local"),
    sa.Index("ix_audit_client_id_id", "client_id", "id"),
    sqlite_autoincrement=True,
)
"""Who changed what. Append-only; its newest id is also how the daemon notices a change."""

idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("caller", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("request_digest", sa.Text, nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("created_at", Moment, nullable=False, index=True),
)
"""Answers to creates that named an Idempotency-Key, so that a repeated call makes nothing twice."""

sightings = sa.Table(
    "sightings",
    metadata,
    sa.Column("client_id", RowId, primary_key=True, autoincrement=False),
    sa.Column("token_digest", sa.Text),
    sa.Column("token_valid", sa.Boolean),
    sa.Column("token_expires_at", Moment),
    sa.Column("token_seen_at", Moment),
    sa.Column("quality", sa.Text),
    sa.Column("quality_seen_at", Moment),
)
"""What Meta last said of a client's own token and number; with 0, of the token that all share."""

heartbeats = sa.Table(
    "heartbeats",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("at", Moment, nullable=False),
)
