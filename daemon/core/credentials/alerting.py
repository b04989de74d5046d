"""Decides what of the last look at tokens and numbers needs somebody, and names the next command.

Owns from when on. The look itself is `daemon.work.watching`'s; this works in any program.
"""

from collections.abc import Iterator

from daemon.core.alerts import Alert
from daemon.core.credentials.timing import (
    DAY_S,
    EXPIRES_NOW_S,
    EXPIRES_SOON_S,
    name_exchange,
    say_days,
)
from daemon.core.orders import BY_SYSTEMD
from daemon.core.sealing.sealed import digest_token
from daemon.core.store import sightings
from daemon.core.store.clients import Client, find_client
from daemon.core.store.engine import Connection
from daemon.core.store.sightings import SHARED, Sighting

LOW = "RED"
"""What Meta calls a number whose customers block and report it; it may be restricted soon."""

STALE_S = 2 * DAY_S
"""A rating older than this says nothing any more: Meta rates by the last seven days."""


def find_credential_alerts(
    conn: Connection,
    *,
    shared_token: str | None,
    now: float,
    daemon_since: float | None = None,
    only: int | None = None,
    restart: str = BY_SYSTEMD.restart,
) -> list[Alert]:
    """List alerts of tokens and numbers; with `only` of that client's own alone.

    `shared_token` is the one that is set here, and `daemon_since` when the running daemon began.
    `restart` is the command that starts it anew.
    """
    pressing = sightings.list_pressing(
        conn, ends_before=now + EXPIRES_SOON_S, seen_after=now - STALE_S, quality=LOW
    )
    found: list[Alert] = []
    for seen in pressing:
        if only is not None and seen.client_id != only:
            continue
        if seen.client_id == SHARED:
            digest = None if shared_token is None else digest_token(shared_token)
            found += _judge_token(seen, None, digest, now=now)
            found += _judge_restart(seen, digest, since=daemon_since, restart=restart)
            continue
        client = find_client(conn, seen.client_id)
        if client is not None and client.active:
            own = client.access_token
            found += _judge_token(seen, client, None if own is None else own.digest, now=now)
            found += _judge_number(seen, client, now=now)
    return found


def _judge_token(
    seen: Sighting, client: Client | None, digest: str | None, *, now: float
) -> Iterator[Alert]:
    if digest is None or seen.token_digest != digest:
        # It was replaced since: the next look tells of the new one.
        return
    client_id = None if client is None else client.id
    whose = "The shared access token" if client is None else f"The access token of {client.name}"
    replace = (
        "released doctor"
        if client is None
        else f"released client update {client.id} --access-token-file PATH"
    )
    ends_at = seen.token_expires_at
    if not seen.token_valid or (ends_at is not None and ends_at <= now):
        # What is stopped for it has its own alert, with the same command.
        if client is None or client.stopped_code is None:
            yield Alert("error", client_id, f"{whose} is not valid any more.", replace)
        return
    if ends_at is None or ends_at - now >= EXPIRES_SOON_S:
        return
    is_urgent = ends_at - now < EXPIRES_NOW_S
    text = f"{whose} expires in {say_days(ends_at, now=now)}."
    yield Alert("error" if is_urgent else "warning", client_id, text, name_exchange(client_id))


def _judge_restart(
    seen: Sighting, digest: str | None, *, since: float | None, restart: str
) -> Iterator[Alert]:
    """Say so where the daemon goes on with a pressing token though another one is set by now."""
    is_its_own = since is not None and (seen.token_seen_at or 0.0) >= since
    if is_its_own and digest is not None and seen.token_digest != digest:
        text = "The daemon still sends with the former shared access token, which ends soon."
        yield Alert("warning", None, text, restart)


def _judge_number(seen: Sighting, client: Client, *, now: float) -> Iterator[Alert]:
    is_fresh = seen.quality_seen_at is not None and now - seen.quality_seen_at < STALE_S
    if seen.quality == LOW and is_fresh:
        text = f"Meta rates the number of {client.name} {LOW}: its customers block or report it."
        yield Alert("warning", client.id, text, f"released log {client.id}")
