"""Words that alerts are made of: counts, spans, and why a model gives no answer. Pure."""

from collections.abc import Sequence

MODEL_FAULTS = {
    "bad_request": "it refuses what it is asked; look at OPENAI_MODEL and OPENAI_BASE_URL",
    "connection": "it cannot be reached",
    "key": "it refuses OPENAI_API_KEY",
    "not_json": "what it sends is no answer of a model; look at OPENAI_BASE_URL",
    "quota": "its account has no credit left",
    "rate_limited": "it is asked too often for its account",
    "server": "its server fails",
    "timeout": "it takes too long",
}
"""Why a model gives no answer through no fault of the question (`EngineFailed.cause`)."""


def several(count: int, one: str, many: str) -> str:
    """Say how many there are of what `one` and `many` name."""
    return f"{count} {one if count == 1 else many}"


def name_some(some: Sequence[tuple[int, str]]) -> str:
    """Name one or two clients, given by id and name, with their ids where the names are equal."""
    if len(some) > 2:  # noqa: PLR2004 - two can be named
        return f"{len(some)} clients"
    are_told_apart = len({name for _, name in some}) == len(some)
    return " and ".join(
        name if are_told_apart else f"{name} (client {client_id})" for client_id, name in some
    )


def say_duration(seconds: float) -> str:
    """Say a span in its largest unit of which there are two."""
    for unit, length_s in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length_s:
            return f"{int(seconds // length_s)} {unit}s"
    return f"{int(seconds)} seconds"
