"""Check of the model: does its server take our key, know our model, and for how long."""

from datetime import UTC, date, datetime

from daemon.core.doctor.finding import Finding, fail, ok, skip, warn
from daemon.core.doctor.parts import Parts
from daemon.core.errors import Misconfigured

WARN_BEFORE_DAYS = 60
"""Time to try another model on real questions before the old one goes."""

_CHOOSE = "set OPENAI_MODEL to a model that stays, and restart released-daemon"
_NEW_KEY = "put a valid key into OPENAI_API_KEY, and restart released-daemon"


async def check_model(parts: Parts) -> list[Finding]:
    """Ask the model server about key and model; the local engine needs neither."""
    settings = parts.settings
    if settings.engine_name == "local":
        step = None if settings.answer_engine == "local" else "set OPENAI_API_KEY to use a model"
        return [skip("model", "the local engine answers, which calls no model", step)]
    # Imported here: it brings the SDK, half a second of the CLI's.
    from daemon.core.assistants.inspecting import inspect_model  # noqa: PLC0415

    try:
        facts = await inspect_model(settings)
    except Misconfigured as broken:
        return [fail("model", str(broken).rstrip("."), _NEW_KEY)]
    today = datetime.fromtimestamp(parts.clock(), UTC).date()
    if facts.outcome == "known":
        return [judge_shutdown(settings.openai_model, facts.shutdown_on, today=today)]
    server = settings.openai_base_url or "OpenAI"
    return [_judge_failure(facts.outcome, settings.openai_model, server)]


def judge_shutdown(model: str, ends_on: date | None, *, today: date) -> Finding:
    """Say whether a model will be there for long enough."""
    if ends_on is None:
        return ok("model", f"the key is taken, and {model} is known; no end is announced")
    if ends_on <= today:
        return fail("model", f"{model} was shut down on {ends_on}", _CHOOSE)
    days = (ends_on - today).days
    if days <= WARN_BEFORE_DAYS:
        return warn("model", f"{model} is shut down on {ends_on}, in {days} days", _CHOOSE)
    return ok("model", f"the key is taken, and {model} stays until {ends_on}")


def _judge_failure(outcome: str, model: str, server: str) -> Finding:
    if outcome == "unknown":
        return fail("model", f"{server} knows no model {model}", _CHOOSE)
    if outcome == "key_refused":
        return fail("model", f"{server} refuses OPENAI_API_KEY", _NEW_KEY)
    if outcome == "unreachable":
        step = "see that OPENAI_BASE_URL is right and that this machine may go out to it"
        return fail("model", f"{server} gave no answer", step)
    if outcome == "forbidden":
        reason = f"{server} does not let OPENAI_API_KEY ask about models"
        return skip("model", reason, "give the key the right to read models, or ask the bot itself")
    return skip("model", f"{server} does not tell whether it has {model}", "ask the bot something")
