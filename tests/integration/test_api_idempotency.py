"""A create that names an Idempotency-Key is done once, however often it is asked for."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from daemon.api.idempotency import KEPT_S
from daemon.api.routes import ADMIN_ROUTES
from daemon.core.store.engine import Connection, Database
from daemon.core.store.faults import StoreUnavailable
from daemon.core.store.idempotency import (
    FORGOTTEN_AT_ONCE,
    KeptAnswer,
    find_answer,
    forget_answers,
    keep_answer,
)
from tests.doubles.admin import NEW, Admin, fields_of, open_admin
from tests.doubles.stage import Answer
from tests.doubles.stage_clients import PLAZA

KEY = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
COUNT = "SELECT count(*) FROM clients"
AGENT = {"phone_number": "+34600100300", "phone_number_id": "55555", "faqs": NEW["faqs"]}


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[Admin]:
    async with open_admin(tmp_path) as opened:
        yield opened


async def post(
    admin: Admin, path: str, body: Any, key: str = "k1", *, token: str | None = None
) -> Answer:
    return await admin.call("POST", path, body, headers={KEY: key}, token=token)


@pytest.mark.parametrize(("path", "body"), [("/clients", NEW), ("/agent", AGENT)])
async def test_the_same_call_again_is_answered_alike(admin: Admin, path: str, body: Any) -> None:
    """The same status, body, Location and ETag, marked as told before; one client is made."""
    first, second, third = [await post(admin, path, body) for _ in range(3)]
    assert (201, None) == (first.status, first.headers.get(REPLAYED))
    assert (first.text, "true", "true") == (
        second.text,
        second.headers[REPLAYED],
        third.headers[REPLAYED],
    )
    for name in ("Location", "ETag", "Content-Type"):
        assert first.headers.get(name) == second.headers.get(name)
    assert [(4,)] == await admin.query(COUNT)
    assert [(1,)] == await admin.query("SELECT count(*) FROM idempotency")


async def test_it_is_what_was_answered_then(admin: Admin) -> None:
    """Though the client has changed since."""
    first = await post(admin, "/clients", NEW)
    await admin.call("PATCH", "/clients/4", {"name": "Otra"})
    assert first.text == (await post(admin, "/clients", NEW)).text


async def test_twenty_calls_at_once_make_one_client(admin: Admin) -> None:
    """Whichever comes first."""
    answers = await asyncio.gather(*[post(admin, "/clients", NEW) for _ in range(20)])
    assert {201} == {answer.status for answer in answers}
    assert 1 == len({answer.text for answer in answers})
    assert 19 == sum(REPLAYED in answer.headers for answer in answers)
    assert [(4,)] == await admin.query(COUNT)


async def test_another_call_under_the_same_key_is_refused(admin: Admin) -> None:
    """422 names the header, for another body and for another address; nothing is made."""
    await post(admin, "/clients", NEW)
    other = NEW | {"phone_number_id": "700800901"}
    for path, body in (
        ("/clients", other),
        ("/agent", AGENT),
        ("/clients", json.dumps(NEW, indent=1).encode()),
    ):
        refused = await post(admin, path, body)
        assert (422, [KEY]) == (refused.status, fields_of(refused)), path
    assert 201 == (await post(admin, "/clients", other, "k2")).status
    assert [(5,)] == await admin.query(COUNT)


async def test_without_a_key_nothing_is_kept(admin: Admin) -> None:
    """As ever: the second is a conflict."""
    for status in (201, 409):
        assert status == (await admin.call("POST", "/clients", NEW)).status
    assert [(0,)] == await admin.query("SELECT count(*) FROM idempotency")


async def test_what_failed_may_be_tried_again_under_its_key(admin: Admin) -> None:
    """A refused create keeps nothing: mended or repeated, the call is a new one."""
    taken = NEW | {"phone_number_id": PLAZA}
    for _ in range(2):
        assert 409 == (await post(admin, "/clients", taken)).status
    assert 422 == (await post(admin, "/clients", NEW | {"name": ""})).status
    assert 201 == (await post(admin, "/clients", NEW)).status


async def test_keys_are_a_tokens_own(admin: Admin) -> None:
    """Two callers who chose the same key do not meet."""
    other = await admin.make_token("other")
    assert 201 == (await post(admin, "/clients", NEW)).status
    again = await post(admin, "/clients", NEW, token=other)
    assert (409, ["phone_number_id"]) == (again.status, fields_of(again))


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "a\tb", "clave-ñ"])
async def test_an_impossible_key_is_refused(admin: Admin, key: str) -> None:
    """422 names the header, before anything is made."""
    for path, body in (("/clients", NEW), ("/agent", AGENT), ("/tokens", {"name": "x"})):
        refused = await post(admin, path, body, key)
        assert (422, [KEY]) == (refused.status, fields_of(refused))
    assert [(3,)] == await admin.query(COUNT)


async def test_two_keys_are_none(admin: Admin) -> None:
    """Nobody can tell which of them counts."""
    headers = [(KEY, "a"), (KEY, "b"), ("Authorization", f"Bearer {admin.token}")]
    refused = await admin.house.call("POST", "/clients", json=NEW, headers=headers)
    assert (422, [KEY]) == (refused.status, fields_of(refused))


async def test_the_longest_key_is_taken(admin: Admin) -> None:
    """200 characters, spaces within."""
    assert 201 == (await post(admin, "/clients", NEW, "a b" + "~" * 197)).status


async def test_a_token_is_made_once_and_shown_once(admin: Admin) -> None:
    """The second call is 409 and says what to do; no clear token is ever on the disk."""
    made = await post(admin, "/tokens", {"name": " ci x "})
    again = await post(admin, "/tokens", {"name": " ci x "})
    assert (201, 409) == (made.status, again.status)
    assert "released token rotate 'ci x'" in again.text
    rotated = await post(admin, "/tokens/ci%20x/rotate", None, "k2")
    lost = await post(admin, "/tokens/ci%20x/rotate", None, "k2")
    assert (201, 409) == (rotated.status, lost.status)
    assert "released token rotate 'ci x'" in lost.text
    assert 422 == (await post(admin, "/tokens/ci%20x/rotate", {"expires_days": 1}, "k2")).status
    assert [(3,)] == await admin.query("SELECT count(*) FROM tokens")
    kept = str(await admin.query("SELECT * FROM idempotency"))
    for answer in (made, rotated):
        assert answer.read_json()["token"] not in kept
        assert answer.read_json()["token"].removeprefix("rel_") not in kept


async def test_no_access_token_is_kept(admin: Admin) -> None:
    """Neither of the request nor in the answer."""
    await post(admin, "/clients", NEW | {"access_token": "EAAsecret"})
    assert "EAAsecret" not in str(await admin.query("SELECT * FROM idempotency"))


async def test_a_day_later_the_key_is_new(admin: Admin) -> None:
    """What it was answered then is forgotten."""
    await post(admin, "/clients", NEW)
    await admin.run(f"UPDATE idempotency SET created_at = created_at - {KEPT_S} - 60")
    assert 409 == (await post(admin, "/clients", NEW)).status
    other = NEW | {"phone_number_id": "700800901"}
    assert 201 == (await post(admin, "/clients", other)).status
    assert [(1,)] == await admin.query("SELECT count(*) FROM idempotency")


async def test_the_description_offers_it_where_something_is_made(admin: Admin) -> None:
    """On every create, and nowhere else."""
    offering = {
        f"{route.method} {route.path}"
        for route in ADMIN_ROUTES
        for told in admin.description["paths"][route.path][route.method.lower()]["parameters"]
        if told["name"] == KEY
    }
    creates = {f"{route.method} {route.path}" for route in ADMIN_ROUTES if route.status == 201}
    assert {"POST /clients", "POST /agent", "POST /tokens", "POST /tokens/{name}/rotate"} == creates
    assert creates == offering


def keep(key: str, *, at: float) -> Callable[[Connection], None]:
    def job(conn: Connection) -> None:
        keep_answer(conn, KeptAnswer("d", 201, {"n": key}), caller="1", key=key, now=at)

    return job


def test_an_answer_and_what_it_tells_of_are_kept_together(database: Database) -> None:
    """A crash before the commit keeps neither."""

    def crash(conn: Connection) -> None:
        keep("a", at=100)(conn)
        raise StoreUnavailable

    with pytest.raises(StoreUnavailable):
        database.write(crash)
    found = database.read(lambda conn: find_answer(conn, caller="1", key="a", since=0))
    assert found is None


def test_old_answers_go_in_passing(database: Database) -> None:
    """A few at a time, the oldest first; what is young stays."""
    for number in range(FORGOTTEN_AT_ONCE + 5):
        database.write(keep(f"old{number}", at=number))
    database.write(keep("young", at=1000))
    left = []
    for _ in range(3):
        database.write(lambda conn: forget_answers(conn, before=500))
        left.append(
            database.read(lambda conn: conn.exec_driver_sql("SELECT key FROM idempotency").all())
        )
    assert [6, 1, 1] == [len(rows) for rows in left]
    assert {f"old{FORGOTTEN_AT_ONCE + n}" for n in range(5)} == {row[0] for row in left[0]} - {
        "young"
    }


def test_a_younger_answer_takes_the_place_of_an_older(database: Database) -> None:
    """Also while the older one has not been deleted yet."""
    database.write(keep("a", at=1))
    database.write(keep("a", at=100))

    def find(conn: Connection) -> list[KeptAnswer | None]:
        return [find_answer(conn, caller="1", key="a", since=since) for since in (100, 101)]

    assert [KeptAnswer("d", 201, {"n": "a"}), None] == database.read(find)
