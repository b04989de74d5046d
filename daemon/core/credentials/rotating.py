"""Exchanges a token for a new one, tries that, and only then lets it take the old one's place.

Owns the order, and what makes a new token good enough. Whatever fails before the last step leaves
the old token in force, and a program that dies in between does too: the new one is then nobody's,
and the old one works until its own end.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from daemon.core.clients import update_client
from daemon.core.credentials.judging import SYSTEM_USER, UNREADABLE_STEP, find_missing_scopes
from daemon.core.credentials.means import Means
from daemon.core.credentials.timing import count_days
from daemon.core.documents import timestamp
from daemon.core.errors import Conflict, Misconfigured, ReleasedError, Retryable, Stale
from daemon.core.meta.exchanging import Exchanged, ExchangeRefused
from daemon.core.meta.facts import TokenFacts
from daemon.core.meta.inspecting import LookupRefused
from daemon.core.seeds import ClientChanges, validate
from daemon.core.settings import WHERE_TO_GET
from daemon.core.store.audit import Actor
from daemon.core.store.clients import Client, find_client
from daemon.core.store.engine import Connection

IN_FORCE = "The old token stays in force"


@dataclass(frozen=True, slots=True)
class Fresh:
    """A new token that was tried and works, and what Meta says of it and of the old one."""

    access_token: str = field(repr=False)
    facts: TokenFacts
    before: TokenFacts


async def rotate_client_token(means: Means, client: Client, *, actor: Actor) -> dict[str, Any]:
    """Give a client a new access token in place of its own; describe both.

    Raises:
        Conflict: it has none of its own, its token never ends, or Meta or the new token will not.
        Stale: somebody has stored another token meanwhile.
        Retryable: Meta cannot be asked now.
        Misconfigured: META_APP_SECRET is not set.

    """
    if client.access_token is None:
        raise Conflict(
            f"{client.name} has no access token of its own: it sends with META_ACCESS_TOKEN,"
            " which is exchanged on the server (released meta token rotate there)."
        )
    old = means.settings.token_for(client.access_token)
    if old is None:
        raise Conflict(
            f"The access token of {client.name} cannot be read with this server's key:"
            f" {UNREADABLE_STEP}."
        )
    fresh = await exchange_and_try(means, old, number_id=client.phone_number_id)
    job = partial(_store, client_id=client.id, old=old, new=fresh.access_token, actor=actor)
    now = means.clock()
    await means.store.write(partial(job, now=now))
    return describe_rotation(fresh, client=client, stored_in="the database", now=now)


async def exchange_and_try(means: Means, old: str, *, number_id: str | None) -> Fresh:
    """Exchange a token and try the new one, on a number where one is given; store nothing.

    Raises:
        Conflict, Retryable, Misconfigured: as `rotate_client_token`, and nothing has changed.

    """
    secret = means.settings.meta_app_secret
    if secret is None:
        where = WHERE_TO_GET["META_APP_SECRET"]
        raise Misconfigured(f"META_APP_SECRET is not set. Where to get it: {where}.")
    try:
        before = await means.inspector.fetch_token(old)
        app_id = _refuse_pointless(before)
        exchanged = await means.exchanger.exchange(
            old,
            app_id=app_id,
            app_secret=secret.get_secret_value(),
            in_60_days=before.kind in {None, SYSTEM_USER},
        )
        facts = await _try(means, exchanged, old=old, before=before, number_id=number_id)
    except ExchangeRefused as refused:
        raise Conflict(f"The token was not exchanged: {refused}. {IN_FORCE}.") from None
    except LookupRefused as refused:
        raise _explain(refused) from None
    except Retryable as silent:
        reason = str(silent).rstrip(".")
        raise Retryable(f"Meta cannot be asked: {reason}. {IN_FORCE}; try again later.") from None
    return Fresh(exchanged.access_token, facts, before)


def describe_rotation(
    fresh: Fresh, *, client: Client | None, stored_in: str, now: float
) -> dict[str, Any]:
    """Describe what was done, without any token; `client` None is the shared one."""
    expires_at, old_at = fresh.facts.expires_at, fresh.before.expires_at
    return {
        "client_id": None if client is None else client.id,
        "client": None if client is None else client.name,
        "shared": client is None,
        "app_id": fresh.facts.app_id,
        "expires_at": None if expires_at is None else timestamp(expires_at),
        "days_left": None if expires_at is None else count_days(expires_at, now=now),
        "old_expires_at": None if old_at is None else timestamp(old_at),
        "stored_in": stored_in,
    }


def _refuse_pointless(facts: TokenFacts) -> str:
    """Refuse what Meta would refuse, or what would make things worse; give the token's app."""
    if not facts.is_valid:
        raise Conflict(
            "Meta says that this token is not valid any more, and such a token cannot be"
            f" exchanged. Make a new one: {WHERE_TO_GET['META_ACCESS_TOKEN']}."
        )
    if facts.expires_at is None:
        raise Conflict(
            "This token never expires, so there is nothing to exchange: the new one would end in"
            " 60 days. If it has leaked, revoke it at Meta and store a new one."
        )
    if facts.app_id is None:
        raise Conflict(f"Meta does not tell which app this token belongs to. {IN_FORCE}.")
    return facts.app_id


async def _try(
    means: Means, exchanged: Exchanged, *, old: str, before: TokenFacts, number_id: str | None
) -> TokenFacts:
    """Make sure that the new token can do all that the old one could, and lives longer."""
    new = exchanged.access_token
    if new == old:
        raise Conflict(
            "Meta gave the same token again, which it does for a token of a person that was"
            " exchanged today; try again tomorrow."
        )
    try:
        facts = await means.inspector.fetch_token(new)
    except LookupRefused as refused:
        raise _distrust(f"Meta refuses it ({refused})") from None
    lost = set(find_missing_scopes(facts)) - set(find_missing_scopes(before))
    if not facts.is_valid:
        raise _distrust("Meta says that it is not valid")
    if lost:
        raise _distrust(f"it lacks {', '.join(sorted(lost))}")
    if facts.expires_at is not None and facts.expires_at <= (before.expires_at or 0.0):
        raise _distrust("it does not live longer than the old one")
    if number_id is not None:
        await _try_on_number(means, number_id, new=new, old=old)
    return facts


async def _try_on_number(means: Means, number_id: str, *, new: str, old: str) -> None:
    """Look the number up with the new token; where that is refused, the old one must be too.

    A token that may send need not be allowed to look up its number.
    """
    try:
        await means.inspector.fetch_number(number_id, access_token=new)
    except LookupRefused as refused:
        if refused.is_passing:
            raise
        if refused.is_about_token or await _sees(means, number_id, old):
            reason = f"it may not see the number {number_id} ({refused})"
            raise _distrust(reason) from None


async def _sees(means: Means, number_id: str, access_token: str) -> bool:
    try:
        await means.inspector.fetch_number(number_id, access_token=access_token)
    except LookupRefused as refused:
        if refused.is_passing:
            raise
        return False
    return True


def _distrust(reason: str) -> Conflict:
    return Conflict(f"The new token does not work: {reason}. {IN_FORCE}.")


def _explain(refused: LookupRefused) -> ReleasedError:
    if refused.is_about_token:
        where = WHERE_TO_GET["META_ACCESS_TOKEN"]
        return Conflict(
            f"Meta refuses this token ({refused}), and such a token cannot be exchanged."
            f" Make a new one: {where}."
        )
    if refused.is_passing:
        return Retryable(f"Meta cannot be asked: {refused}. {IN_FORCE}; try again later.")
    return Conflict(f"Meta does not tell about this token ({refused}). {IN_FORCE}.")


def _store(
    conn: Connection, *, client_id: int, old: str, new: str, now: float, actor: Actor
) -> None:
    client = find_client(conn, client_id)
    own = None if client is None else client.access_token
    if own is None or not own.is_same(old):
        raise Stale(
            f"The access token of client {client_id} was changed meanwhile, and that one stays."
            " The token exchanged here is not used."
        )
    changes = validate(ClientChanges, {"access_token": new})
    update_client(conn, client_id, changes, now=now, actor=actor)
