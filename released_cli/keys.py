"""The keys that `--json id,name` may choose, by command: those of the documents it prints.

A list and not a model, because a command line must be read before anything heavy is imported.
"""

CLIENT = (
    "id",
    "name",
    "phone_number",
    "phone_number_id",
    "assistant_id",
    "active",
    "created_at",
    "updated_at",
    "welcome_message",
    "business_hours",
    "timezone",
    "locale",
    "fallback_message",
    "faq_count",
    "assistant_version",
    "stopped",
    "warnings",
    "faqs_digest",
    "access_token_digest",
)
MESSAGE = (
    "id",
    "wamid",
    "client_id",
    "customer",
    "type",
    "state",
    "attempts",
    "error",
    "received_at",
)
TOKEN = ("name", "scope", "client_id", "state", "created_at", "expires_at", "last_used_at")
TOKEN_MADE = ("name", "token", "expires_at")
CONTACT = ("client_id", "at", "conversations", "messages", "answers", "turns")
PAUSE = ("client_id", "paused_by", "paused_until", "changed")
RECEIPT = ("receipt", "at", "client_id", "erased")
STATUS = ("version", "time", "daemon", "database", "inbox", "clients", "alerts")
TURN = (
    "id",
    "at",
    "client_id",
    "customer",
    "question",
    "answer",
    "outcome",
    "cause",
    "handoff",
    "engine",
    "model",
    "assistant_version",
    "faq_ids",
    "latency_ms",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "state",
)
EVENT = (
    "at",
    "kind",
    "client_id",
    "client",
    "inbox_id",
    "type",
    "turn_id",
    "outcome",
    "cause",
    "latency_ms",
    "outbox_id",
    "error",
    "conversation_id",
    "action",
    "actor",
)
"""Of all kinds of events; what a kind does not have is null."""

PLAN = ("differences", "clients")
OUTCOME = (
    "created",
    "changed",
    "activated",
    "deactivated",
    "unchanged",
    "failed",
    "not_tried",
    "clients",
)
ENTRY = ("id", "at", "actor", "origin", "action", "client_id", "before", "after")
META_TOKEN = (
    "client_id",
    "client",
    "shared",
    "state",
    "detail",
    "next",
    "valid",
    "type",
    "app_id",
    "issued_at",
    "age_days",
    "never_expires",
    "expires_at",
    "days_left",
    "data_access_expires_at",
    "missing_scopes",
)
META_ROTATED = (
    "client_id",
    "client",
    "shared",
    "app_id",
    "expires_at",
    "days_left",
    "old_expires_at",
    "stored_in",
)
FINDING = ("check", "subject", "state", "detail", "next")
BACKUP = ("file", "bytes", "schema", "clients", "messages", "seconds")
VERIFIED = ("file", "bytes", "schema", "clients", "messages", "unreadable_tokens")
RESTORED = (
    "file",
    "database",
    "schema",
    "clients",
    "messages",
    "unsettled",
    "settled_since",
    "missing",
    "kept",
    "unreadable_tokens",
)
MAINTAINED = (
    "database",
    "check",
    "bytes",
    "unused_bytes",
    "log_bytes",
    "backup",
    "deleted",
    "faults",
    "seconds",
)
SERVICE = (
    "systemd",
    "units",
    "daemon",
    "version",
    "health",
    "backup",
    "maintenance",
    "faults",
)
LOG_LINE = ("time", "level", "unit", "logger", "message", "facts")

SECRETS = ("key_file", "keys", "tokens", "plain", "unreadable", "fault")

KEYS: dict[str, tuple[str, ...]] = {
    "client add": CLIENT,
    "client list": CLIENT,
    "client show": CLIENT,
    "client faqs": ("q", "a"),
    "client update": CLIENT,
    "client deactivate": CLIENT,
    "client activate": CLIENT,
    "client resume": CLIENT,
    "inbox list": MESSAGE,
    "inbox show": (*MESSAGE, "text", "answer"),
    "contact export": CONTACT,
    "contact erase": RECEIPT,
    "contact pause": PAUSE,
    "contact resume": PAUSE,
    "token create": TOKEN_MADE,
    "token rotate": TOKEN_MADE,
    "token list": TOKEN,
    "status": STATUS,
    "top": STATUS,
    "log": TURN,
    "listen": EVENT,
    "audit": ENTRY,
    "doctor": FINDING,
    "meta token check": META_TOKEN,
    "meta token rotate": META_ROTATED,
    "plan": PLAN,
    "apply": OUTCOME,
    "secrets status": SECRETS,
    "secrets rotate": ("key", "file", "sealed", "unreadable"),
    "secrets drop-old": ("file", "dropped", "kept"),
    "db backup": BACKUP,
    "db verify": VERIFIED,
    "db restore": RESTORED,
    "db maintain": MAINTAINED,
    "service status": SERVICE,
    "service logs": LOG_LINE,
}


def find_keys(command_path: str) -> tuple[str, ...]:
    """Give the keys of `released client list`; none where there are none to choose from."""
    return KEYS.get(command_path.partition(" ")[2], ())
