"""Reading a request's body as JSON.

Owns decoding only; what a body must hold is its reader's to say.
"""

import json
from typing import Any

from aiohttp import web

from daemon.core.errors import Invalid


async def read_json(request: web.Request) -> Any:
    """Decode the body.

    Raises:
        Invalid: it is no JSON.

    """
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError):
        raise Invalid("The body is not JSON.") from None


def read_query_number(request: web.Request, name: str, *, most: float) -> float:
    """Read a number from 0 to `most` from the query; 0 where it is not given.

    Raises:
        Invalid: it is no such number.

    """
    text = request.query.get(name, "0")
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= most or number == float("inf"):
        raise Invalid(f"{name}: must be a number from 0 to {most:g}")
    return number
