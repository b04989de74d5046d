"""How a client is shown to people, and how two pictures of one are told apart."""

from collections.abc import Iterable
from typing import Any

from released_cli.admin import Document
from released_cli.output import print_facts, print_json, say

SEEN_BY = {"access_token": "access_token_digest", "faqs": "faqs_digest"}
"""Where a client's document shows that a field changed which is not shown itself."""


def print_client(client: Document, *, as_json: bool) -> None:
    """Print a client's document, or its facts for people."""
    if as_json:
        print_json(client)
        return
    facts: dict[str, Any] = dict(client)
    for unsaid in ("warnings", "faqs_digest"):
        facts.pop(unsaid)
    stopped = facts.pop("stopped")
    facts["access_token"] = _tell_token(facts.pop("access_token_digest"))
    if stopped is not None:
        # What Meta's code means begins with the code.
        code = "" if str(stopped["code"]) in stopped["reason"] else f", error {stopped['code']}"
        facts["stopped"] = f"since {stopped['since']}{code}: {stopped['reason']}"
    print_facts(facts)


def find_changes(before: Document, after: Document, given: Iterable[str]) -> list[str]:
    """Name the fields that differ, of those that were given; FAQs come last."""
    keys = {field: SEEN_BY.get(field, field) for field in (*sorted(given), "faqs")}
    return [field for field, key in keys.items() if before[key] != after[key]]


def tell_state(client: Document) -> str:
    """Say in a word whether its bot answers."""
    if not client["active"]:
        return "inactive"
    return "active" if client["stopped"] is None else f"stopped ({client['stopped']['code']})"


def needs_resuming(client: Document) -> bool:
    """Tell whether a stop lasts until somebody ends it, however the cause was mended."""
    from daemon.core.meta.codes import Remedy, classify

    stopped = client["stopped"]
    return stopped is not None and classify(stopped["code"]) is not Remedy.CREDENTIAL


def warn_of(client: Document) -> None:
    """Say what is taken as it is, and may not be what was meant."""
    for warning in client["warnings"]:
        say(warning)


def _tell_token(digest: str | None) -> str:
    return "META_ACCESS_TOKEN, which all share" if digest is None else f"its own ({digest})"
