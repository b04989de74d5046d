"""Checks at Meta: every token once, our app, then every active client's number and subscription.

Owns which lookups are made, how many at once and for how long; what their answers mean is
`judging`'s. 500 clients with one token and one account are 504 lookups.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import aiohttp

from daemon.core.doctor.finding import Finding, fail, skip
from daemon.core.doctor.judging import (
    SHARED_STEP,
    judge_callback,
    judge_number,
    judge_secret,
    judge_stop,
    judge_subscription,
    judge_token,
    judge_webhook,
)
from daemon.core.doctor.parts import Parts
from daemon.core.errors import ReleasedError, Retryable
from daemon.core.meta.facts import NumberFacts, TokenFacts, WebhookFacts
from daemon.core.meta.inspecting import GraphInspector, LookupRefused, NoAnswer
from daemon.core.settings import WHERE_TO_GET
from daemon.core.store.clients import Client, list_clients

K = TypeVar("K")
V = TypeVar("V")

AT_ONCE = 10
"""Lookups under way at a time."""

TOTAL_BUDGET_S = 25.0
"""Seconds for all of it; less than `released --url` waits. What is not known then is skipped."""


@dataclass(frozen=True, slots=True)
class Case:
    """One active client with the token it sends with, and what Meta said of that."""

    client: Client
    token: str | None
    facts: TokenFacts | ReleasedError | None

    @property
    def is_refused(self) -> bool:
        """Whether Meta will tell nothing to this token."""
        if isinstance(self.facts, TokenFacts):
            return not self.facts.is_valid
        return isinstance(self.facts, LookupRefused) and self.facts.is_about_token


@dataclass(frozen=True, slots=True)
class App:
    """The shared token's app, and what Meta said of its webhook; None: it has none for WhatsApp."""

    id: str
    webhook: WebhookFacts | ReleasedError | None


class Lookups:
    """Makes lookups side by side, until a moment of the loop's clock."""

    def __init__(self, inspector: GraphInspector, *, until: float) -> None:
        """Take the deadline for all lookups together."""
        self.inspector = inspector
        self._until = until
        self._places = asyncio.Semaphore(AT_ONCE)

    async def run(
        self, asked: Mapping[K, Callable[[], Awaitable[V]]]
    ) -> dict[K, V | ReleasedError]:
        """Give what each found out, or why it did not."""
        async with asyncio.TaskGroup() as group:
            tasks = {key: group.create_task(self.run_one(ask)) for key, ask in asked.items()}
        return {key: task.result() for key, task in tasks.items()}

    async def run_one(self, ask: Callable[[], Awaitable[V]]) -> V | ReleasedError:
        """Give what one found out, or why it did not."""
        try:
            async with asyncio.timeout_at(self._until), self._places:
                return await ask()
        except TimeoutError:
            return Retryable("there was no time left to ask")
        except ReleasedError as failed:
            return failed


async def check_meta(
    parts: Parts, http: aiohttp.ClientSession, *, budget_s: float = TOTAL_BUDGET_S
) -> list[Finding]:
    """Check our app, and tokens, numbers and subscriptions of all active clients, by client id."""
    settings = parts.settings
    clients = await parts.store.read(lambda conn: list_clients(conn, active_only=True))
    inspector = GraphInspector(
        http, base_url=settings.meta_graph_url, version=settings.meta_graph_version
    )
    lookups = Lookups(inspector, until=asyncio.get_running_loop().time() + budget_s)
    shared = settings.token_for(None)
    own = [settings.token_for(client.access_token) for client in clients]
    tokens = {token for token in (shared, *own) if token is not None}
    known = await lookups.run({token: partial(inspector.fetch_token, token) for token in tokens})
    if known and all(isinstance(facts, NoAnswer) for facts in known.values()):
        return [_report_silence(settings.meta_graph_url, next(iter(known.values())))]
    cases = [
        Case(client, token, None if token is None else known[token])
        for client, token in zip(clients, own, strict=True)
    ]
    facts = None if shared is None else known[shared]
    # What concerns all is asked first, should there be no time for all clients.
    secret, app = await _check_secret(parts, lookups, facts)
    numbers = await _fetch_numbers(lookups, cases)
    return [
        _judge_shared(parts, cases, facts),
        *secret,
        *_judge_app(parts, app, cases, numbers),
        *await _check_clients(parts, lookups, cases, numbers),
    ]


async def _check_secret(
    parts: Parts, lookups: Lookups, facts: TokenFacts | ReleasedError | None
) -> tuple[list[Finding], App | None]:
    """See whether META_APP_SECRET is that of the shared token's app: it signs the webhooks.

    If it is, give the app too: with its secret Meta tells what it hears of, to nobody else.
    """
    secret, token = parts.settings.meta_app_secret, parts.settings.token_for(None)
    if secret is None or token is None or not isinstance(facts, TokenFacts) or not facts.app_id:
        unknown = "which app META_ACCESS_TOKEN is of cannot be told"
        reason = "META_APP_SECRET is not set" if secret is None else unknown
        return [skip("app_secret", reason), skip("webhook_fields", f"not asked: {reason}")], None
    app_id, asking_with = facts.app_id, f"{facts.app_id}|{secret.get_secret_value()}"
    fetch_token, fetch_webhook = lookups.inspector.fetch_token, lookups.inspector.fetch_webhook
    answer = await lookups.run_one(partial(fetch_token, token, asking_with=asking_with))
    found = judge_secret(answer, app_id=app_id)
    if found.state != "ok":
        reason = f"not asked: it takes the secret of app {app_id}"
        step = "mend what `app_secret` says" if found.state == "error" else None
        return [found, skip("webhook_fields", reason, step)], None
    webhook = await lookups.run_one(partial(fetch_webhook, app_id, asking_with=asking_with))
    return [found], App(app_id, webhook)


def _judge_app(
    parts: Parts,
    app: App | None,
    cases: Sequence[Case],
    numbers: Mapping[int, NumberFacts | ReleasedError],
) -> list[Finding]:
    """Judge what our app hears of, by what its clients need."""
    if app is None:
        return []
    in_app = [
        case.client.name
        for case in cases
        if isinstance(number := numbers.get(case.client.id), NumberFacts)
        and number.is_in_app
        and _find_app(case, number) == app.id
    ]
    # Without PERSON_SECONDS what owners write is nothing to the bot.
    heeded = in_app if parts.settings.person_seconds else []
    return judge_webhook(app.webhook, app_id=app.id, in_app=heeded)


def _judge_shared(
    parts: Parts, cases: Sequence[Case], facts: TokenFacts | ReleasedError | None
) -> Finding:
    if facts is not None:
        return judge_token(facts, client=None, now=parts.clock())
    without = sum(case.client.access_token is None for case in cases)
    if without == 0:
        return skip("token", "META_ACCESS_TOKEN is not set; no active client needs it")
    return fail(
        "token",
        f"META_ACCESS_TOKEN is not set, and {without} active client(s) have none of their own",
        f"set META_ACCESS_TOKEN: {WHERE_TO_GET['META_ACCESS_TOKEN']}",
    )


async def _fetch_numbers(
    lookups: Lookups, cases: Sequence[Case]
) -> dict[int, NumberFacts | ReleasedError]:
    fetch = lookups.inspector.fetch_number
    return await lookups.run(
        {
            case.client.id: partial(fetch, case.client.phone_number_id, access_token=case.token)
            for case in cases
            if case.token is not None and not case.is_refused
        }
    )


async def _check_clients(
    parts: Parts,
    lookups: Lookups,
    cases: Sequence[Case],
    numbers: Mapping[int, NumberFacts | ReleasedError],
) -> list[Finding]:
    accounts = {
        case.client.id: account
        for case in cases
        if (account := _find_account(case, numbers.get(case.client.id))) is not None
    }
    fetch = lookups.inspector.list_subscribed_apps
    apps = await lookups.run(
        {
            (account, token): partial(fetch, account, access_token=token)
            for case in cases
            if (account := accounts.get(case.client.id)) and (token := case.token)
        }
    )
    found: list[Finding] = []
    for case in cases:
        number, account = numbers.get(case.client.id), accounts.get(case.client.id)
        found += _judge_case(parts, case, number)
        if isinstance(number, NumberFacts):
            subscribed = None if account is None else apps[account, case.token or ""]
            found.append(_judge_messages(parts, case, number, account, subscribed))
    return found


def _judge_case(
    parts: Parts, case: Case, number: NumberFacts | ReleasedError | None
) -> list[Finding]:
    """Judge what is known of a client without its account."""
    client = case.client
    found = [] if client.stopped_code is None else [judge_stop(client)]
    if client.access_token is not None and case.facts is not None:
        found.append(judge_token(case.facts, client=client, now=parts.clock()))
    if number is not None:
        return [*found, judge_number(number, client)]
    reason = "it has no access token" if case.token is None else "its access token is refused"
    if case.token is None and client.access_token is not None:
        reason = "its access token cannot be read"
    step = SHARED_STEP if client.access_token is None else None
    return [*found, skip("number", f"not asked: {reason}", step, subject=client.name)]


def _judge_messages(
    parts: Parts,
    case: Case,
    number: NumberFacts,
    account_id: str | None,
    apps: frozenset[str] | ReleasedError | None,
) -> Finding:
    """Judge whether a client's messages reach us."""
    elsewhere = judge_callback(number, case.client, public_url=parts.settings.public_url)
    if elsewhere is not None:
        return elsewhere
    if account_id is None or apps is None:
        reason = "Meta does not tell which account the number belongs to"
        step = "grant whatsapp_business_management to the token's system user to have it checked"
        return skip("subscription", reason, step, subject=case.client.name)
    app_id = _find_app(case, number)
    return judge_subscription(apps, client=case.client, app_id=app_id, account_id=account_id)


def _find_app(case: Case, number: NumberFacts) -> str | None:
    app_id = case.facts.app_id if isinstance(case.facts, TokenFacts) else None
    return app_id or number.app_id


def _find_account(case: Case, number: NumberFacts | ReleasedError | None) -> str | None:
    if not isinstance(number, NumberFacts):
        return None
    if number.account_id is not None or not isinstance(case.facts, TokenFacts):
        return number.account_id
    # A token for one account can only have shown us a number of it.
    return case.facts.account_ids[0] if len(case.facts.account_ids) == 1 else None


def _report_silence(url: str, failed: object) -> Finding:
    step = "see that META_GRAPH_URL is right and that this machine may go out to it"
    return fail("meta", f"{url} gives no usable answer ({failed}); no client was checked", step)
