"""Admin tokens: made, checked, revoked. A token is shown once; only its digest is kept."""

import hashlib
import secrets
import shlex
from dataclasses import dataclass
from typing import Any

from daemon.core.documents import timestamp
from daemon.core.errors import Conflict, FieldProblem, Invalid, NotFound
from daemon.core.store import audit
from daemon.core.store import tokens as store
from daemon.core.store.engine import Connection
from daemon.core.store.tokens import Token

DAY_S = 86_400
LIFETIME_LIMIT_DAYS = 3650
"""Ten years: longer than that is a typing error."""

USE_NOTED_EVERY_S = 60
"""How exact `last_used_at` is: a token in steady use costs one write a minute."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token in clear, for the one time it is shown."""

    name: str
    token: str
    expires_at: float


def create_token(
    conn: Connection, name: str, *, lifetime_days: float, now: float, actor: str
) -> NewToken:
    """Make a token that works for `lifetime_days` from now; with 0 it has expired at once.

    Raises:
        Invalid: for an empty name or an impossible lifetime.
        Conflict: when an unrevoked token has this name.

    """
    cleaned = name.strip()
    if not cleaned or not cleaned.isprintable():
        raise _problem("name", "must be one line, not empty")
    if not 0 <= lifetime_days <= LIFETIME_LIMIT_DAYS:
        raise _problem("expires_days", f"must be from 0 to {LIFETIME_LIMIT_DAYS}")
    if store.find_token(conn, cleaned) is not None:
        raise Conflict(
            f"There is a token {cleaned!r} already."
            f" Revoke it first: released token revoke {shlex.quote(cleaned)}",
            problems=(FieldProblem("name", "is taken"),),
        )
    token = f"rel_{secrets.token_urlsafe(32)}"
    expires_at = now + lifetime_days * DAY_S
    store.insert_token(conn, name=cleaned, digest=_digest(token), now=now, expires_at=expires_at)
    audit.append(conn, actor=actor, action="token.create", now=now, after={"name": cleaned})
    return NewToken(name=cleaned, token=token, expires_at=expires_at)


def check_token(conn: Connection, token: str, *, now: float) -> Token | None:
    """Find the valid token that this is. Looking up a digest leaks nothing through its timing."""
    found = store.find_by_digest(conn, _digest(token))
    if found is None or found.revoked_at is not None or found.expires_at <= now:
        return None
    return found


def is_use_due(token: Token, *, now: float) -> bool:
    """Tell whether this use is worth writing down."""
    return token.last_used_at is None or now - token.last_used_at >= USE_NOTED_EVERY_S


def note_use(conn: Connection, token: str, *, now: float) -> None:
    """Write down that a token was used."""
    store.note_use(conn, digest=_digest(token), now=now)


def revoke_token(conn: Connection, name: str, *, now: float, actor: str) -> None:
    """Revoke a token at once.

    Raises:
        NotFound: when no unrevoked token has this name.

    """
    if not store.revoke_token(conn, name=name, now=now):
        raise NotFound(f"There is no token {name!r}. `released token list` shows them all.")
    audit.append(conn, actor=actor, action="token.revoke", now=now, before={"name": name})


def token_document(token: Token, *, now: float) -> dict[str, Any]:
    """Describe a token as both faces show it."""
    state = "valid"
    if token.revoked_at is not None:
        state = "revoked"
    elif token.expires_at <= now:
        state = "expired"
    return {
        "name": token.name,
        "state": state,
        "created_at": timestamp(token.created_at),
        "expires_at": timestamp(token.expires_at),
        "last_used_at": None if token.last_used_at is None else timestamp(token.last_used_at),
    }


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _problem(field: str, reason: str) -> Invalid:
    return Invalid(f"{field} {reason}.", problems=(FieldProblem(field, reason),))
