"""The inbox by HTTP: looked at, taken up again, let go."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.doubles.admin import Admin, fields_of, open_admin
from tests.doubles.stage import build_text_webhook
from tests.doubles.stage_clients import SOL

KEYS = [
    "id",
    "wamid",
    "client_id",
    "customer",
    "type",
    "state",
    "attempts",
    "error",
    "received_at",
]
TEXT = "palabra-secreta"


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[Admin]:
    """Open a house whose workers take nothing up, with 1 and 2 for Plaza, 3 for Sol."""
    async with open_admin(tmp_path, coalesce_seconds=3600) as opened:
        for number, wamid, customer in (
            (None, "w1", "34600111221"),
            (None, "w2", "34600111222"),
            (SOL, "w3", "34600111223"),
        ):
            named = {} if number is None else {"number": number}
            body = build_text_webhook(TEXT, customer=customer, wamid=wamid, **named)
            assert 200 == (await opened.house.post(body)).status
        yield opened


async def park(admin: Admin, ids: str, error: str = "131026") -> None:
    await admin.run(f"UPDATE inbox SET state = 'parked', error = '{error}' WHERE id IN ({ids})")


async def states(admin: Admin) -> list[str]:
    return [entry["state"] for entry in (await admin.call("GET", "/inbox")).read_json()]


@pytest.mark.parametrize(
    ("query", "wamids"),
    [
        ("", ["w1", "w2", "w3"]),
        ("?limit=2", ["w2", "w3"]),
        ("?state=parked", ["w2"]),
        ("?state=pending&limit=1", ["w3"]),
        ("?state=done", []),
        ("?client=2", ["w3"]),
        ("?client=Bar%20Sol&state=parked", []),
        ("?client=1&limit=1", ["w2"]),
        ("?before=3", ["w1", "w2"]),
        ("?before=3&limit=1", ["w2"]),
        ("?before=1", []),
    ],
)
async def test_messages_are_listed_without_their_text(
    admin: Admin, query: str, wamids: list[str]
) -> None:
    """The newest, oldest first, with the contract's keys."""
    await park(admin, "2")
    answer = await admin.call("GET", f"/inbox{query}")
    assert wamids == [entry["wamid"] for entry in answer.read_json()]
    assert all(KEYS == list(entry) for entry in answer.read_json())
    assert TEXT not in answer.text


async def test_one_message_is_shown_with_its_text_and_answer(admin: Admin) -> None:
    """What the list leaves out."""
    shown = (await admin.call("GET", "/inbox/1")).read_json()
    assert [*KEYS, "text", "answer"] == list(shown)
    assert (TEXT, []) == (shown["text"], shown["answer"])
    assert ("34600111221", "pending", None) == (shown["customer"], shown["state"], shown["error"])
    assert shown["received_at"].endswith("Z")


async def test_a_parked_message_is_taken_up_again(admin: Admin) -> None:
    """Once; what is not parked is refused."""
    await park(admin, "1")
    taken = await admin.call("POST", "/inbox/1/retry")
    assert (200, "pending", None) == (
        taken.status,
        taken.read_json()["state"],
        taken.read_json()["error"],
    )
    again = await admin.call("POST", "/inbox/1/retry")
    assert 409 == again.status
    assert "pending" in again.text


@pytest.mark.parametrize(
    ("body", "count", "left"),
    [
        (None, 3, ["pending", "pending", "pending"]),
        (b"", 3, ["pending", "pending", "pending"]),
        ({}, 3, ["pending", "pending", "pending"]),
        ({"error": None}, 3, ["pending", "pending", "pending"]),
        ({"error": "131026"}, 2, ["pending", "pending", "parked"]),
        ({"error": "1"}, 0, ["parked", "parked", "parked"]),
    ],
)
async def test_all_that_is_parked_is_taken_up_again(
    admin: Admin, body: dict[str, str | None] | bytes | None, count: int, left: list[str]
) -> None:
    """All of it, by nothing said too, or all with one error; the answer says how many."""
    await park(admin, "1, 2")
    await park(admin, "3", "2")
    assert {"count": count} == (await admin.call("POST", "/inbox/retry", body)).read_json()
    assert left == await states(admin)


@pytest.mark.parametrize("state", ["pending", "parked"])
async def test_a_message_is_let_go(admin: Admin, state: str) -> None:
    """It is ignored from then on; the second time it is too late."""
    if state == "parked":
        await park(admin, "1")
    dropped = await admin.call("DELETE", "/inbox/1")
    assert (200, "ignored", "dropped") == (
        dropped.status,
        dropped.read_json()["state"],
        dropped.read_json()["error"],
    )
    again = await admin.call("DELETE", "/inbox/1")
    assert 409 == again.status
    assert "ignored" in again.text


async def test_who_did_it_is_kept(admin: Admin) -> None:
    """The audit trail names the token and the message."""
    await park(admin, "1")
    await admin.call("POST", "/inbox/1/retry")
    await admin.call("DELETE", "/inbox/1")
    trail = await admin.query("SELECT actor, action FROM audit ORDER BY id DESC LIMIT 2")
    assert [("token:operator", "inbox.drop"), ("token:operator", "inbox.retry")] == trail


async def test_a_bad_query_is_refused(admin: Admin) -> None:
    """422 names the parameter."""
    for query, field in (
        ("state=lost", "state"),
        ("state=", "state"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("after=1", "after"),
        ("before=0", "before"),
        ("client=", "client"),
        ("limit=1&limit=1", "limit"),
    ):
        refused = await admin.call("GET", f"/inbox?{query}")
        assert (422, [field]) == (refused.status, fields_of(refused)), query


async def test_what_is_not_there_is_not_found(admin: Admin) -> None:
    """404 for each way to name a message."""
    for method, path in (
        ("GET", "/inbox/99"),
        ("POST", "/inbox/99/retry"),
        ("DELETE", "/inbox/99"),
        ("GET", "/inbox/x"),
        ("GET", "/inbox?client=nadie"),
    ):
        assert 404 == (await admin.call(method, path)).status


async def test_the_address_of_retry_is_no_message(admin: Admin) -> None:
    """Another method there is 405, not a missing message."""
    for method in ("GET", "DELETE"):
        refused = await admin.call(method, "/inbox/retry")
        assert (405, "POST") == (refused.status, refused.headers["Allow"])


async def test_what_meta_could_not_deliver_is_taken_up_again(admin: Admin) -> None:
    """By its id, or by its error; of what is done nothing else is."""
    await admin.run(
        "INSERT INTO turns (id, client_id, conversation_id, engine, assistant_version, outcome,"
        " faq_ids, answered, handoff, input_tokens, cached_tokens, output_tokens, latency_ms,"
        " created_at) SELECT id, client_id, conversation_id, 'local', 1, 'answered', '[]', 1, 0,"
        " 0, 0, 0, 1, received_at FROM inbox"
    )
    await admin.run(
        "INSERT INTO outbox (id, client_id, conversation_id, turn_id, text, state, status,"
        " attempts, due_at, error, created_at) SELECT 'out_' || id, client_id, conversation_id, id,"
        " 'hola', 'sent', iif(id = 3, 'read', 'failed'), 1, received_at, '131042', received_at"
        " FROM inbox"
    )
    await admin.run("UPDATE inbox SET state = 'done', error = '131042', turn_id = id")
    assert {"count": 0} == (await admin.call("POST", "/inbox/retry")).read_json()
    for number, status, state in ((1, 200, "working"), (3, 409, "done")):
        assert status == (await admin.call("POST", f"/inbox/{number}/retry")).status
        assert state == (await admin.call("GET", f"/inbox/{number}")).read_json()["state"]
    taken = await admin.call("POST", "/inbox/retry", {"error": "131042"})
    assert {"count": 1} == taken.read_json()
