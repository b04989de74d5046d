"""Meta's error codes: what to do about each, and how to say it to an operator.

Pure. It decides no retry itself: the sender does, with `classify` and `retry_delay`.

Source: Meta's "Cloud API error codes" and "Graph API handling errors", read 2026-11.
"""

from enum import StrEnum

DAY_S = 86_400.0
"""The longest wait before a retry; beyond 24 hours Meta takes no free text anyway (131047)."""

NO_TOKEN = 0
"""Graph's code for a call that could not be authenticated: what a missing token would earn."""

TOKEN_REFUSED = 190
"""Graph's code for an access token that is not valid."""


class Remedy(StrEnum):
    """What to do about a refused message."""

    RETRY = "retry"
    """Wait, then send it again; other customers of the same number need not wait."""
    THROTTLED = "throttled"
    """As RETRY, and until then send nothing else: the number, its account or the app must wait."""
    CREDENTIAL = "credential"
    """Stop this client's sends until its access token is replaced or resumed by hand."""
    POLICY = "policy"
    """Stop this client's sends and alert: Meta restricts the account."""
    NEVER = "never"
    """Never send this message again."""
    REGISTER = "register"
    """The number must be registered with the Cloud API first."""


_REPLACE = "store a new one with `released client update REF --access-token-file PATH`"
_PERMISSION = (
    "the access token lacks a permission: grant whatsapp_business_messaging to its system user,"
    " then `released client resume REF`"
)
_LATER = "it is sent again by itself"
_STOPPED = "this client's sends are stopped; look in Meta's Business Support Home"
_DROPPED = "the message is not sent again"

_CODES: dict[int, tuple[Remedy, str]] = {
    1: (Remedy.RETRY, f"Meta met an unknown error or got a bad request; {_LATER}"),
    2: (Remedy.RETRY, f"Meta is down or overloaded; {_LATER}"),
    4: (Remedy.THROTTLED, f"the app reached its call limit; {_LATER}"),
    80007: (Remedy.THROTTLED, f"the WhatsApp Business account reached its call limit; {_LATER}"),
    130429: (Remedy.THROTTLED, f"the number sends faster than its throughput allows; {_LATER}"),
    131000: (Remedy.RETRY, f"Meta could not send it for an unknown reason; {_LATER}"),
    131016: (Remedy.RETRY, f"a service of Meta's is unavailable; {_LATER}"),
    131057: (Remedy.THROTTLED, f"the account is in maintenance, perhaps an upgrade; {_LATER}"),
    133004: (Remedy.RETRY, f"Meta's server is unavailable; {_LATER}"),
    131056: (Remedy.RETRY, f"too many messages to this one customer in a short time; {_LATER}"),
    NO_TOKEN: (Remedy.CREDENTIAL, f"Meta could not authenticate the access token: {_REPLACE}"),
    3: (Remedy.CREDENTIAL, _PERMISSION),
    10: (Remedy.CREDENTIAL, _PERMISSION),
    TOKEN_REFUSED: (Remedy.CREDENTIAL, f"the access token is no longer valid: {_REPLACE}"),
    131005: (Remedy.CREDENTIAL, _PERMISSION),
    368: (Remedy.POLICY, f"the account is blocked for a policy violation; {_STOPPED}"),
    130497: (Remedy.POLICY, f"the account may not message this country; {_STOPPED}"),
    131031: (Remedy.POLICY, f"the account is locked; {_STOPPED}"),
    131042: (Remedy.POLICY, "payment is not in order: mend it in Meta's billing settings"),
    131048: (Remedy.POLICY, f"too many of its messages were blocked or marked spam; {_STOPPED}"),
    131064: (Remedy.POLICY, f"Meta restricts what this account may send; {_STOPPED}"),
    33: (
        Remedy.NEVER,
        "the phone_number_id does not exist or the token may not see it: check `client show`",
    ),
    100: (Remedy.NEVER, f"Meta found a parameter invalid; {_DROPPED}"),
    130403: (Remedy.NEVER, f"Meta refused the message; {_DROPPED}"),
    130472: (Remedy.NEVER, f"the customer's number is part of an experiment; {_DROPPED}"),
    131008: (Remedy.NEVER, f"a required parameter is missing; {_DROPPED}"),
    131009: (Remedy.NEVER, f"a parameter has a wrong value; {_DROPPED}"),
    131021: (Remedy.NEVER, "sender and recipient are the same number"),
    131026: (Remedy.NEVER, f"the customer cannot be reached on WhatsApp; {_DROPPED}"),
    131047: (
        Remedy.NEVER,
        "over 24 hours since the customer last wrote; only a template could reach them now",
    ),
    131049: (Remedy.NEVER, f"Meta held it back to keep this customer's messages few; {_DROPPED}"),
    131050: (Remedy.NEVER, f"the customer stopped marketing messages; {_DROPPED}"),
    131051: (Remedy.NEVER, f"the message type is not supported; {_DROPPED}"),
    131062: (Remedy.NEVER, f"this message cannot be addressed by user id; {_DROPPED}"),
    131045: (Remedy.REGISTER, "the number is not registered: register it in WhatsApp Manager"),
    133010: (Remedy.REGISTER, "the number is not registered: register it in WhatsApp Manager"),
    133016: (
        Remedy.REGISTER,
        "registering was tried too often: wait 72 hours, then register the number",
    ),
}

_PERMISSION_CODES = range(200, 300)


def classify(code: int) -> Remedy:
    """Tell what to do about a code; one that is new to us is retried, up to the limit."""
    return _look_up(code)[0]


def is_known(code: int) -> bool:
    """Tell whether a code is one of those that stand here."""
    return code in _CODES or code in _PERMISSION_CODES


def describe(code: int) -> str:
    """Say in one line what a code means and what the operator does next."""
    return f"Meta error {code}: {_look_up(code)[1]}."


def retry_delay(attempt: int, *, base_s: float, jitter: float) -> float:
    """Give the seconds to wait after failed attempt `attempt`, counted from 1; at most a day.

    Meta advises 4^n seconds. `jitter` is a factor of 0.5 to 1.5 that the caller draws, so that
    what failed together does not come back together.
    """
    try:
        wait_s = float(base_s) ** attempt * jitter
    except OverflowError:
        return DAY_S
    return min(wait_s, DAY_S)


def _look_up(code: int) -> tuple[Remedy, str]:
    known = _CODES.get(code)
    if known is not None:
        return known
    if code in _PERMISSION_CODES:
        return Remedy.CREDENTIAL, _PERMISSION
    return Remedy.RETRY, f"it is not a code we know; {_LATER}, up to the retry limit"
