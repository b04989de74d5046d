"""Checks of the way to us: the daemon here, the same from outside, Meta's handshake, the clock."""

import asyncio
import json
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path

import aiohttp

from daemon.core.database_files import log_of
from daemon.core.doctor.asking import Answer, Unreachable, ask
from daemon.core.doctor.finding import Finding, fail, ok, skip, warn
from daemon.core.doctor.here import is_private
from daemon.core.doctor.parts import Parts
from daemon.core.meta.reading import read_object
from daemon.core.orders import find_orders
from daemon.core.settings import WHERE_TO_GET

CLOCK_LIMIT_S = 60.0
"""Seconds that our clock may be off: leases and Meta's 24 hours bear a minute, not much more."""

_SET_PUBLIC_URL = f"set PUBLIC_URL: {WHERE_TO_GET['PUBLIC_URL']}"


async def check_daemon(parts: Parts, http: aiohttp.ClientSession) -> list[Finding]:
    """See whether the daemon is well, on the address where it listens."""
    url, orders = parts.daemon_url, find_orders(parts.database)
    try:
        # By its address on this machine, for which no certificate is made.
        answer = await ask(http, f"{url}/health", verify=False)
    except Unreachable as down:
        return [fail("daemon", f"{url}: {down}", f"start it: {orders.start}")]
    if (trouble := _find_trouble(answer)) is not None:
        return [
            fail(
                "daemon",
                f"{url}: {trouble}",
                "read its log, and see that HOST and PORT are its own",
            )
        ]
    running = _read_json(answer).get("version")
    if running != parts.version:
        reason = f"{url} runs version {running}, and {parts.version} is installed"
        return [warn("daemon", reason, f"restart it: {orders.restart}")]
    return [ok("daemon", f"{url} is well, version {parts.version}")]


async def check_public_url(parts: Parts, http: aiohttp.ClientSession) -> list[Finding]:
    """See whether the daemon can be reached where Meta calls it."""
    url = parts.settings.public_url
    if url is None:
        return [skip("public_url", "PUBLIC_URL is not set", _SET_PUBLIC_URL)]
    step = "see that the name leads to this machine and that its proxy passes all on to the daemon"
    try:
        answer = await ask(http, f"{url.rstrip('/')}/health")
    except Unreachable as down:
        return [fail("public_url", f"{url}: {down}", step)]
    trouble = _find_trouble(answer)
    if trouble is not None:
        return [fail("public_url", f"{url}: {trouble}", step)]
    return [ok("public_url", f"{url} leads to the daemon")]


async def check_webhook(parts: Parts, http: aiohttp.ClientSession) -> list[Finding]:
    """Subscribe as Meta does, through PUBLIC_URL."""
    url, token = parts.settings.public_url, parts.settings.meta_verify_token
    if url is None:
        return [skip("webhook", "PUBLIC_URL is not set")]
    if token is None:
        step = f"set META_VERIFY_TOKEN: {WHERE_TO_GET['META_VERIFY_TOKEN']}"
        return [skip("webhook", "META_VERIFY_TOKEN is not set", step)]
    if not is_private(url):
        return [skip("webhook", "not tried: the verify token would travel unencrypted")]
    query = {
        "hub.mode": "subscribe",
        "hub.verify_token": token.get_secret_value(),
        "hub.challenge": parts.challenge,
    }
    webhook = f"{url.rstrip('/')}/webhook"
    try:
        answer = await ask(http, webhook, query=query)
    except Unreachable as down:
        return [fail("webhook", f"{webhook}: {down}", "mend what `public_url` says")]
    return [_judge_challenge(webhook, answer, parts.challenge)]


async def check_clock(parts: Parts, http: aiohttp.ClientSession) -> list[Finding]:
    """Hold the clock against Meta's, else against that of PUBLIC_URL, else against our files'."""
    meta_time = await _fetch_time(http, parts.settings.meta_graph_url)
    if meta_time is not None:
        return [judge_clock(parts.clock() - meta_time, whose="Meta's")]
    public_time = await _fetch_time(http, parts.settings.public_url)
    if public_time is not None:
        return [judge_clock(parts.clock() - public_time, whose="PUBLIC_URL's")]
    written_at = await asyncio.to_thread(_find_last_write, parts.database)
    # A file may well be older than now; only one from the future says anything.
    ahead_s = 0.0 if written_at is None else min(parts.clock() - written_at, 0.0)
    return [judge_clock(ahead_s, whose="the database file's")]


def judge_clock(ahead_s: float, *, whose: str) -> Finding:
    """Say whether a clock that is so many seconds ahead of another's will do."""
    if abs(ahead_s) <= CLOCK_LIMIT_S:
        return ok("clock", f"within a minute of {whose}")
    way = "ahead of" if ahead_s > 0 else "behind"
    reason = f"{abs(ahead_s):,.0f} seconds {way} {whose}"
    return fail("clock", reason, "set the clock, and let it be kept: `timedatectl set-ntp true`")


async def _fetch_time(http: aiohttp.ClientSession, url: str | None) -> float | None:
    if url is None:
        return None
    try:
        answer = await ask(http, url, method="HEAD")
        return parsedate_to_datetime(answer.headers.get("Date", "")).timestamp()
    except (Unreachable, ValueError, TypeError):
        return None


def _find_last_write(database: Path) -> float | None:
    files = (database, log_of(database))
    return max((file.stat().st_mtime for file in files if file.exists()), default=None)


def _find_trouble(answer: Answer) -> str | None:
    """Say why an answer is not that of a daemon which is well, or None."""
    if answer.status == HTTPStatus.OK and _read_json(answer).get("status") == "ok":
        return None
    if answer.status == HTTPStatus.SERVICE_UNAVAILABLE and "detail" in _read_json(answer):
        return f"the daemon is not well: {_read_json(answer)['detail']}".rstrip(".")
    return f"what answers is not the daemon (HTTP {answer.status})"


def _read_json(answer: Answer) -> Mapping[str, object]:
    try:
        return read_object(json.loads(answer.body))
    except (ValueError, RecursionError):
        return {}


def _judge_challenge(webhook: str, answer: Answer, challenge: str) -> Finding:
    if answer.status == HTTPStatus.OK and answer.body == challenge.encode():
        return ok("webhook", f"{webhook} confirms a subscription")
    if answer.status == HTTPStatus.FORBIDDEN:
        step = "give the daemon this META_VERIFY_TOKEN and restart it, and give Meta the same one"
        return fail("webhook", f"{webhook} knows another META_VERIFY_TOKEN", step)
    reason = f"{webhook} does not give the challenge back (HTTP {answer.status})"
    return fail("webhook", reason, "see that the proxy passes /webhook on, its query included")
