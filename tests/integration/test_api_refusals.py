"""What the admin API refuses: each with the right status, as a problem, in words for a person."""

import gzip
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from daemon.api.bodies import BODY_LIMIT
from daemon.api.route import Route
from daemon.api.routes import ADMIN_ROUTES, OPEN_ROUTES, ROUTES
from daemon.core.errors import Misconfigured
from daemon.core.store.faults import StoreUnavailable
from daemon.core.store.group_commit import GroupCommit
from tests.doubles.admin import FAQS, Admin, assert_problem, fields_of, open_admin
from tests.doubles.stage_clients import UNKNOWN

pytestmark = pytest.mark.asyncio(loop_scope="module")

WITH_BODY = [route for route in ADMIN_ROUTES if route.body is not None]
WITH_ID = [route for route in ADMIN_ROUTES if "{id}" in route.path]
NO_IDS = [
    "0",
    "99",
    "-1",
    "+1",
    "1.0",
    "abc",
    "%20",
    "%D9%A1",
    "%C2%B2",
    "%ff",
    "1%00",
    "9223372036854775807",
    "9223372036854775808",
    "9" * 5000,
]


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


def path_of(route: Route, given: str = "1") -> str:
    path = route.path.replace("{id}", given)
    return path.replace("{name}", "x").replace("{customer}", "x")


def body_of(route: Route) -> Any:
    return FAQS if route.path.endswith("/faqs") else {}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Admin]:
    """Serve all tests of this file: what is refused changes nothing."""
    async with open_admin(tmp_path_factory.mktemp("house")) as opened:
        yield opened


async def test_everything_but_the_open_four_asks_for_a_token(admin: Admin) -> None:
    """401 with WWW-Authenticate: without one, and with one that is wrong, revoked or expired."""
    revoked = await admin.make_token("gone")
    await admin.call("DELETE", "/tokens/gone")
    expired = await admin.make_token("old", days=0)
    given = [
        None,
        f"Bearer {revoked}",
        f"Bearer {expired}",
        "Bearer",
        "Bearer   ",
        f"Basic {admin.token}",
        admin.token,
        f"Bearer {admin.token}x",
        "Bearer \udcff",
    ]
    for route in ADMIN_ROUTES:
        for value in given:
            headers = {} if value is None else {"Authorization": value}
            refused = await admin.house.call(route.method, path_of(route), headers=headers)
            admin.check(route.method, path_of(route), refused)
            assert 401 == refused.status, (name_of(route), value)
            assert refused.headers["WWW-Authenticate"].startswith("Bearer")


async def test_the_open_ones_ask_for_none(admin: Admin) -> None:
    """The webhook has its signature, and the others tell nothing that is secret."""
    assert {"/webhook", "/health", "/openapi.json", "/docs"} == {
        route.path for route in OPEN_ROUTES
    }
    for path in ("/health", "/openapi.json", "/docs"):
        assert 200 == (await admin.house.call("GET", path)).status


async def test_a_token_is_taken_in_any_case_of_its_scheme(admin: Admin) -> None:
    """RFC 9110: the scheme's case does not count."""
    headers = {"Authorization": f"bEARER  {admin.token} "}
    assert 200 == (await admin.house.call("GET", "/metrics", headers=headers)).status


@pytest.mark.parametrize("route", WITH_ID, ids=name_of)
async def test_what_is_no_id_is_not_found(admin: Admin, route: Route) -> None:
    """404, whatever stands there instead of a number."""
    body = body_of(route) if route.body is not None else None
    for given in NO_IDS:
        refused = await admin.call(route.method, path_of(route, given), body)
        assert 404 == refused.status, given
        assert len(assert_problem(refused)["detail"]) < 120


async def test_an_unknown_address_is_not_found(admin: Admin) -> None:
    """As a problem, not as aiohttp's own page."""
    for path in ("/", "/client", "/clients/", "/clients/1/", "/clients/1/x", "/docs/x", "/tokens/"):
        refused = await admin.call("GET", path)
        assert (404, "There is no such address here.") == (
            refused.status,
            assert_problem(refused)["detail"],
        )


async def test_a_wrong_method_is_told_the_right_ones(admin: Admin) -> None:
    """405 with Allow, on every path."""
    for path in {route.path for route in ROUTES}:
        allowed = {route.method for route in ROUTES if route.path == path}
        if "GET" in allowed and path != "/webhook":
            allowed.add("HEAD")
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"} - allowed:
            address = path.replace("{id}", "1").replace("{name}", "x")
            refused = await admin.call(method, address.replace("{customer}", "x"))
            told = set(refused.headers.get("Allow", "").split(","))
            assert (405, allowed) == (refused.status, told), (method, path)


@pytest.mark.parametrize("route", WITH_BODY, ids=name_of)
@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/xml"]
)
async def test_only_json_is_taken(admin: Admin, route: Route, kind: str) -> None:
    """415 for any other content type, and for none."""
    refused = await admin.call(route.method, path_of(route), b"{}", headers={"Content-Type": kind})
    assert 415 == refused.status


@pytest.mark.parametrize("route", WITH_BODY, ids=name_of)
async def test_what_is_no_json_is_refused(admin: Admin, route: Route) -> None:
    """400, and it says why without quoting what was sent."""
    for raw in (
        *([b""] if route.needs_body else []),
        b" ",
        b"{",
        b'{"name": palabra-secreta}',
        b"{}{}",
        b'{"a": 1, "a": 2}',
        b'[{"q": "a", "q": "b", "a": "c"}]',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": ' + b"1" * 5000 + b"}",
        b"[" * 100_000,
        b"\xff",
        '{"name": "x"}'.encode("utf-16"),
    ):
        refused = await admin.call(route.method, path_of(route), raw)
        assert 400 == refused.status, raw[:40]
        assert "palabra" not in refused.text
        assert assert_problem(refused)["detail"].startswith("The body ")


@pytest.mark.parametrize("route", ADMIN_ROUTES, ids=name_of)
async def test_a_parameter_that_nobody_knows_is_refused(admin: Admin, route: Route) -> None:
    """422 names it, on every route: a typing error must not change what is asked for."""
    body = body_of(route) if route.body is not None else None
    for query in ("unheard_of=1", "unheard_of=1&unheard_of=2", "unheard_of"):
        refused = await admin.call(route.method, f"{path_of(route)}?{query}", body)
        assert (422, ["unheard_of"]) == (refused.status, fields_of(refused)), query


async def test_head_works_where_get_does(admin: Admin) -> None:
    """The same status and headers without the body; Meta's address has its own two methods."""
    for route in ROUTES:
        if route.method != "GET" or route.path == "/webhook":
            continue
        path = path_of(route)
        got, asked = [await admin.call(method, path) for method in ("GET", "HEAD")]
        assert (got.status, got.type, "") == (asked.status, asked.type, asked.text), path
        assert got.headers.get("ETag") == asked.headers.get("ETag")
    for path in ("/docs/swagger-ui.css", "/docs/start.js"):
        assert 200 == (await admin.house.call("HEAD", path)).status
    assert 405 == (await admin.call("HEAD", "/webhook")).status
    assert 401 == (await admin.house.call("HEAD", "/clients")).status


async def test_a_byte_order_mark_is_no_fault(admin: Admin) -> None:
    """As in a file of FAQs."""
    raw = b"\xef\xbb\xbf" + json.dumps(FAQS).encode()
    assert 200 == (await admin.call("PUT", "/clients/1/faqs", raw)).status


@pytest.mark.parametrize("route", WITH_BODY, ids=name_of)
async def test_a_body_that_is_too_large_is_refused(admin: Admin, route: Route) -> None:
    """413 over 6 MiB, whether it comes that large or grows so when unpacked."""
    refused = await admin.call(route.method, path_of(route), b" " * (BODY_LIMIT + 1))
    assert 413 == refused.status
    packed = gzip.compress(b" " * (BODY_LIMIT + 1))
    refused = await admin.call(
        route.method, path_of(route), packed, headers={"Content-Encoding": "gzip"}
    )
    assert 413 == refused.status


@pytest.mark.parametrize("route", WITH_BODY, ids=name_of)
async def test_a_body_whose_packing_is_broken_is_refused(
    admin: Admin, route: Route, caplog: pytest.LogCaptureFixture
) -> None:
    """400, and the connection is given up: where its body ends is unknown. The log is spared."""
    refused = await admin.call(
        route.method, path_of(route), b"{}", headers={"Content-Encoding": "gzip"}
    )
    assert (400, "close") == (refused.status, refused.headers["Connection"])
    assert 200 == (await admin.call("GET", "/clients")).status
    assert not [entry for entry in caplog.records if entry.exc_info]


@pytest.mark.parametrize("packing", ["compress", "x-gzip", "gzip, gzip", "aes128gcm"])
async def test_a_packing_that_nobody_opens_is_refused(
    admin: Admin, packing: str, caplog: pytest.LogCaptureFixture
) -> None:
    """415: what is in the body is not guessed at."""
    refused = await admin.call("PATCH", "/clients/1", b"{}", headers={"Content-Encoding": packing})
    assert 415 == refused.status
    assert "gzip" in refused.text
    for known in ("identity", " GZIP "):
        raw = gzip.compress(b"{}") if "GZIP" in known else b"{}"
        taken = await admin.call("PATCH", "/clients/1", raw, headers={"Content-Encoding": known})
        assert 200 == taken.status
    assert not [entry for entry in caplog.records if entry.exc_info]


async def test_a_store_that_fails_is_no_fault_of_the_caller(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 with Retry-After, and with the reason."""
    for error, retry_after in (
        (StoreUnavailable("Busy."), "2"),
        (StoreUnavailable("Busy.", retry_after_s=7.4), "7"),
        (Misconfigured("Mend it."), "2"),
    ):

        async def fail(_self: object, _job: object, raised: Exception = error) -> None:
            raise raised

        monkeypatch.setattr(GroupCommit, "read", fail)
        refused = await admin.call("GET", "/clients")
        assert (503, retry_after) == (refused.status, refused.headers.get("Retry-After"))


async def test_what_nobody_foresaw_is_logged_and_not_told(
    admin: Admin, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """500 as a problem; the cause is in the log alone."""

    async def fail(_self: object, _job: object) -> None:
        raise ZeroDivisionError(UNKNOWN)

    monkeypatch.setattr(GroupCommit, "read", fail)
    headers = {"Authorization": f"Bearer {admin.token}"}
    refused = await admin.house.call("GET", "/clients", headers=headers)
    assert 500 == refused.status
    assert "log" in assert_problem(refused)["detail"]
    assert UNKNOWN not in refused.text
    # The sweeper reads as well, and says in its own log that it could not.
    told = [entry for entry in caplog.records if entry.name == "daemon.api.problems"]
    assert [logging.ERROR] == [entry.levelno for entry in told]
