"""What the doctor makes of what Meta tells of our app: its secret, its webhook, its fields."""

from dataclasses import replace

import pytest

from daemon.core.doctor.judging import judge_secret, judge_webhook
from daemon.core.errors import ReleasedError, Retryable
from daemon.core.meta.facts import TokenFacts, WebhookFacts
from daemon.core.meta.inspecting import LookupRefused
from tests.doubles.judged import assert_says

TOKEN = TokenFacts(True, "600", None, frozenset(), ())
MESSAGES = frozenset({"messages"})
WEBHOOK = WebhookFacts(is_active=True, fields=MESSAGES | {"smb_message_echoes"})


@pytest.mark.parametrize(
    ("answer", "state", "word"),
    [
        (TOKEN, "ok", "that of app 600"),
        (LookupRefused(1), "error", "not the secret of app 600"),
        (LookupRefused(101), "error", "META_APP_SECRET"),
        (LookupRefused(190), "error", "App secret"),
        (LookupRefused(4), "skipped", "Meta error 4"),
        (Retryable("no time"), "skipped", "no time"),
    ],
)
def test_the_apps_secret_is_judged(
    answer: TokenFacts | ReleasedError, state: str, word: str
) -> None:
    """Only Meta's no is a no."""
    assert_says(judge_secret(answer, app_id="600"), state, word)


@pytest.mark.parametrize(
    ("facts", "state", "word"),
    [
        (WEBHOOK, "ok", "app 600 is subscribed to messages and smb_message_echoes"),
        (replace(WEBHOOK, is_active=None), "ok", "subscribed to messages"),
        (replace(WEBHOOK, fields=MESSAGES), "warning", "smb_message_echoes"),
        (replace(WEBHOOK, fields=frozenset({"smb_message_echoes"})), "error", "field messages"),
        (replace(WEBHOOK, is_active=False), "error", "is not active"),
        (replace(WEBHOOK, is_active=False, fields=None), "error", "is not active"),
        (replace(WEBHOOK, fields=None), "skipped", "does not tell which fields"),
        (None, "error", "app 600 has no webhook for WhatsApp"),
        (LookupRefused(4), "skipped", "again later"),
        (LookupRefused(10), "skipped", "WhatsApp > Configuration"),
        (Retryable("no time"), "skipped", "no time"),
    ],
)
def test_a_webhook_is_judged(
    facts: WebhookFacts | ReleasedError | None, state: str, word: str
) -> None:
    """Who hears of no message is an error, who hears not of owners a warning; silence neither."""
    (found,) = judge_webhook(facts, app_id="600", in_app=["La Plaza"])
    assert_says(found, state, word)
    assert ("webhook_fields", None) == (found.check, found.subject)


def test_owners_matter_where_they_write() -> None:
    """A few are named; without any the field is not missed."""
    facts = replace(WEBHOOK, fields=MESSAGES)
    (found,) = judge_webhook(facts, app_id="600", in_app=[])
    assert_says(found, "ok", "app 600 is subscribed to messages")
    (found,) = judge_webhook(facts, app_id="600", in_app=["A", "B", "C"])
    assert_says(found, "warning", "(A, B, C)")
    (found,) = judge_webhook(facts, app_id="600", in_app=["A", "B", "C", "D", "E"])
    assert_says(found, "warning", "(A, B, C and 2 more)")


def test_all_that_is_wrong_with_a_webhook_is_said() -> None:
    """Each on its line, the worst first."""
    facts = WebhookFacts(is_active=False, fields=frozenset())
    found = judge_webhook(facts, app_id="600", in_app=["La Plaza"])
    assert ["error", "error", "warning"] == [finding.state for finding in found]
