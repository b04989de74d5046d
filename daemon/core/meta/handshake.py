"""Who may speak as Meta: the signature of a webhook body, and the subscription call.

Pure, and constant in time where a secret is compared. `wire` hands these names on.

Source: Meta's "Webhooks > Getting started", read 2026-11.
"""

import hmac
from collections.abc import Mapping
from functools import lru_cache

from daemon.core.errors import Rejected

SIGNATURE_PREFIX = "sha256="


class BadSubscription(Rejected):
    """The subscription call has another hub.mode, or a parameter is missing."""


class WrongVerifyToken(Rejected):
    """The subscription call does not carry our verify token."""


def sign_body(secret: str, body: bytes) -> str:
    """Give the value of `X-Hub-Signature-256` for a body, taken byte for byte."""
    signing = _begin_to_sign(secret).copy()
    signing.update(body)
    return SIGNATURE_PREFIX + signing.hexdigest()


def verify_signature(secret: str, body: bytes, header: str | None) -> bool:
    """Tell in constant time whether the raw body was signed with our app secret.

    An empty secret verifies nothing: anybody can sign with it.
    """
    if not secret or header is None:
        return False
    return hmac.compare_digest(_as_bytes(sign_body(secret, body)), _as_bytes(header))


def answer_challenge(query: Mapping[str, str], verify_token: str) -> str:
    """Give the text that confirms a webhook subscription.

    Raises:
        BadSubscription: another mode, or a parameter is missing.
        WrongVerifyToken: the token is not ours.

    """
    given, challenge = query.get("hub.verify_token"), query.get("hub.challenge")
    if query.get("hub.mode") != "subscribe" or not given or not challenge:
        raise BadSubscription
    if not hmac.compare_digest(_as_bytes(verify_token), _as_bytes(given)):
        raise WrongVerifyToken
    return challenge


@lru_cache(maxsize=8)
def _begin_to_sign(secret: str) -> hmac.HMAC:
    """Take the secret in; to do it for each body takes as long as to sign the body."""
    return hmac.new(_as_bytes(secret), digestmod="sha256")


def _as_bytes(text: str) -> bytes:
    # compare_digest refuses non-ASCII strings, and a header or query may hold a lone surrogate.
    return text.encode(errors="surrogatepass")
