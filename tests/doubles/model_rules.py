"""What a request to a model must and must not hold, in words a test can show. Pure."""

import re
from typing import Any

from tests.doubles.model_answers import read_faqs

FORBIDDEN = frozenset(
    {
        "temperature",
        "top_p",
        "tools",
        "user",
        "previous_response_id",
        "conversation",
        "stream",
        "background",
    }
)
"""Parameters that no call may carry."""

LOOKS_LIKE_A_PHONE = re.compile(r"\+?[\d ().-]{7,}")
"""What must not stand where only a hash may."""

WIDELY_SPOKEN = frozenset({"model", "messages", "response_format", "max_tokens"})
"""The only parameters every Chat Completions server takes."""


def find_responses_violations(body: dict[str, Any]) -> list[str]:
    """List what is wrong with the body of a POST /v1/responses."""
    wanted = {
        "store": False,
        "reasoning": {"effort": "none"},
        "truncation": "disabled",
        "prompt_cache_options": {"ttl": "30m"},
    }
    found = [f"{key} is {body.get(key)!r}" for key in wanted if body.get(key) != wanted[key]]
    found += [f"{key} was sent" for key in sorted(FORBIDDEN & body.keys())]
    found += _find_schema_violations(body.get("text", {}).get("format", {}))
    found += _find_faq_violations(body.get("instructions") or "")
    found += _find_role_violations(body.get("input", []), ("user", "assistant", "developer"))
    found += _find_identity_violations(body)
    if not re.fullmatch(r"\d+:\d+", body.get("prompt_cache_key") or ""):
        found.append("prompt_cache_key is not <client>:<version>")
    if not isinstance(body.get("max_output_tokens"), int):
        found.append("no max_output_tokens")
    return found


def find_chat_violations(body: dict[str, Any]) -> list[str]:
    """List what is wrong with the body of a POST /v1/chat/completions to a server at home."""
    messages = body.get("messages", [])
    form = body.get("response_format", {})
    found = [f"{key} was sent" for key in sorted(body.keys() - WIDELY_SPOKEN)]
    found += _find_schema_violations({**form, **form.get("json_schema", {})})
    found += _find_faq_violations(messages[0]["content"] if messages else "")
    found += _find_role_violations(messages, ("system", "user", "assistant"))
    roles = [message.get("role") for message in messages]
    if roles != ["system", *["user", "assistant"] * ((len(roles) - 2) // 2), "user"]:
        found.append(f"the roles do not take turns: {roles}")
    return found


def _find_schema_violations(form: dict[str, Any]) -> list[str]:
    wanted = {
        "type": "object",
        "properties": {
            "answer": {"type": "string"},
            "faq_ids": {"type": "array", "items": {"type": "string"}},
            "answered": {"type": "boolean"},
            "handoff": {"type": "boolean"},
        },
        "additionalProperties": False,
        "required": ["answer", "faq_ids", "answered", "handoff"],
    }
    found = [] if form.get("schema") == wanted else ["the schema is not the agreed one"]
    if form.get("type") != "json_schema" or form.get("strict") is not True or not form.get("name"):
        found.append("the format is not a strict, named json_schema")
    return found


def _find_faq_violations(instructions: str) -> list[str]:
    numbers = list(read_faqs(instructions))
    if not numbers or numbers != [f"F{number}" for number in range(1, len(numbers) + 1)]:
        return [f"the FAQs are not numbered from F1: {numbers}"]
    return []


def _find_role_violations(items: list[dict[str, Any]], roles: tuple[str, ...]) -> list[str]:
    if not items or items[-1].get("role") != "user":
        return ["the customer's text does not come last"]
    found = [f"role {item.get('role')!r}" for item in items if item.get("role") not in roles]
    asked = items[-1]["content"]
    if any(asked in item["content"] for item in items if item["role"] == "developer"):
        found.append("customer text outside a user item")
    return found


def _find_identity_violations(body: dict[str, Any]) -> list[str]:
    identifier = body.get("safety_identifier") or ""
    found = [] if 0 < len(identifier) <= 128 else ["no safety_identifier, or too long a one"]
    told = {"safety_identifier": identifier, **body.get("metadata", {})}
    return found + [
        f"{key} may be a phone" for key in told if LOOKS_LIKE_A_PHONE.fullmatch(told[key])
    ]
