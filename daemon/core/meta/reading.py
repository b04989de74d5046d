"""Reads single values out of decoded JSON that somebody else wrote, without ever raising.

Owns what counts as an id, a phone number, a time or a word; knows nothing of what a webhook or an
answer of the Graph API looks like (`wire` and `client` do).
"""

import math
import re
from collections.abc import Mapping
from typing import Any

ID_LIMIT = 256
"""Characters. A wamid has about 60, a business-scoped user id at most 131; longer is no id."""

WORD_LIMIT = 64
"""Characters kept of a word that Meta may invent without notice, such as a new message type."""

LATEST_EPOCH_S = 4_102_444_800.0
"""The year 2100. What lies beyond is milliseconds or nonsense, not a time."""

_CODE_LIMIT = 2**31
_SURROGATES = re.compile("[\ud800-\udfff]")
_NOTHING: Mapping[str, Any] = {}


def replace_unstorable(text: str) -> str:
    """Put U+FFFD for lone surrogates and drop NUL: JSON can carry both, no database takes them."""
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    return _SURROGATES.sub("\ufffd", text.replace("\0", ""))


def read_object(value: object) -> Mapping[str, Any]:
    """Give the object itself, or an empty one for anything else."""
    return value if isinstance(value, dict) else _NOTHING


def read_text(value: object) -> str | None:
    """Give a string as it was written, None where it is none or holds nothing but white space."""
    if not isinstance(value, str):
        return None
    text = replace_unstorable(value)
    return text if text and not text.isspace() else None


def read_word(value: object) -> str | None:
    """Give a string clipped to `WORD_LIMIT`; never let it become a metric's label unchecked."""
    text = read_text(value)
    return text[:WORD_LIMIT] if text else None


def read_identifier(value: object, *, limit: int = ID_LIMIT) -> str | None:
    """Give an id; Meta prints some as numbers in one example and as strings in the next."""
    if isinstance(value, str):
        text = replace_unstorable(value)
        return text if 0 < len(text) <= limit and not text.isspace() else None
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    # Bounded before it is printed: Python refuses to print integers of over 4,300 digits.
    return str(value) if 0 <= value < 10**limit else None


def read_phone(value: object) -> str | None:
    """Give a phone's digits without `+`. Nothing else is checked: a `wa_id` may be no E.164."""
    digits = (read_identifier(value) or "").removeprefix("+")
    return digits if digits.isascii() and digits.isdigit() else None


def read_epoch(value: object) -> float:
    """Give seconds since 1970, and 0.0 where the time is missing, garbage or absurd.

    Meta sends decimal strings and sometimes numbers. Whoever keeps a 0.0 takes the time of
    receipt instead; this file has no clock.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return 0.0
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return 0.0
    return seconds if math.isfinite(seconds) and 0 <= seconds <= LATEST_EPOCH_S else 0.0


def read_code(value: object) -> int | None:
    """Give one error code of Meta's, a small whole number that may come as a string."""
    digits = read_identifier(value, limit=10)
    if digits is None or not (digits.isascii() and digits.isdigit()):
        return None
    code = int(digits)
    return code if code < _CODE_LIMIT else None


def read_codes(errors: object) -> tuple[int, ...]:
    """Give the codes of a list of error objects, in order; what has none is left out."""
    if not isinstance(errors, list):
        return ()
    codes = (read_code(read_object(error).get("code")) for error in errors)
    return tuple(code for code in codes if code is not None)
