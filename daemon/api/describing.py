"""Describes the API: OpenAPI 3.1 made from the routes and their models, and a page to read it."""

import importlib.util
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import web
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from daemon.api import models
from daemon.api.idempotency import KEY_HEADER, KEY_LIMIT
from daemon.api.limiting import RATES
from daemon.api.route import Route

DESCRIPTION = web.AppKey("description", bytes)
"""Built once: it takes 50 ms, and anybody may ask for it."""

_TEXT = {"type": "string"}
_HEADER_SHAPES = {
    KEY_HEADER: _TEXT | {"minLength": 1, "maxLength": KEY_LIMIT, "pattern": "^[ -~]+$"}
}
_REFUSAL_HEADERS = {
    401: {"WWW-Authenticate": "Which proof is asked for."},
    429: {"Retry-After": "Seconds until the next call is heard."},
    503: {"Retry-After": "Seconds after which it may work."},
}
_TAGS = {
    "webhook": "Meta's webhook",
    "ops": "Health and metrics",
    "describing": "This description",
    "reports": "What happened",
}
"""Under what the page lists the routes of a module whose own name does not say it."""

_REF = "#/components/schemas/{model}"
_ABOUT = f"""The admin API: what `released` does in a shell, by HTTP.

A token has the scope `write`, or `read` for GET alone, and may be limited to one client, which is
then the only one there is for it. HEAD works where GET does. A token may call {RATES.per_token:,}
times a minute, an address without a valid one {RATES.per_address} times. In production a call must
come by HTTPS.
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Released: the admin API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
# Without `validatorUrl: null` Swagger UI asks an address outside for a badge.
_START = (
    'SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true,'
    " validatorUrl: null});\n"
)
_POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"


async def describe(request: web.Request) -> web.Response:
    """Hand out this description."""
    return web.Response(body=request.app[DESCRIPTION], content_type="application/json")


async def show_docs(_request: web.Request) -> web.Response:
    """Show the description as a page."""
    headers = {"Content-Security-Policy": _POLICY}
    return web.Response(text=_PAGE, content_type="text/html", headers=headers)


def add_static(app: web.Application) -> None:
    """Serve Swagger UI's files from the package that ships them, and the line that starts it."""
    folder = _find_swagger_ui()

    async def serve(request: web.Request) -> web.FileResponse:
        return web.FileResponse(folder / request.match_info["name"])

    async def start(_request: web.Request) -> web.Response:
        return web.Response(text=_START, content_type="text/javascript")

    app.router.add_get("/docs/{name:swagger-ui-bundle\\.js|swagger-ui\\.css}", serve)
    app.router.add_get("/docs/start.js", start)


def build_description(routes: Sequence[Route], *, version: str) -> dict[str, Any]:
    """Build the OpenAPI document of these routes."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _describe_route(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Released",
            "version": version,
            "description": _ABOUT,
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(routes),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _describe_route(route: Route) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": f"{route.method.lower()}{re.sub(r'[^a-z]+', '_', route.path)}".rstrip("_"),
        "summary": route.summary,
        "tags": [_tag(route)],
        "parameters": _parameters(route),
        "responses": _answers(route),
        "security": [] if route.is_open else [{"token": []}],
    }
    if route.body is not None:
        content = {"application/json": {"schema": _reference(route.body)}}
        described["requestBody"] = {"required": route.needs_body, "content": content}
    return described


def _tag(route: Route) -> str:
    module = route.handler.__module__.rpartition(".")[2]
    return _TAGS.get(module, module.capitalize())


def _answers(route: Route) -> dict[str, Any]:
    said: dict[str, Any] = {"description": HTTPStatus(route.status).phrase}
    if route.answer is not None:
        said["content"] = {"application/json": {"schema": _reference(route.answer)}}
    elif route.kind is not None:
        said["content"] = {route.kind: {}}
    told = _headers(route.tells, required=True) | _headers(route.may_tell, required=False)
    if told:
        said["headers"] = told
    problem = {"application/problem+json": {"schema": _reference(models.ProblemDocument)}}
    answers = {str(route.status): said}
    for status in _refusals(route):
        refused = {"description": HTTPStatus(status).phrase, "content": problem}
        headers = _headers(_REFUSAL_HEADERS.get(status, {}), required=not route.is_open)
        answers[str(status)] = refused | ({"headers": headers} if headers else {})
    return answers


def _refusals(route: Route) -> tuple[int, ...]:
    """List the statuses of a route's refusals; whoever needs a token may be refused in any."""
    if route.is_open:
        return route.errors
    return tuple(sorted({401, 403, *route.errors, 422, 429, 503}))


def _headers(named: Mapping[str, str], *, required: bool) -> dict[str, Any]:
    return {
        name: {"description": what, "required": required, "schema": _TEXT}
        for name, what in named.items()
    }


def _parameters(route: Route) -> list[dict[str, Any]]:
    number = {"type": "integer", "minimum": 1, "maximum": models.LARGEST_ID}
    named = [
        _parameter("path", name, number if name == "id" else {"type": "string", "minLength": 1})
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    asked = {} if route.query is None else route.query.model_json_schema()
    needed = asked.get("required", ())
    queried = [
        _parameter("query", name, schema, required=name in needed)
        for name, schema in asked.get("properties", {}).items()
    ]
    headers = [
        _parameter("header", name, _HEADER_SHAPES.get(name, _TEXT), required=route.is_open)
        | {"description": what}
        for name, what in route.takes.items()
    ]
    return named + queried + headers


def _parameter(
    where: str, name: str, schema: dict[str, Any], *, required: bool = True
) -> dict[str, Any]:
    return {"name": name, "in": where, "required": required, "schema": schema}


def _reference(shape: Any) -> dict[str, Any]:
    return (
        TypeAdapter(shape).json_schema(ref_template=_REF)
        if not _is_model(shape)
        else {"$ref": _REF.format(model=shape.__name__)}
    )


def _is_model(shape: Any) -> bool:
    return isinstance(shape, type) and issubclass(shape, BaseModel)


def _schemas(routes: Sequence[Route]) -> dict[str, Any]:
    shapes = [shape for route in routes for shape in (route.answer, route.body)]
    inner = [getattr(shape, "__args__", (shape,))[0] for shape in shapes]
    used = dict.fromkeys(shape for shape in [*inner, models.ProblemDocument] if _is_model(shape))
    _, definitions = models_json_schema(
        [(model, "validation") for model in used], ref_template=_REF
    )
    schemas: dict[str, Any] = definitions["$defs"]
    return schemas


def _find_swagger_ui() -> Path:
    # The package itself is not imported: it would bring a web framework's helpers along.
    found = importlib.util.find_spec("swagger_ui")
    if found is None or found.origin is None:
        raise RuntimeError("swagger-ui-py is not installed")
    return Path(found.origin).parent / "static"
