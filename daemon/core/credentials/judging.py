"""What is known of an access token, as one document for both faces. Pure.

The verdict is the doctor's, so that both say the same of one token. No token stands in a document.
"""

from typing import Any

from daemon.core.credentials.timing import EXPIRES_SOON_S, count_days
from daemon.core.doctor.finding import Finding, fail, skip, warn
from daemon.core.doctor.judging import SHARED_STEP, judge_token
from daemon.core.documents import timestamp
from daemon.core.errors import ReleasedError
from daemon.core.meta.facts import MANAGING_SCOPE, SENDING_SCOPE, TokenFacts
from daemon.core.store.clients import Client

NEEDED_SCOPES = (MANAGING_SCOPE, SENDING_SCOPE)
"""To send takes the second; to look after numbers and subscriptions takes the first too."""

SYSTEM_USER = "SYSTEM_USER"
"""Meta's word for the kind of token that a machine should have."""

UNREADABLE_STEP = "put the old key back: `released secrets status` tells which and where"

_GRANT = (
    "grant whatsapp_business_management to its system user, and generate a new token with it:"
    " without it neither the number nor its quality can be looked after"
)


def describe_token(
    facts: TokenFacts | ReleasedError, *, client: Client | None, is_shared: bool, now: float
) -> dict[str, Any]:
    """Describe a token: a client's own, the shared one, or with both the one it shares."""
    finding = _judge(facts, client=None if is_shared else client, now=now)
    known = facts if isinstance(facts, TokenFacts) else None
    return _frame(client, finding, is_shared=is_shared) | _tell_facts(known, now=now)


def describe_lack(who: str, *, client: Client | None = None) -> dict[str, Any]:
    """Describe a shared token that is not there, though it is needed; `who` says by whom."""
    finding = fail("token", f"META_ACCESS_TOKEN is not set, and {who}", SHARED_STEP)
    return _frame(client, finding, is_shared=True) | _tell_facts(None, now=0.0)


def describe_unreadable(client: Client) -> dict[str, Any]:
    """Describe a client's own token that the keys at hand do not open."""
    finding = fail("token", "it cannot be read with this server's key", UNREADABLE_STEP)
    return _frame(client, finding, is_shared=False) | _tell_facts(None, now=0.0)


def describe_hidden(client: Client) -> dict[str, Any]:
    """Describe the shared token to somebody who may see one client only: not at all."""
    reason = "it sends with the shared token, which is not shown to who sees one client only"
    return _frame(client, skip("token", reason), is_shared=True) | _tell_facts(None, now=0.0)


def find_missing_scopes(facts: TokenFacts) -> tuple[str, ...]:
    """List the permissions that it lacks; where Meta names none at all, it lacks none."""
    return tuple(scope for scope in NEEDED_SCOPES if facts.scopes and scope not in facts.scopes)


def _judge(facts: TokenFacts | ReleasedError, *, client: Client | None, now: float) -> Finding:
    finding = judge_token(facts, client=client, now=now)
    if finding.state != "ok" or not isinstance(facts, TokenFacts):
        return finding
    access_ends_at = facts.data_access_expires_at
    if access_ends_at is not None and access_ends_at - now < EXPIRES_SOON_S:
        until = timestamp(access_ends_at)[:10]
        step = "let the person log in to the app again, or better use a system user's token"
        return warn("token", f"valid, but its access to data ends on {until}", step)
    if MANAGING_SCOPE in find_missing_scopes(facts):
        return warn("token", f"valid, but it lacks the permission {MANAGING_SCOPE}", _GRANT)
    return finding


def _frame(client: Client | None, finding: Finding, *, is_shared: bool) -> dict[str, Any]:
    return {
        "client_id": None if client is None else client.id,
        "client": None if client is None else client.name,
        "shared": is_shared,
        "state": finding.state,
        "detail": finding.detail,
        "next": finding.next,
    }


def _tell_facts(facts: TokenFacts | None, *, now: float) -> dict[str, Any]:
    """Tell what Meta said; all is null where it said nothing."""
    if facts is None:
        return dict.fromkeys(_FACTS) | {"missing_scopes": []}
    issued_at, expires_at = facts.issued_at, facts.expires_at
    return {
        "valid": facts.is_valid,
        "type": facts.kind,
        "app_id": facts.app_id,
        "issued_at": _moment(issued_at),
        "age_days": None if issued_at is None else max(0, count_days(now, now=issued_at)),
        "never_expires": facts.is_valid and expires_at is None,
        "expires_at": _moment(expires_at),
        "days_left": None if expires_at is None else count_days(expires_at, now=now),
        "data_access_expires_at": _moment(facts.data_access_expires_at),
        "missing_scopes": list(find_missing_scopes(facts)),
    }


_FACTS = (
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


def _moment(at: float | None) -> str | None:
    return None if at is None else timestamp(at)
