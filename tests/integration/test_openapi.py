"""The API's description is valid, whole, and readable without any outside address."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.api import describing
from daemon.api.routes import ROUTES
from tests.doubles.admin import Admin, open_admin

OWN = re.compile(r'(?:href|src)="(/docs/[^"]+)"')


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[Admin]:
    async with open_admin(tmp_path) as opened:
        yield opened


async def test_it_is_valid_openapi_3_1(admin: Admin) -> None:
    """Held against the specification's own schema."""
    import schemathesis  # noqa: PLC0415 - what half a second buys is needed here alone

    assert "3.1.0" == admin.description["openapi"]
    schemathesis.openapi.from_dict(admin.description).validate()


async def test_every_route_of_the_application_is_in_it(admin: Admin) -> None:
    """And nothing else; the files of the page that shows it aside, and HEAD where GET is."""
    served = {
        (route.method, route.resource.canonical)
        for route in admin.house.app.router.routes()
        if route.resource is not None and not route.resource.canonical.startswith("/docs/")
    }
    described = {
        (method.upper(), path)
        for path, methods in admin.description["paths"].items()
        for method in methods
    }
    heads = {
        ("HEAD", route.path)
        for route in ROUTES
        if route.method == "GET" and route.path != "/webhook"
    }
    assert {(route.method, route.path) for route in ROUTES} | heads == served
    assert described | heads == served


async def test_it_says_who_needs_a_token(admin: Admin) -> None:
    """As the routes themselves have it."""
    for route in ROUTES:
        operation = admin.description["paths"][route.path][route.method.lower()]
        assert ([] if route.is_open else [{"token": []}]) == operation["security"]
        told = operation["responses"].keys()
        assert route.is_open or {"401", "403", "422", "429", "503"} <= told


async def test_every_operation_has_a_name_of_its_own_and_a_summary(admin: Admin) -> None:
    """Generated callers are named by them."""
    operations = [
        operation for path in admin.description["paths"].values() for operation in path.values()
    ]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert all(operation["summary"].endswith(".") for operation in operations)


async def test_the_page_lists_them_by_what_they_are_about(admin: Admin) -> None:
    """One subject each, so that a reader finds a call without knowing its address."""
    paths = admin.description["paths"]
    operations = [operation for path in paths.values() for operation in path.values()]
    assert {1} == {len(operation["tags"]) for operation in operations}
    for path, tag in (
        ("/webhook", "Meta's webhook"),
        ("/clients/{id}/faqs", "Clients"),
        ("/log", "What happened"),
    ):
        assert [tag] == paths[path]["get"]["tags"]


async def test_a_change_is_described_without_defaults(admin: Admin) -> None:
    """What is not given stays as it is."""
    patch = admin.description["components"]["schemas"]["ClientPatch"]
    assert not [field for field in patch["properties"].values() if "default" in field]
    assert "required" not in patch


async def test_the_page_loads_nothing_from_outside(admin: Admin) -> None:
    """Its files are ours, and its policy forbids the browser any other."""
    page = await admin.house.call("GET", "/docs")
    assert "text/html" in page.type
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert not re.search(r"https?:|//", page.text)
    files = OWN.findall(page.text)
    assert ["/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/docs/start.js"] == files
    for path in files:
        got = await admin.house.call("GET", path)
        assert 200 == got.status
        assert ("css" if path.endswith(".css") else "javascript") in got.type
        assert got.text
    styles = (await admin.house.call("GET", files[0])).text
    assert not re.search(r"@import|url\(['\"]?(https?:)?//", styles)
    start = (await admin.house.call("GET", files[2])).text
    assert "http" not in start
    assert "validatorUrl: null" in start


async def test_other_files_of_that_package_are_not_served(admin: Admin) -> None:
    """Only what the page loads."""
    for path in ("/docs/index.html", "/docs/..%2F__init__.py", "/docs/swagger-ui-bundleXjs"):
        assert 404 == (await admin.call("GET", path)).status


def test_without_the_package_that_ships_the_page_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At the start, not when somebody opens the page."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(RuntimeError, match="swagger-ui-py"):
        describing._find_swagger_ui()
