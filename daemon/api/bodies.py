"""Reads what a caller sent: a JSON body or a query, validated by a pydantic model."""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from daemon.api.models import LARGEST_ID
from daemon.api.problems import Problem
from daemon.core.errors import FieldProblem, Invalid, NotFound
from daemon.core.seeds import validate

BODY_LIMIT = 6 * 1024 * 1024
"""Bytes of an admin call's body: FAQs of 5 MB and the rest of a client."""

PACKINGS = frozenset({"", "identity", "gzip", "deflate"})
"""Values of Content-Encoding that aiohttp unpacks; it hands any other body on as it came."""

RAW_BODY = web.RequestKey("raw_body", bytes)
"""What `read_json` read, unpacked."""

Model = TypeVar("Model", bound=BaseModel)


async def read_json(request: web.Request) -> Any:
    """Decode the body.

    Raises:
        Problem: 415 for another content type or an unknown packing, 413 when it is too large, 400
            when it is not JSON.

    """
    packing = request.headers.get("Content-Encoding", "").strip().lower()
    if packing not in PACKINGS:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send the body as it is, or packed with gzip."
        )
    if request.content_type != "application/json":
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send JSON: Content-Type: application/json."
        )
    try:
        body = await request.clone(client_max_size=BODY_LIMIT).read()
    except web.HTTPRequestEntityTooLarge:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "A body has at most 6 MiB.") from None
    request[RAW_BODY] = body
    try:
        return _decode(body)
    except RecursionError:
        why = "is nested too deeply"
    except UnicodeDecodeError:
        why = "is not UTF-8"
    except (json.JSONDecodeError, _NotJson) as broken:
        why = f"is not JSON: {broken}"
    except ValueError:
        why = "holds a number that is too long"
    raise Problem(HTTPStatus.BAD_REQUEST, f"The body {why}.")


async def read_body(request: web.Request, model: type[Model]) -> Model:
    """Read a JSON object as a model.

    Raises:
        Problem: as `read_json`.
        Invalid: naming each field at fault.

    """
    decoded = await read_json(request)
    if not isinstance(decoded, dict):
        raise Invalid(
            "The body must be a JSON object.", problems=(FieldProblem("body", "is no object"),)
        )
    return validate(model, decoded)


async def read_body_if_any(request: web.Request, model: type[Model]) -> Model:
    """Read a JSON object as a model; no body at all stands for an empty object.

    Raises:
        Problem: as `read_json`.
        Invalid: naming each field at fault.

    """
    return await read_body(request, model) if request.body_exists else validate(model, {})


def refuse_query(request: web.Request) -> None:
    """Refuse any query: this address takes none.

    Raises:
        Invalid: naming each parameter.

    """
    validate(_NoQuery, dict(request.query))


def read_query(request: web.Request, model: type[Model]) -> Model:
    """Read the query as a model; a parameter given twice is refused.

    Raises:
        Invalid: naming each parameter at fault.

    """
    twice = [name for name in set(request.query) if len(request.query.getall(name)) > 1]
    if twice:
        problems = tuple(FieldProblem(name, "is given more than once") for name in sorted(twice))
        raise Invalid(f"Given more than once: {', '.join(sorted(twice))}.", problems=problems)
    return validate(model, dict(request.query))


def read_id(request: web.Request, what: str) -> int:
    """Read the id in the path.

    Raises:
        NotFound: when it is no number that an id can be.

    """
    text = request.match_info["id"]
    # The length first: Python refuses to convert what fills a whole request line.
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_ID))
    if not is_number or int(text) > LARGEST_ID:
        raise NotFound(f"There is no {what} {text[:40]}.")
    return int(text)


class _NoQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _NotJson(ValueError):
    """What Python's reader takes and we do not."""


def _decode(body: bytes) -> Any:
    # Decoded here, because Python's reader guesses at UTF-16, which is no JSON between machines.
    text = body.decode("utf-8-sig")
    return json.loads(text, object_pairs_hook=_refuse_twice, parse_constant=_refuse_constant)


def _refuse_twice(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    # What JSON leaves open, and a reader who scrolled past the first of two would never see.
    decoded = dict(pairs)
    if len(decoded) != len(pairs):
        raise _NotJson("a key stands twice in one object")
    return decoded


def _refuse_constant(word: str) -> Any:
    raise _NotJson(f"it has no {word}")
