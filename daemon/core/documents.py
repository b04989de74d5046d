"""How clients are shown: one document for the CLI's --json and for HTTP alike.

What reads business hours is imported where there are some: a list of clients is wanted at once.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from daemon.core.meta.codes import Remedy, classify, describe
from daemon.core.sealing.sealed import digest_token
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection
from daemon.core.store.twins import NO_TWINS, Twins, find_twins
from daemon.core.wording import default_fallback, explain_language

_SET_ONE = (
    "no access token is set: put one into META_ACCESS_TOKEN and restart released-daemon, or give"
    " this client its own with `released client update REF --access-token-file PATH`"
)
UNREADABLE = (
    "its access token cannot be read with this server's key: put the old key back (`released"
    " secrets status` tells which and where) and then `released client resume REF`, or store the"
    " token again with `released client update REF --access-token-file PATH`"
)
_REPLACE_SHARED = (
    "Meta refuses the shared access token: put a new one into META_ACCESS_TOKEN"
    " and restart released-daemon"
)


TOKEN_DIGEST_DIGITS = 12
"""Hex digits of an access token's digest that are shown: enough to tell two apart."""


def show_clients(
    conn: Connection, clients: Sequence[Client], *, only: int | None = None
) -> list[dict[str, Any]]:
    """Describe clients, each with what it shares; `only` is as in `tenancy`, and knows no other."""
    twins = {} if only is not None else find_twins(conn)
    return [client_document(client, twins.get(client.id, NO_TWINS)) for client in clients]


def client_document(client: Client, twins: Twins = NO_TWINS) -> dict[str, Any]:
    """Describe a client as both faces show it; its access token stays out."""
    return {
        "id": client.id,
        "name": client.name,
        "phone_number": client.phone_number,
        "phone_number_id": client.phone_number_id,
        "assistant_id": client.assistant_id,
        "active": client.active,
        "created_at": timestamp(client.created_at),
        "updated_at": timestamp(client.updated_at),
        "welcome_message": client.welcome_message,
        "business_hours": client.business_hours,
        "timezone": client.timezone,
        "locale": client.locale,
        "fallback_message": fallback_of(client),
        "faq_count": client.faq_count,
        "assistant_version": client.assistant_version,
        "stopped": None
        if client.stopped_code is None
        else {
            "code": client.stopped_code,
            "since": timestamp(client.stopped_at or 0.0),
            "reason": _explain_stop(client, client.stopped_code),
        },
        "warnings": list(_warn(client, twins)),
        "faqs_digest": client.faqs_digest,
        "access_token_digest": None
        if client.access_token is None
        else client.access_token.digest[:TOKEN_DIGEST_DIGITS],
    }


def timestamp(moment: float) -> str:
    """Write seconds since the epoch as RFC 3339 in UTC, whole seconds, ending in Z."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def fallback_of(client: Client) -> str:
    """Choose what a customer is told when the bot has no answer."""
    return client.fallback_message or default_fallback(client.locale)


def unread_hours(client: Client) -> str | None:
    """Say why the business hours stay mere text, or None when they are understood or not given."""
    if client.business_hours is None:
        return None
    from daemon.core.schedule import UnreadableHours, read_hours  # noqa: PLC0415 - see above

    try:
        read_hours(client.business_hours)
    except UnreadableHours as unread:
        return unread.reason
    return None


def _warn(client: Client, twins: Twins) -> Iterator[str]:
    if (unread := unread_hours(client)) is not None:
        yield f"Business hours stay text, so the bot cannot tell when it is open: {unread}"
    if (unsaid := explain_language(client.locale)) is not None:
        yield unsaid
    for ids, what in ((twins.by_name, "name"), (twins.by_phone, "phone number")):
        if ids:
            others = f"{'Client' if len(ids) == 1 else 'Clients'} {', '.join(map(str, ids))}"
            verb = "has" if len(ids) == 1 else "have"
            yield f"{others} {verb} the same {what}: name this one by its id, {client.id}."


def _explain_stop(client: Client, code: int) -> str:
    if client.stopped_token_digest == digest_token(""):
        reason = _SET_ONE if client.access_token is None else UNREADABLE
    elif classify(code) is Remedy.CREDENTIAL and client.access_token is None:
        reason = _REPLACE_SHARED
    else:
        reason = describe(code)
    # The command is to be pasted as it stands.
    return reason.replace(" REF", f" {client.id}")
