"""What an answer cost: token counts as servers tell them, and the vendor's prices. Pure."""

import re
from dataclasses import dataclass

from daemon.core.assistants.engine import Usage

SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$", re.ASCII)
"""The date that ends a pinned model's name; it costs what its family costs."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens."""

    input: float
    cached: float
    cache_write: float
    output: float


PRICES = {"gpt-6-luna": Price(input=0.10, cached=0.01, cache_write=0.125, output=0.50)}
"""By model; a model that is not here has no known cost. OpenAI's price page, read 2026-11."""


def read_count(source: object, *path: str) -> int:
    """Follow `path` through attributes to a token count; 0 where a server left it out.

    Compatible servers omit the usage or its details, or send null, and the SDK does not check.
    """
    for name in path:
        source = source.get(name) if isinstance(source, dict) else getattr(source, name, None)
    if isinstance(source, bool) or not isinstance(source, int):
        return 0
    return max(source, 0)


def build_usage(model: str, *, read: int, cached: int, written: int, output: int) -> Usage:
    """Add up one answer's tokens; `cached` and `written` (to the cache) are parts of `read`.

    The cost is None where the model has no known price or the server counted nothing.
    """
    price = PRICES.get(SNAPSHOT.sub("", model))
    cost_usd = None
    if price is not None and (read or output):
        plain = max(read - cached - written, 0)
        cost_usd = (
            plain * price.input
            + cached * price.cached
            + written * price.cache_write
            + output * price.output
        ) / 1_000_000
    return Usage(model, read, cached, output, cost_usd)
