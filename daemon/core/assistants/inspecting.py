"""Asks a model server whether it takes our key and knows our model; makes no answer, costs nothing.

Owns what the server's reply to that means. Importing it imports the openai SDK.

Source: the vendor's page "Retrieve model" and openai 3.54, read 2026-11. Only OpenAI itself tells a
`shutdown_date`; other servers may know no address for one model, and some none for the list.
"""

import asyncio
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Literal

import aiohttp
import openai

from daemon.core.assistants.calling import build_client
from daemon.core.assistants.chat import NO_KEY
from daemon.core.settings import Settings

LOOKUP_BUDGET_S = 10.0
"""Seconds for all that is asked of the model server."""

Outcome = Literal["known", "unknown", "key_refused", "forbidden", "unreachable", "unclear"]


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """`forbidden`: the key may not ask this. `unclear`: the server does not tell.

    `shutdown_on` is the day on which the model ends, None where none is announced.
    """

    outcome: Outcome
    shutdown_on: date | None = None


async def inspect_model(settings: Settings, *, timeout_s: float = LOOKUP_BUDGET_S) -> ModelFacts:
    """Look the model of the settings up at their server.

    Raises:
        Misconfigured: the key is of a form that no request could carry.

    """
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else NO_KEY
    client = build_client(api_key=key, base_url=settings.openai_base_url)
    try:
        async with asyncio.timeout(timeout_s):
            return await _inspect(client, settings.openai_model)
    except TimeoutError:
        return ModelFacts("unreachable")
    finally:
        await client.close()


async def _inspect(client: openai.AsyncOpenAI, model: str) -> ModelFacts:
    try:
        return _read(await client.models.retrieve(model))
    except openai.NotFoundError:
        # Which of the two is missing, the model or the address?
        return await _look_in_list(client, model)
    except (openai.OpenAIError, aiohttp.ClientError, ValueError, RecursionError) as failed:
        return ModelFacts(_judge(failed))


async def _look_in_list(client: openai.AsyncOpenAI, model: str) -> ModelFacts:
    try:
        listed = await client.models.list()
        ids = {getattr(known, "id", None) for known in listed.data}
    except (openai.OpenAIError, aiohttp.ClientError) as failed:
        return ModelFacts(_judge(failed))
    except (ValueError, RecursionError, AttributeError, TypeError):
        # What the SDK trips over where an answer is no list of models.
        return ModelFacts("unclear")
    return ModelFacts("known" if model in ids else "unknown")


def _judge(failed: Exception) -> Outcome:
    if isinstance(failed, openai.AuthenticationError):
        return "key_refused"
    if isinstance(failed, openai.PermissionDeniedError):
        return "forbidden"
    if isinstance(failed, openai.APIStatusError):
        status = failed.status_code
        passes = (
            status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        )
        return "unreachable" if passes else "unclear"
    is_vendors = isinstance(failed, (openai.OpenAIError, aiohttp.ClientError))
    return "unreachable" if is_vendors else "unclear"


def _read(model: object) -> ModelFacts:
    if not isinstance(model, openai.types.Model):
        # A proxy's page reaches us as a str, whatever was asked for.
        return ModelFacts("unclear")
    try:
        ends = date.fromisoformat((model.shutdown_date or "")[:10])
    except (ValueError, TypeError):
        return ModelFacts("known")
    return ModelFacts("known", shutdown_on=ends)
