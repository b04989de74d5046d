"""Admin tokens: made, checked, replaced, revoked. Shown once; only a token's digest is kept."""

import hashlib
import secrets
import shlex
from dataclasses import dataclass
from typing import Any

from daemon.core.clients import get_client
from daemon.core.documents import timestamp
from daemon.core.errors import Conflict, FieldProblem, Invalid, NotFound
from daemon.core.store import audit
from daemon.core.store import tokens as store
from daemon.core.store.audit import Actor
from daemon.core.store.engine import Connection
from daemon.core.store.tokens import Scope, Token

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
    conn: Connection,
    name: str,
    *,
    lifetime_days: float,
    now: float,
    actor: Actor,
    scope: Scope = "write",
    client: str | None = None,
) -> NewToken:
    """Make a token that works for `lifetime_days` from now; with 0 it has expired at once.

    `client` is a REF: the token sees that client only, and without one it sees them all.

    Raises:
        Invalid: for an empty name or an impossible lifetime.
        NotFound: when no client has this REF.
        Conflict: when an unrevoked token has this name, or the REF fits several clients.

    """
    cleaned = name.strip()
    if not cleaned or not cleaned.isprintable():
        raise _problem("name", "must be one line, not empty")
    _check_lifetime(lifetime_days)
    if store.find_token(conn, cleaned) is not None:
        quoted = shlex.quote(cleaned)
        raise Conflict(
            f"There is a token {cleaned!r} already. Replace it: released token rotate {quoted};"
            f" or revoke it first: released token revoke {quoted}",
            problems=(FieldProblem("name", "is taken"),),
        )
    client_id = None if client is None else get_client(conn, client).id
    made = _insert(conn, cleaned, scope, client_id, lifetime_days=lifetime_days, now=now)
    after = {"name": cleaned, "scope": scope, "client_id": client_id}
    audit.append(conn, actor=actor, action="token.create", now=now, after=after)
    return made


def rotate_token(
    conn: Connection, name: str, *, lifetime_days: float, now: float, actor: Actor
) -> NewToken:
    """Replace a token by one of the same name, scope and client; the old one is void at once.

    Raises:
        Invalid: for an impossible lifetime.
        NotFound: when no unrevoked token has this name.

    """
    _check_lifetime(lifetime_days)
    old = store.find_token(conn, name)
    if old is None:
        raise _missing(conn, name)
    store.revoke_token(conn, name=name, now=now)
    made = _insert(conn, name, old.scope, old.client_id, lifetime_days=lifetime_days, now=now)
    before = {"name": name, "expires_at": timestamp(old.expires_at)}
    after = {"name": name, "expires_at": timestamp(made.expires_at)}
    audit.append(conn, actor=actor, action="token.rotate", now=now, before=before, after=after)
    return made


def digest(token: str) -> str:
    """Name a token without telling it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def check_token(conn: Connection, token: str, *, now: float) -> Token | None:
    """Find the valid token that this is. Looking up a digest leaks nothing through its timing."""
    found = store.find_by_digest(conn, digest(token))
    if found is None or found.revoked_at is not None or found.expires_at <= now:
        return None
    return found


def is_use_due(token: Token, *, now: float) -> bool:
    """Tell whether this use is worth writing down."""
    return token.last_used_at is None or now - token.last_used_at >= USE_NOTED_EVERY_S


def note_use(conn: Connection, token: str, *, now: float) -> None:
    """Write down that a token was used."""
    store.note_use(conn, digest=digest(token), now=now)


def revoke_token(conn: Connection, name: str, *, now: float, actor: Actor) -> None:
    """Revoke a token at once.

    Raises:
        NotFound: when no unrevoked token has this name.

    """
    if not store.revoke_token(conn, name=name, now=now):
        raise _missing(conn, name)
    audit.append(conn, actor=actor, action="token.revoke", now=now, before={"name": name})


def list_documents(conn: Connection, *, now: float) -> list[dict[str, Any]]:
    """Describe all tokens, oldest first, revoked ones too."""
    return [token_document(token, now=now) for token in store.list_tokens(conn)]


def made_document(made: NewToken) -> dict[str, Any]:
    """Show a new token, this once."""
    return {
        "name": made.name,
        "token": made.token,
        "expires_at": timestamp(made.expires_at),
    }


def token_document(token: Token, *, now: float) -> dict[str, Any]:
    """Describe a token as both faces show it."""
    state = "valid"
    if token.revoked_at is not None:
        state = "revoked"
    elif token.expires_at <= now:
        state = "expired"
    return {
        "name": token.name,
        "scope": token.scope,
        "client_id": token.client_id,
        "state": state,
        "created_at": timestamp(token.created_at),
        "expires_at": timestamp(token.expires_at),
        "last_used_at": None if token.last_used_at is None else timestamp(token.last_used_at),
    }


def _insert(
    conn: Connection,
    name: str,
    scope: Scope,
    client_id: int | None,
    *,
    lifetime_days: float,
    now: float,
) -> NewToken:
    token = f"rel_{secrets.token_urlsafe(32)}"
    expires_at = now + lifetime_days * DAY_S
    store.insert_token(
        conn,
        name=name,
        digest=digest(token),
        scope=scope,
        client_id=client_id,
        now=now,
        expires_at=expires_at,
    )
    return NewToken(name=name, token=token, expires_at=expires_at)


def _check_lifetime(days: float) -> None:
    if not 0 <= days <= LIFETIME_LIMIT_DAYS:
        raise _problem("expires_days", f"must be from 0 to {LIFETIME_LIMIT_DAYS}")


def _missing(conn: Connection, name: str) -> NotFound:
    """Say why no unrevoked token has this name: it never was one, or is one no more."""
    was_there = any(token.name == name for token in store.list_tokens(conn))
    why = f"Token {name!r} is revoked already" if was_there else f"There is no token {name!r}"
    return NotFound(f"{why}. `released token list` shows them all.")


def _problem(field: str, reason: str) -> Invalid:
    return Invalid(f"{field} {reason}.", problems=(FieldProblem(field, reason),))
