"""Meta's webhooks as they lie in tests/data, and who writes in them."""

import json
from pathlib import Path

from daemon.core.meta.wire import Delivery, parse_delivery

BODIES = Path(__file__).parents[1] / "data" / "webhooks"

NUMBER = "631261586727899"
ANA = "ES.13491208655302741918"
ANA_PHONE = "34600111222"
LUIS_PHONE = "34600333444"


def parse_file(name: str) -> Delivery:
    """Read a webhook by the name of its file."""
    return parse_delivery(json.loads((BODIES / f"{name}.json").read_bytes()))
