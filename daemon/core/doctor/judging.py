"""What Meta's facts about tokens, numbers, subscriptions and our app mean for clients. Pure.

Sources as `core.meta.inspecting` has them. `status` beyond Meta's OpenAPI file (BANNED,
RATE_LIMITED) is third-party knowledge, read 2026-11.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from daemon.core.credentials.timing import EXPIRES_NOW_S, EXPIRES_SOON_S, name_exchange
from daemon.core.doctor.finding import Finding, fail, ok, skip, warn
from daemon.core.documents import client_document
from daemon.core.errors import ReleasedError
from daemon.core.meta.facts import NumberFacts, TokenFacts, WebhookFacts
from daemon.core.meta.inspecting import NO_SUCH_OBJECT, LookupRefused
from daemon.core.settings import WHERE_TO_GET
from daemon.core.store.clients import Client

SHARED_STEP = "put a new one into META_ACCESS_TOKEN, and restart released-daemon"

MESSAGES = "messages"
ECHOES = "smb_message_echoes"
"""The webhook fields we live by: what customers write, with statuses; what owners write."""

_PLACE = "Meta App Dashboard > WhatsApp > Configuration"
_STEP_6 = "as the README's step 6 has it"
_LOOK = f"see that {MESSAGES} is one of them: {_PLACE} > Webhook fields"
_SUBSCRIBE = f"subscribe to it: {_PLACE} > Webhook fields, {_STEP_6}"
_SET_UP = f"verify and save the webhook, and subscribe to {MESSAGES}: {_PLACE}, {_STEP_6}"

WRONG_SECRET_CODES = frozenset({1, 101, 190})
"""What Meta answers to an app's id with another secret than the app's."""

MOST_NAMES = 3
"""Clients that one line names; the rest are counted."""

NOT_SENDING = frozenset({"PENDING", "UNVERIFIED", "DISCONNECTED", "BANNED", "DELETED", "MIGRATED"})
"""A number's states in which no message comes or goes."""

AT_RISK = frozenset({"FLAGGED", "RESTRICTED", "RATE_LIMITED"})
"""States in which customers are still answered, but Meta has taken offence."""

DIAL_QUIRKS: Mapping[str, str] = {"521": "52", "549": "54"}
"""Mexico's and Argentina's mobile numbers: WhatsApp writes a digit that E.164 does not have."""


def judge_token(facts: TokenFacts | ReleasedError, *, client: Client | None, now: float) -> Finding:
    """Judge one access token: a client's own, or with None the one that all share."""
    subject, step = (None, SHARED_STEP) if client is None else (client.name, _own_step(client))
    if isinstance(facts, ReleasedError):
        return _judge_failed_token(facts, subject, step)
    if not facts.is_valid:
        return fail("token", "Meta says that it is not valid", step, subject=subject)
    if facts.scopes and "whatsapp_business_messaging" not in facts.scopes:
        reason = "it lacks the permission whatsapp_business_messaging"
        return fail("token", reason, f"make one that has it, and {step}", subject=subject)
    return _judge_expiry(facts, client, step, now=now)


def judge_secret(answer: TokenFacts | ReleasedError, *, app_id: str) -> Finding:
    """Judge META_APP_SECRET by what Meta answers to who asks with it."""
    if isinstance(answer, LookupRefused) and answer.code in WRONG_SECRET_CODES:
        return fail(
            "app_secret",
            f"META_APP_SECRET is not the secret of app {app_id}, to which META_ACCESS_TOKEN"
            " belongs: its webhooks would be refused",
            f"set META_APP_SECRET: {WHERE_TO_GET['META_APP_SECRET']}",
        )
    if isinstance(answer, ReleasedError):
        return skip("app_secret", f"Meta does not tell ({answer})")
    return ok("app_secret", f"META_APP_SECRET is that of app {app_id}")


def judge_webhook(
    facts: WebhookFacts | ReleasedError | None, *, app_id: str, in_app: Sequence[str]
) -> list[Finding]:
    """Judge what Meta tells our app of; None: it has no webhook for WhatsApp.

    `in_app` names the clients whose owners can write in the WhatsApp Business app too.
    """
    unknown = f"Meta does not tell which fields app {app_id} is subscribed to"
    if isinstance(facts, ReleasedError):
        is_refused = isinstance(facts, LookupRefused) and not facts.is_passing
        step = _LOOK if is_refused else "run `released doctor` again later"
        return [skip("webhook_fields", f"{unknown} ({facts})", step)]
    if facts is None:
        reason = f"app {app_id} has no webhook for WhatsApp: no message arrives"
        return [fail("webhook_fields", reason, _SET_UP)]
    found = []
    if facts.is_active is False:
        reason = f"the WhatsApp webhook of app {app_id} is not active: no message arrives"
        found.append(fail("webhook_fields", reason, _SET_UP))
    if facts.fields is None:
        return found or [skip("webhook_fields", unknown, _LOOK)]
    if MESSAGES not in facts.fields:
        reason = f"app {app_id} is not subscribed to the field {MESSAGES}: no message arrives"
        found.append(fail("webhook_fields", reason, _SUBSCRIBE))
    if in_app and ECHOES not in facts.fields:
        found.append(_warn_of_owners(app_id, in_app))
    told = " and ".join(field for field in (MESSAGES, ECHOES) if field in facts.fields)
    return found or [ok("webhook_fields", f"app {app_id} is subscribed to {told}")]


def judge_stop(client: Client) -> Finding:
    """Say why a client's sends are stopped."""
    stopped = client_document(client)["stopped"]
    reason = f"its sends are stopped since {stopped['since']}: {stopped['reason'].rstrip('.')}"
    step = f"when that is mended: `released client resume {client.id}`"
    return fail("sending", reason, step, subject=client.name)


def judge_number(facts: NumberFacts | ReleasedError, client: Client) -> Finding:
    """Judge a client's WhatsApp number."""
    if isinstance(facts, ReleasedError):
        return _judge_failed_number(facts, client)
    if facts.phone is not None and not _is_same_phone(facts.phone, client.phone_number):
        return fail(
            "number",
            f"phone_number_id {client.phone_number_id} is +{facts.phone} at Meta,"
            f" not {client.phone_number}",
            f"see both in WhatsApp Manager, then `released client update {client.id}"
            " --phone-number-id ID` or `--phone-number NUMBER`",
            subject=client.name,
        )
    return _judge_state(facts, client)


def judge_subscription(
    apps: frozenset[str] | ReleasedError,
    *,
    client: Client,
    app_id: str | None,
    account_id: str,
) -> Finding:
    """Judge whether Meta tells our app of this client's messages."""
    subject = client.name
    if isinstance(apps, ReleasedError):
        reason = f"Meta does not tell who is subscribed to account {account_id} ({apps})"
        step = "grant whatsapp_business_management to the token's system user to have it checked"
        return skip("subscription", reason, step, subject=subject)
    step = f"subscribe it: POST {account_id}/subscribed_apps, as the README's step 8 has it"
    if not apps:
        reason = f"no app is subscribed to account {account_id}: no message arrives"
        return fail("subscription", reason, step, subject=subject)
    if app_id is None:
        reason = f"an app is subscribed to account {account_id}; the token does not tell if ours is"
        return skip("subscription", reason, subject=subject)
    if app_id not in apps:
        reason = f"app {app_id} is not subscribed to account {account_id}: no message arrives"
        return fail("subscription", reason, step, subject=subject)
    return ok("subscription", f"app {app_id} hears of account {account_id}", subject=subject)


def judge_callback(facts: NumberFacts, client: Client, *, public_url: str | None) -> Finding | None:
    """Say so when Meta calls another address than ours for this number; None when all is well."""
    if public_url is None or facts.webhook_url is None:
        return None
    ours, theirs = urlsplit(f"{public_url.rstrip('/')}/webhook"), urlsplit(facts.webhook_url)
    if (ours.scheme, ours.netloc, ours.path) == (theirs.scheme, theirs.netloc, theirs.path):
        return None
    return fail(
        "subscription",
        f"Meta posts this number's messages to {theirs.hostname}{theirs.path}, not to PUBLIC_URL",
        f"give the app the callback URL {ours.geturl()} (WhatsApp > Configuration)",
        subject=client.name,
    )


def _warn_of_owners(app_id: str, names: Sequence[str]) -> Finding:
    more = len(names) - MOST_NAMES
    who = ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
    reason = (
        f"app {app_id} is not subscribed to the field {ECHOES}: where an owner answers in the"
        f" WhatsApp Business app, the bot answers too ({who})"
    )
    return warn("webhook_fields", reason, _SUBSCRIBE)


def _judge_failed_token(refused: ReleasedError, subject: str | None, step: str) -> Finding:
    if isinstance(refused, LookupRefused) and refused.is_about_token:
        return fail("token", f"Meta refuses it ({refused})", step, subject=subject)
    again = "run `released doctor` again later"
    if isinstance(refused, LookupRefused) and not refused.is_passing:
        again = "its number's line tells whether it works"
    return skip("token", f"Meta does not tell about it ({refused})", again, subject=subject)


def _judge_expiry(facts: TokenFacts, client: Client | None, step: str, *, now: float) -> Finding:
    expires_at, subject = facts.expires_at, None if client is None else client.name
    exchange = (
        f"exchange it for a new one: `{name_exchange(None if client is None else client.id)}`"
    )
    if expires_at is None:
        return ok("token", "valid, and does not expire", subject=subject)
    until = datetime.fromtimestamp(expires_at, UTC).date()
    if expires_at <= now:
        return fail("token", f"it expired on {until}", step, subject=subject)
    if expires_at - now < EXPIRES_SOON_S:
        say = fail if expires_at - now < EXPIRES_NOW_S else warn
        return say("token", f"it expires on {until}", exchange, subject=subject)
    return ok("token", f"valid until {until}", subject=subject)


def _judge_failed_number(refused: ReleasedError, client: Client) -> Finding:
    subject, number = client.name, client.phone_number_id
    if not isinstance(refused, LookupRefused) or refused.is_passing:
        reason = f"Meta does not tell about {number} ({refused})"
        return skip("number", reason, "run `released doctor` again later", subject=subject)
    if refused.subcode == NO_SUCH_OBJECT:
        return fail(
            "number",
            f"Meta knows no {number}, or this token may not see it",
            f"compare it with WhatsApp Manager (`released client update {client.id}"
            " --phone-number-id ID`), and assign the account to the token's system user",
            subject=subject,
        )
    # Such a token may be good for sending all the same.
    step = "grant whatsapp_business_management to its system user, and assign it the account"
    return warn(
        "number", f"Meta does not let the token see {number} ({refused})", step, subject=subject
    )


def _judge_state(facts: NumberFacts, client: Client) -> Finding:
    subject, detail = client.name, _describe(facts)
    if facts.status in NOT_SENDING or facts.platform not in {None, "CLOUD_API"}:
        step = "register the number with the Cloud API, as the README's step 7 has it"
        return fail("number", detail, step, subject=subject)
    if facts.sending == "BLOCKED":
        step = "WhatsApp Manager says what blocks it; a missing payment method is the commonest"
        return fail("number", detail, step, subject=subject)
    if facts.status in AT_RISK or facts.quality == "RED":
        step = "see in WhatsApp Manager what its customers complain about"
        return warn("number", detail, step, subject=subject)
    if facts.status is None and facts.verification == "NOT_VERIFIED":
        step = "confirm the number by SMS or call in WhatsApp Manager"
        return warn("number", detail, step, subject=subject)
    return ok("number", detail, subject=subject)


def _describe(facts: NumberFacts) -> str:
    """Say what Meta told, in Meta's words, as far as an operator has use for it."""
    codes = f" ({', '.join(map(str, facts.error_codes))})" if facts.error_codes else ""
    told = {
        "status": facts.status,
        "platform": None if facts.platform == "CLOUD_API" else facts.platform,
        "verification": None if facts.status else facts.verification,
        "quality": facts.quality,
        "limit": facts.limit,
        "sending": None if facts.sending in {None, "AVAILABLE"} else f"{facts.sending}{codes}",
    }
    words = [f"{name} {word}" for name, word in told.items() if word]
    phone = f"+{facts.phone}" if facts.phone else "known to Meta"
    return ", ".join([phone, *words])


def _is_same_phone(ours: str, theirs: str) -> bool:
    return _normalize(ours) == _normalize(theirs)


def _normalize(phone: str) -> str:
    digits = phone.removeprefix("+")
    dialled = DIAL_QUIRKS.get(digits[:3])
    return digits if dialled is None else dialled + digits[3:]


def _own_step(client: Client) -> str:
    return f"store a new one with `released client update {client.id} --access-token-file PATH`"
