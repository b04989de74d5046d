"""What each kind of token may do on each route: one row a route, two clients deep.

A route without its row fails the first test, so that nobody adds one without saying who may call.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from daemon.api.routes import ADMIN_ROUTES, OPEN_ROUTES, ROUTES
from daemon.core import clients, inboxes
from daemon.core.errors import NotFound
from tests.doubles.admin import FAQS, Admin, assert_problem, open_admin
from tests.doubles.stage import Answer, build_text_webhook
from tests.doubles.stage_clients import PLAZA, SOL

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOBODY = ("none", "wrong", "expired", "revoked", "revoked of 1")
WHO = ("write", "read", "write of 1", "read of 1")


@dataclass(frozen=True, slots=True)
class Row:
    """The statuses for `WHO`, in their order, when 1 and when 2 is the client in question."""

    one: tuple[int, int, int, int]
    two: tuple[int, int, int, int]
    body: Any = None


def all_clients(status: int, *, body: Any = None, reads: bool = False) -> Row:
    """Make the row of what concerns every client: no token that is limited to one."""
    statuses = (status, status if reads else 403, 403, 403)
    return Row(statuses, statuses, body)


def one_client(status: int, *, body: Any = None, reads: bool = False) -> Row:
    """Make the row of what concerns one client: to another's token there is no such thing."""
    if reads:
        return Row((status,) * 4, (status, status, 404, 404), body)
    return Row((status, 403, status, 403), (status, 403, 404, 403), body)


LIST = Row((200,) * 4, (200,) * 4)
"""Everybody reads it, and each what he may see."""

TABLE = {
    "GET /metrics": all_clients(200, reads=True),
    "POST /clients": all_clients(422, body={}),
    "GET /clients": LIST,
    "GET /clients/{id}": one_client(200, reads=True),
    "PATCH /clients/{id}": one_client(200, body={}),
    "DELETE /clients/{id}": one_client(200),
    "GET /clients/{id}/faqs": one_client(200, reads=True),
    "PUT /clients/{id}/faqs": one_client(200, body=FAQS),
    "POST /clients/{id}/resume": one_client(200),
    "GET /clients/{id}/contacts/{customer}": one_client(404, reads=True),
    "DELETE /clients/{id}/contacts/{customer}": one_client(404),
    "PUT /clients/{id}/contacts/{customer}/pause": one_client(404),
    "DELETE /clients/{id}/contacts/{customer}/pause": one_client(404),
    "POST /agent": all_clients(422, body={}),
    "GET /inbox": LIST,
    "GET /inbox/{id}": one_client(200, reads=True),
    "POST /inbox/{id}/retry": one_client(409),
    "POST /inbox/retry": all_clients(200),
    "DELETE /inbox/{id}": one_client(409),
    "POST /tokens": all_clients(422, body={}),
    "GET /tokens": all_clients(200, reads=True),
    "POST /tokens/{name}/rotate": all_clients(404),
    "DELETE /tokens/{name}": all_clients(404),
    "GET /status": LIST,
    "GET /log": LIST,
    "GET /events": LIST,
    "GET /audit": LIST,
    "GET /meta/token": LIST,
    "POST /meta/token/rotate": Row((409, 403) * 2, (409, 403) * 2, {"client": "1"}),
    "GET /doctor": all_clients(200, reads=True),
}


@dataclass(frozen=True, slots=True)
class Desk:
    """A served house and a token of each kind; message 1 is client 1's, 2 is client 2's."""

    admin: Admin
    tokens: dict[str, str | None]

    async def ask(self, who: str, method: str, path: str, body: Any = None) -> Answer:
        if self.tokens[who] is not None:
            return await self.admin.call(method, path, body, token=self.tokens[who])
        answer = await self.admin.house.call(method, path, json=body)
        self.admin.check(method, path, answer)
        return answer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """Serve all tests of this file; its messages wait, and are dropped already."""
    folder = tmp_path_factory.mktemp("house")
    async with open_admin(folder, coalesce_seconds=3600) as admin:
        for number, wamid in ((PLAZA, "w1"), (SOL, "w2")):
            body = build_text_webhook("hola", customer="34600111222", wamid=wamid, number=number)
            assert 200 == (await admin.house.post(body)).status
        await admin.run("UPDATE inbox SET state = 'ignored'")
        given = {
            "none": None,
            "wrong": "rel_wrong",
            "expired": await admin.make_token("expired", days=0),
            "revoked": await admin.make_token("revoked"),
            "revoked of 1": await admin.make_token("revoked of 1", client="1"),
            "write": await admin.make_token("write"),
            "read": await admin.make_token("read", scope="read"),
            "write of 1": await admin.make_token("write of 1", client="1"),
            "read of 1": await admin.make_token("read of 1", scope="read", client=PLAZA),
        }
        for name in ("revoked", "revoked%20of%201"):
            await admin.call("DELETE", f"/tokens/{name}")
        yield Desk(admin, given)


async def test_every_route_has_its_row() -> None:
    """Whoever adds a route says here who may call it."""
    assert {f"{route.method} {route.path}" for route in ADMIN_ROUTES} <= TABLE.keys()
    assert {"/webhook", "/health", "/openapi.json", "/docs"} == {
        route.path for route in OPEN_ROUTES
    }


@pytest.mark.parametrize("route", ADMIN_ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_who_may_call_what(desk: Desk, route: Any) -> None:
    """As the table has it, for client 1 and for client 2; HEAD is refused where GET is."""
    row = TABLE[f"{route.method} {route.path}"]
    for number, statuses in ((1, row.one), (2, row.two)):
        path = route.path.replace("{id}", str(number)).replace("{name}", "nobody")
        path = path.replace("{customer}", "nobody")
        methods = ["GET", "HEAD"] if route.method == "GET" else [route.method]
        for method in methods:
            for who, status in zip(WHO, statuses, strict=True):
                answer = await desk.ask(who, method, path, row.body)
                assert status == answer.status, (who, method, path, answer.text)
            for who in NOBODY:
                answer = await desk.ask(who, method, path, row.body)
                assert 401 == answer.status, (who, method, path)


async def test_a_refusal_says_which_right_is_needed(desk: Desk) -> None:
    """And how to come by a token that has it."""
    by_scope = await desk.ask("read", "DELETE", "/clients/1")
    assert "scope write" in assert_problem(by_scope)["detail"]
    by_reach = await desk.ask("write of 1", "GET", "/tokens")
    assert "limited to client 1" in assert_problem(by_reach)["detail"]
    assert "released token create" in by_scope.text
    assert "released token create" in by_reach.text


async def test_another_client_is_as_if_it_did_not_exist(desk: Desk) -> None:
    """Word for word what is said of an id that was never given."""
    for template in sorted({route.path for route in ROUTES if "{id}" in route.path}):
        (method, *_) = [route.method for route in ROUTES if route.path == template]
        body = TABLE[f"{method} {template}"].body
        other, never = [
            await desk.ask("write of 1", method, template.replace("{id}", given), body)
            for given in ("2", "7777")
        ]
        assert 404 == other.status == never.status
        assert other.text.replace("2", "7777") == never.text.replace("2", "7777"), template
        to_all = await desk.ask("write", method, template.replace("{id}", "7777"), body)
        assert to_all.text == never.text


async def test_a_taken_number_does_not_tell_whose_it_is(desk: Desk) -> None:
    """Another client's name and id are for tokens without a limit."""
    wanted = {"phone_number_id": SOL}
    to_all = await desk.ask("write", "PATCH", "/clients/1", wanted)
    limited = await desk.ask("write of 1", "PATCH", "/clients/1", wanted)
    assert (409, 409) == (to_all.status, limited.status)
    assert "belongs to client 2" in to_all.text
    reason = "is taken"
    assert [{"field": "phone_number_id", "reason": reason}] == limited.read_json()["errors"]
    assert "client 2" not in limited.text


async def test_lists_hold_its_own_client_only(desk: Desk) -> None:
    """In every way to ask for them; a token without that limit sees all."""
    await desk.admin.run("UPDATE clients SET active = 1")
    for path, own, everything in (
        ("/clients", [1], [1, 2, 3]),
        ("/clients?after=1", [], [2, 3]),
        ("/clients?active_only=true&limit=1", [1], [1]),
        ("/clients?ref=1", [1], [1]),
        (f"/clients?ref={PLAZA}", [1], [1]),
        ("/clients?ref=34666777888", [1], [1]),
        ("/clients?ref=%2B34%20666777888", [1], [1]),
        ("/clients?ref=Restaurante%20La%20Plaza", [1], [1]),
        ("/inbox", [1], [1, 2]),
        ("/inbox?state=ignored", [1], [1, 2]),
        ("/inbox?state=parked", [], []),
        ("/inbox?client=1", [1], [1]),
        ("/inbox?before=2", [1], [1]),
    ):
        for who, expected in (("read", everything), ("read of 1", own), ("write of 1", own)):
            answer = await desk.ask(who, "GET", path)
            assert expected == [entry["id"] for entry in answer.read_json()], (who, path)


async def test_a_ref_of_another_client_is_unknown(desk: Desk) -> None:
    """By each of its four names, and where several share one; as for a REF that nobody has."""
    await desk.admin.run("UPDATE clients SET name = 'Bar Sol' WHERE id = 3")
    for path in ("/clients?ref=", "/inbox?client="):
        for ref in ("2", SOL, "34666777999", "Bar%20Sol", "nadie", "+"):
            assert 404 == (await desk.ask("read of 1", "GET", path + ref)).status, (path, ref)
    several = await desk.ask("read", "GET", "/inbox?client=Bar%20Sol")
    assert 409 == several.status
    unknown = await desk.ask("read of 1", "GET", "/clients?ref=nadie")
    assert unknown.text == (await desk.ask("read", "GET", "/clients?ref=nadie")).text


async def test_it_sees_its_client_by_a_name_that_another_has_too(desk: Desk) -> None:
    """Where a token without limit must name the id: for this one there is no other."""
    await desk.admin.run("UPDATE clients SET name = 'Restaurante La Plaza' WHERE id = 2")
    path = "/clients?ref=Restaurante%20La%20Plaza"
    assert 409 == (await desk.ask("write", "GET", path)).status
    (found,) = (await desk.ask("write of 1", "GET", path)).read_json()
    assert 1 == found["id"]
    await desk.admin.run("UPDATE clients SET name = 'Bar Sol' WHERE id = 2")


async def test_a_deactivated_client_is_not_among_the_active(desk: Desk) -> None:
    """Nor for its own token."""
    await desk.admin.run("UPDATE clients SET active = 0 WHERE id = 1")
    answer = await desk.ask("read of 1", "GET", "/clients?active_only=true")
    assert [] == answer.read_json()
    await desk.admin.run("UPDATE clients SET active = 1 WHERE id = 1")


async def test_core_and_edge_refuse_in_the_same_words(desk: Desk) -> None:
    """What the guard says of a foreign id is what the use case says of a missing one."""
    store = desk.admin.house.runtime.store
    with pytest.raises(NotFound) as missing:
        await store.read(lambda conn: inboxes.show_entry(conn, 7777, now=0))
    foreign = await desk.ask("read of 1", "GET", "/inbox/2")
    told = assert_problem(foreign)["detail"]
    assert str(missing.value) == re.sub(r"\b2\b", "7777", told)
    with pytest.raises(NotFound) as unknown:
        await store.read(lambda conn: clients.get_client(conn, "nadie"))
    refused = await desk.ask("read of 1", "GET", "/clients?ref=nadie")
    assert str(unknown.value) == assert_problem(refused)["detail"]
