"""Watches Meta's access tokens and numbers while the daemon works, and exchanges tokens in time.

Owns when each is looked at and how fast, what is logged of it, and which tokens are exchanged
without being asked: clients' own ones that end soon, never the shared one, whose file the daemon
cannot change. What was seen is kept for every program in `store.sightings`. It holds nothing up:
whatever goes wrong here is tried again later, and no message waits for it.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import aiohttp

from daemon.core.credentials.means import Means, make_means
from daemon.core.credentials.rotating import rotate_client_token
from daemon.core.credentials.timing import (
    DAY_S,
    EXCHANGE_BEFORE_S,
    EXPIRES_SOON_S,
    count_days,
    name_exchange,
)
from daemon.core.errors import ReleasedError, Retryable
from daemon.core.meta.facts import TokenFacts
from daemon.core.meta.inspecting import LookupRefused
from daemon.core.runtime import Runtime
from daemon.core.sealing.sealed import digest_token
from daemon.core.store import sightings
from daemon.core.store.audit import DAEMON
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection
from daemon.core.store.sightings import SHARED
from daemon.metrics import Metrics
from daemon.work.agenda import Agenda
from daemon.work.reminding import Reminder

log = logging.getLogger(__name__)

FIRST_S = 45.0
"""After the start, when what has waited for the daemon is done with."""

TICK_S = 60.0
"""How soon a token that was stored just now is looked at."""

EVERY_S = 6 * 3600.0
"""Between two looks at one thing, times the jitter."""

AGAIN_S = 900.0
"""After a look that Meta did not answer, or that failed."""

PAUSE_S = 1.0
"""Between two lookups: 500 clients take nine minutes, and no call limit of Meta's is near."""

VOID = TokenFacts(is_valid=False, app_id=None, expires_at=None, scopes=frozenset(), account_ids=())
"""What is known of a token that Meta refuses."""


@dataclass(frozen=True, slots=True)
class _Token:
    """A token in use by its digest; `owners` have it as their own, `users` send with it."""

    digest: str
    is_shared: bool
    owners: tuple[Client, ...]
    users: tuple[Client, ...]


class Watcher:
    """Runs beside the pool for as long as the daemon does."""

    def __init__(
        self,
        runtime: Runtime,
        metrics: Metrics,
        *,
        jitter: Callable[[], float],
        pause_s: float = PAUSE_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Share the daemon's parts; `jitter` draws a factor around 1 for every wait."""
        self._runtime = runtime
        self._metrics = metrics
        self._pause_s = pause_s
        self._agenda = Agenda(monotonic=monotonic, jitter=jitter)
        self._reminder = Reminder(monotonic=monotonic)
        self._void: set[str] = set()

    async def run(self) -> None:
        """Look now and then until cancelled."""
        await asyncio.sleep(FIRST_S)
        runtime = self._runtime
        async with aiohttp.ClientSession() as http:
            means = make_means(
                http, settings=runtime.settings, store=runtime.store, clock=runtime.clock
            )
            while True:
                try:
                    await self.look(means)
                except Retryable as down:
                    log.warning("watch failed", extra={"error": str(down)})
                except Exception:
                    # Whatever it is: the bots must not stop for it.
                    log.exception("watch failed")
                await asyncio.sleep(TICK_S)

    async def look(self, means: Means) -> int:
        """Look at every token and number whose time has come; say how many those were."""
        active = [client for client in self._runtime.directory.all() if client.active]
        tokens = self._list_tokens(active)
        self._void &= tokens.keys()
        looks = {
            token.digest: partial(self._look_at_token, means, token) for token in tokens.values()
        }
        looks |= {
            _name_number(token, client): partial(self._look_at_number, means, token, client)
            for token in tokens.values()
            for client in token.users
        }
        self._agenda.keep_only(looks)
        looked = 0
        for key, look in looks.items():
            if self._agenda.is_due(key):
                self._agenda.put_off(key, EVERY_S)
                looked += 1
                try:
                    await look()
                except Exception:
                    self._agenda.put_off(key, AGAIN_S)
                    raise
                await asyncio.sleep(self._pause_s)
        return looked

    def _list_tokens(self, active: Sequence[Client]) -> dict[str, _Token]:
        """List the tokens in use; none is opened for that."""
        shared = self._runtime.settings.token_for(None)
        shared_digest = None if shared is None else digest_token(shared)
        used: dict[str, list[Client]] = {} if shared_digest is None else {shared_digest: []}
        for client in active:
            own = client.access_token
            digest = shared_digest if own is None else own.digest
            if digest is not None:
                used.setdefault(digest, []).append(client)
        return {
            digest: _Token(
                digest,
                is_shared=digest == shared_digest,
                owners=tuple(client for client in users if client.access_token is not None),
                users=tuple(users),
            )
            for digest, users in used.items()
        }

    def _open(self, token: _Token) -> str | None:
        own = token.owners[0].access_token if token.owners and not token.is_shared else None
        return self._runtime.settings.token_for(own)

    async def _look_at_token(self, means: Means, token: _Token) -> None:
        value = self._open(token)
        if value is None:
            # No key here opens it: `released doctor` says so, and its client is stopped.
            return
        try:
            facts = await means.inspector.fetch_token(value)
        except LookupRefused as refused:
            if not refused.is_about_token:
                self._tell_silence(token.digest, "token", refused)
                return
            facts = VOID
        except Retryable as silent:
            self._tell_silence(token.digest, "token", silent)
            return
        await self._keep_token(token, facts)
        if facts.is_valid and facts.expires_at is not None:
            await self._mind_end(means, token, facts.expires_at)

    async def _keep_token(self, token: _Token, facts: TokenFacts) -> None:
        now = self._runtime.clock()
        concerned = [client.id for client in token.owners] + ([SHARED] if token.is_shared else [])

        def job(conn: Connection) -> None:
            for client_id in concerned:
                sightings.note_token(
                    conn,
                    client_id,
                    digest=token.digest,
                    valid=facts.is_valid,
                    expires_at=facts.expires_at,
                    now=now,
                )

        await self._runtime.store.write(job)
        days = math.inf if facts.expires_at is None else (facts.expires_at - now) / DAY_S
        for client in token.users:
            self._metrics.of_client(client.id).note_token_days(days if facts.is_valid else 0.0)
        if facts.is_valid:
            self._void.discard(token.digest)
            return
        self._void.add(token.digest)
        for client_id in concerned:
            self._warn_daily(client_id, "access token is not valid", next="released doctor")

    async def _mind_end(self, means: Means, token: _Token, expires_at: float) -> None:
        left_s = expires_at - self._runtime.clock()
        failed = list(token.owners)
        if left_s < EXCHANGE_BEFORE_S and means.settings.meta_token_auto_rotate:
            failed = [one for one in token.owners if not await self._exchange(means, one)]
        if left_s >= EXPIRES_SOON_S:
            return
        concerned: list[int | None] = [client.id for client in failed]
        for client_id in concerned + ([None] if token.is_shared else []):
            self._warn_daily(
                SHARED if client_id is None else client_id,
                "access token expires soon",
                days_left=count_days(expires_at, now=self._runtime.clock()),
                next=name_exchange(client_id),
            )

    async def _exchange(self, means: Means, client: Client) -> bool:
        """Exchange a client's own token; say whether it has another one now."""
        try:
            done = await rotate_client_token(means, client, actor=DAEMON)
        except ReleasedError as failed:
            self._warn_daily(client.id, "access token not exchanged", error=str(failed))
            return False
        facts = {"client": client.id, "days_left": done["days_left"]}
        log.info("access token exchanged", extra=facts)
        return True

    async def _look_at_number(self, means: Means, token: _Token, client: Client) -> None:
        value = None if token.digest in self._void else self._open(token)
        if value is None:
            return
        try:
            facts = await means.inspector.fetch_number(client.phone_number_id, access_token=value)
            quality = facts.quality
        except LookupRefused as refused:
            if refused.is_passing:
                self._tell_silence(_name_number(token, client), "number", refused)
                return
            quality = None
        except Retryable as silent:
            self._tell_silence(_name_number(token, client), "number", silent)
            return
        note = partial(sightings.note_quality, client_id=client.id, quality=quality)
        await self._runtime.store.write(partial(note, now=self._runtime.clock()))
        self._metrics.of_client(client.id).note_quality(quality)
        if quality == "RED":
            self._warn_daily(client.id, "number quality is low", quality=quality)

    def _tell_silence(self, key: str, what: str, silent: ReleasedError) -> None:
        self._agenda.put_off(key, AGAIN_S)
        log.info("meta does not tell", extra={"what": what, "error": str(silent)})

    def _warn_daily(self, client_id: int, message: str, **facts: object) -> None:
        if self._reminder.may_say(f"{client_id} {message}"):
            log.warning(message, extra={"client": client_id or "shared", **facts})


def _name_number(token: _Token, client: Client) -> str:
    # With the token: a new one may be told what the old one was refused.
    return f"{client.id} {client.phone_number_id} {token.digest}"
