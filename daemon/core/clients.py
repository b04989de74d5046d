"""The use cases of clients: onboard, change, activate, deactivate, resume; the same for both faces.

Each is a plain function over an open transaction: all of it happens, or nothing. Who did it goes
into the audit trail, whose growth is how a running daemon notices.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from daemon.core.assistants.prompt import build_instructions
from daemon.core.errors import Conflict, FieldProblem, Invalid, NotFound
from daemon.core.faqs import Faq
from daemon.core.meta.codes import Remedy, classify
from daemon.core.sealing.sealed import digest_token
from daemon.core.sealing.storing import seal_token
from daemon.core.seeds import ClientChanges, ClientSeed, normalize_phone_number
from daemon.core.store import assistants, audit
from daemon.core.store import clients as store
from daemon.core.store.audit import DAEMON, Actor
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection


@dataclass(frozen=True, slots=True)
class Change:
    """What an update did: the client as it is now, and the names of the fields that changed."""

    client: Client
    changed: tuple[str, ...]


def add_client(
    conn: Connection, seed: ClientSeed, faqs: Sequence[Faq], *, now: float, actor: Actor
) -> Client:
    """Onboard a client: its row, its Assistant and version 1 of it.

    Raises:
        Conflict: when another client has this phone_number_id.

    """
    _refuse_taken_number(conn, seed.phone_number_id)
    values = seed.model_dump(exclude={"access_token"})
    client_id = store.insert_client(
        conn, {**values, "active": True, "created_at": now, "updated_at": now}
    )
    if seed.access_token is not None:
        sealed = _seal(conn, client_id, seed.access_token)
        store.update_client(conn, client_id, {"access_token": sealed})
    assistants.insert_assistant(
        conn, assistant_id=f"asst_{secrets.token_hex(12)}", client_id=client_id, now=now
    )
    _add_version(conn, client_id, name=seed.name, faqs=faqs, now=now)
    client = _get(conn, client_id)
    audit.append(
        conn, actor=actor, action="client.add", client_id=client_id, now=now, after=_trail(client)
    )
    return client


def update_client(
    conn: Connection,
    client_id: int,
    changes: ClientChanges,
    *,
    faqs: Sequence[Faq] | None = None,
    now: float,
    actor: Actor,
) -> Change:
    """Set the fields given and, with `faqs`, make the next assistant version unless unchanged.

    A new access token also resumes a client whose credential was refused.

    Raises:
        Conflict: when another client has the new phone_number_id.

    """
    before = _get(conn, client_id)
    values = _find_new_values(conn, before, changes)
    if "phone_number_id" in values:
        _refuse_taken_number(conn, values["phone_number_id"])
    changed = tuple(sorted(values))
    if _replace_faqs(conn, before, values.get("name", before.name), faqs, now=now):
        changed += ("faqs",)
    if not changed:
        return Change(before, ())
    if "access_token" in values and is_credential_stop(before):
        values |= _NOT_STOPPED
    store.update_client(conn, client_id, values | {"updated_at": now})
    after = _get(conn, client_id)
    audit.append(
        conn,
        actor=actor,
        action="client.update",
        client_id=client_id,
        now=now,
        before=_difference(before, after, changed),
        after=_difference(after, before, changed),
    )
    return Change(after, changed)


def set_active(
    conn: Connection, client_id: int, *, active: bool, now: float, actor: Actor
) -> Change:
    """Activate or deactivate; doing it again changes nothing."""
    return update_client(conn, client_id, ClientChanges(active=active), now=now, actor=actor)


def stop_client(
    conn: Connection, client_id: int, *, code: int, access_token: str | None, now: float
) -> None:
    """Stop a client's sends for a reason that waiting does not cure; its messages stay pending.

    `access_token` is the one that was refused, empty when there was none to send with; None when
    the reason has nothing to do with it.
    """
    stopped = {
        "stopped_code": code,
        "stopped_at": now,
        "stopped_token_digest": None if access_token is None else digest_token(access_token),
    }
    store.update_client(conn, client_id, stopped)
    audit.append(
        conn,
        actor=DAEMON,
        action="client.stop",
        client_id=client_id,
        now=now,
        after={"stopped_code": code},
    )


def resume_client(conn: Connection, client_id: int, *, now: float, actor: Actor) -> Change:
    """Let a stopped client send again; what waits goes out by itself."""
    before = _get(conn, client_id)
    if before.stopped_code is None:
        return Change(before, ())
    store.update_client(conn, client_id, _NOT_STOPPED)
    audit.append(
        conn,
        actor=actor,
        action="client.resume",
        client_id=client_id,
        now=now,
        before={"stopped_code": before.stopped_code},
    )
    return Change(_get(conn, client_id), ("stopped_code",))


def list_stopped(conn: Connection) -> tuple[Client, ...]:
    """List the clients whose sends are stopped."""
    return tuple(client for client in store.list_clients(conn) if client.stopped_code is not None)


def is_credential_stop(client: Client) -> bool:
    """Tell whether a new access token is what a stopped client waits for."""
    code = client.stopped_code
    return code is not None and classify(code) is Remedy.CREDENTIAL


def get_client(conn: Connection, ref: str) -> Client:
    """Get a client by REF: its id, phone_number_id, phone number (the plus may lack) or exact name.

    Raises:
        NotFound: when nothing fits.
        Conflict: when a phone number or a name fits several; the message gives their ids.

    """
    if ref.isascii() and ref.isdigit():
        is_id = len(ref) < 19 and not ref.startswith("0")  # noqa: PLR2004 - below 2^63
        found = store.find_client(conn, int(ref)) if is_id else None
        found = found or store.find_by_number_id(conn, ref)
        if found is not None:
            return found
    several = _find_by_phone(conn, ref) or store.find_by_name(conn, ref)
    if not several:
        raise NotFound(f"There is no client {ref!r}. `released client list` shows them all.")
    if len(several) > 1:
        ids = ", ".join(str(client.id) for client in several)
        raise Conflict(f"{ref!r} fits several clients: name one by its id ({ids}).")
    return several[0]


_NOT_STOPPED = {"stopped_code": None, "stopped_at": None, "stopped_token_digest": None}
_SECRETS = frozenset({"access_token"})
_TRAILED = (
    "name",
    "phone_number",
    "phone_number_id",
    "active",
    "welcome_message",
    "business_hours",
    "timezone",
    "locale",
    "fallback_message",
    "assistant_version",
)


def _get(conn: Connection, client_id: int) -> Client:
    client = store.find_client(conn, client_id)
    if client is None:
        raise NotFound(f"There is no client {client_id}.")
    return client


def _find_new_values(conn: Connection, before: Client, changes: ClientChanges) -> dict[str, Any]:
    given = {name: getattr(changes, name) for name in changes.model_fields_set - _SECRETS}
    found = {name: value for name, value in given.items() if getattr(before, name) != value}
    if "access_token" in changes.model_fields_set and not _has_token(before, changes.access_token):
        found["access_token"] = _seal(conn, before.id, changes.access_token)
    return found


def _has_token(client: Client, given: SecretStr | None) -> bool:
    """Tell whether a client has the token that is given, or as here none; it can be read too."""
    own = client.access_token
    if own is None or given is None:
        return own is None and given is None
    return own.is_same(given.get_secret_value()) and own.is_readable


def _replace_faqs(
    conn: Connection, before: Client, name: str, faqs: Sequence[Faq] | None, *, now: float
) -> bool:
    """Make the next version when the FAQs or the name differ; say whether the FAQs do."""
    if faqs is None and name == before.name:
        return False
    current = assistants.get_current_version(conn, before.id).faqs
    entries = current if faqs is None else tuple(faqs)
    # One that an older program wrote after the upgrade has no digest, and `plan` goes by that.
    are_new = entries != current or not before.faqs_digest
    if are_new or name != before.name:
        _add_version(conn, before.id, name=name, faqs=entries, now=now)
    return are_new


def _find_by_phone(conn: Connection, ref: str) -> tuple[Client, ...]:
    try:
        number = normalize_phone_number(ref if ref.lstrip().startswith("+") else f"+{ref}")
    except ValueError:
        return ()
    return store.find_by_phone_number(conn, number)


def _refuse_taken_number(conn: Connection, phone_number_id: str) -> None:
    owner = store.find_by_number_id(conn, phone_number_id)
    if owner is None:
        return
    reason = f"belongs to client {owner.id} ({owner.name}) already"
    raise Conflict(
        f"phone_number_id {phone_number_id} {reason}.",
        problems=(FieldProblem("phone_number_id", reason),),
    )


def _add_version(
    conn: Connection, client_id: int, *, name: str, faqs: Sequence[Faq], now: float
) -> None:
    if not faqs:
        raise Invalid("faqs: at least one is needed", problems=(FieldProblem("faqs", "is empty"),))
    assistants.insert_version(
        conn,
        client_id=client_id,
        instructions=build_instructions(business_name=name, faqs=faqs),
        entries=faqs,
        now=now,
    )


def _seal(conn: Connection, client_id: int, given: SecretStr | None) -> str | None:
    return None if given is None else seal_token(conn, client_id, given.get_secret_value())


def _trail(client: Client) -> dict[str, Any]:
    return {name: getattr(client, name) for name in _TRAILED}


def _difference(client: Client, other: Client, changed: Sequence[str]) -> dict[str, Any]:
    shown = {
        name: getattr(client, name)
        for name in _TRAILED
        if getattr(client, name) != getattr(other, name)
    }
    return shown | {name: "(secret)" for name in changed if name in _SECRETS}
