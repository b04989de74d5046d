"""Reports by HTTP, held against the API's own description, with tokens that see all or one."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.admin import Admin, assert_problem, fields_of, open_admin
from tests.doubles.stage import build_text_webhook
from tests.doubles.stage_clients import SOL

TEXT = "palabra-secreta"


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[Admin]:
    """Open a house whose workers take nothing up; one message for Plaza, one for Sol."""
    async with open_admin(tmp_path, coalesce_seconds=3600) as opened:
        for number, wamid in ((None, "w1"), (SOL, "w2")):
            named = {} if number is None else {"number": number}
            body = build_text_webhook(TEXT, customer="34600111221", wamid=wamid, **named)
            assert 200 == (await opened.house.post(body)).status
        yield opened


async def answer(admin: Admin, message: int) -> None:
    """Write down a turn for a message, as the daemon would."""
    whose = f"FROM inbox WHERE id = {message}"
    await admin.run(
        "INSERT INTO turns (client_id, conversation_id, engine, assistant_version, outcome,"
        " faq_ids, answered, handoff, input_tokens, cached_tokens, output_tokens, cost_usd,"
        " latency_ms, created_at) SELECT client_id, conversation_id, 'local', 1, 'answered',"
        f" '[\"F1\"]', 1, 0, 7, 0, 8, 0.25, 9, received_at {whose}"
    )
    await admin.run(
        "INSERT INTO outbox (id, client_id, conversation_id, turn_id, text, state, attempts,"
        " due_at, created_at) SELECT 'out_' || id, client_id, conversation_id,"
        f" (SELECT max(id) FROM turns), 'De 9 a 22.', 'sent', 1, 0, 0 {whose}"
    )
    await admin.run(
        "UPDATE inbox SET state = 'done', turn_id = (SELECT max(id) FROM turns)"
        f" WHERE id = {message}"
    )


async def get(admin: Admin, path: str, token: str | None = None) -> Any:
    got = await admin.call("GET", path, token=token)
    assert 200 == got.status, got
    return got.read_json()


async def limited(admin: Admin, client: str = "2") -> str:
    return await admin.make_token(f"only {client}", client=client, days=60)


class TestStatus:
    async def test_how_everything_is(self, admin: Admin) -> None:
        """The daemon runs, since it started; what waits is counted for each client."""
        found = await get(admin, "/status")
        assert ("running", True) == (found["daemon"]["state"], found["daemon"]["since"] < "3")
        assert found["time"] >= found["daemon"]["since"]
        assert (2, 0) == (found["inbox"]["pending"], found["inbox"]["parked"])
        assert [1, 1, 0] == [row["pending"] for row in found["clients"]]
        assert found["database"]["bytes"] > 0
        health = await admin.house.call("GET", "/health")
        assert health.read_json()["version"] == found["version"]

    async def test_who_sees_one_client(self, admin: Admin) -> None:
        """That one, and nothing of machine, others or their alerts."""
        await admin.run("UPDATE inbox SET state = 'parked' WHERE client_id = 1")
        found = await get(admin, "/status", await limited(admin))
        assert [2] == [row["id"] for row in found["clients"]]
        assert {"pending": 1, "oldest_seconds": 0, "parked": 0, "in_doubt": 0} == found["inbox"]
        assert {"bytes": None, "free_bytes": None} == found["database"]
        assert [] == found["alerts"]

    async def test_what_needs_somebody(self, admin: Admin) -> None:
        """With the command to run; the operator's own token ends within a day."""
        await admin.run("UPDATE inbox SET state = 'parked', error = 'loop' WHERE id = 1")
        alerts = (await get(admin, "/status"))["alerts"]
        commands = {alert["next"]: alert["client_id"] for alert in alerts}
        assert 1 == commands["released inbox list --state parked"]
        assert commands["released token rotate operator"] is None

    async def test_a_daemon_without_a_token(self, tmp_path: Path) -> None:
        """Nobody can send: said before the first message waits for it."""
        async with open_admin(tmp_path, meta_access_token=None) as admin:
            alerts = (await get(admin, "/status"))["alerts"]
        assert ["3 clients have no access token to send with."] == [
            alert["text"] for alert in alerts if alert["level"] == "error"
        ]


class TestLog:
    async def test_what_was_asked_and_answered(self, admin: Admin) -> None:
        """Of all clients, of one by REF, and by a word of it."""
        await answer(admin, 1)
        await answer(admin, 2)
        found = await get(admin, "/log")
        assert [(1, TEXT, "De 9 a 22.", "sent"), (2, TEXT, "De 9 a 22.", "sent")] == [
            (turn["client_id"], turn["question"], turn["answer"], turn["state"]) for turn in found
        ]
        assert ("34600111221", ["F1"], 0.25) == (
            found[0]["customer"],
            found[0]["faq_ids"],
            found[0]["cost_usd"],
        )
        assert found[1:] == await get(admin, f"/log?client={SOL}")
        assert found[1:] == await get(admin, "/log?limit=1")
        assert found == await get(admin, "/log?q=PALABRA")
        assert [] == await get(admin, "/log?q=nada")
        await admin.run("UPDATE turns SET handoff = 1 WHERE client_id = 2")
        assert [2] == [turn["client_id"] for turn in await get(admin, "/log?only=handoff")]
        assert [] == await get(admin, "/log?only=unanswered")
        assert 422 == (await admin.call("GET", "/log?only=nothing")).status

    async def test_who_sees_one_client(self, admin: Admin) -> None:
        """Its turns alone, and another's REF is no client at all."""
        await answer(admin, 1)
        await answer(admin, 2)
        token = await limited(admin)
        assert [2] == [turn["client_id"] for turn in await get(admin, "/log", token)]
        assert [2] == [turn["client_id"] for turn in await get(admin, "/log?client=2", token)]
        refused = await admin.call("GET", "/log?client=1", token=token)
        nobody = await admin.call("GET", "/log?client=99", token=token)
        assert (404, 404) == (refused.status, nobody.status)
        assert assert_problem(refused)["detail"] == assert_problem(nobody)["detail"].replace(
            "99", "1"
        )

    async def test_texts_that_are_gone(self, admin: Admin) -> None:
        """Null, and the description knows."""
        await answer(admin, 1)
        await admin.run("UPDATE inbox SET text = NULL")
        await admin.run("UPDATE outbox SET text = NULL")
        (turn,) = await get(admin, "/log")
        assert (None, None) == (turn["question"], turn["answer"])


class TestEvents:
    async def test_they_are_read_page_by_page(self, admin: Admin) -> None:
        """From now on, each once, and none with a text."""
        cursor = (await get(admin, "/events"))["cursor"]
        body = build_text_webhook(TEXT, customer="34600111222", wamid="w3")
        assert 200 == (await admin.house.post(body)).status
        await answer(admin, 3)
        sent = "status = 'delivered', delivered_at = sent_at + 1"
        await admin.run("UPDATE outbox SET sent_at = 1780000000, created_at = 1780000000")
        await admin.run(f"UPDATE outbox SET {sent}")
        await admin.run("UPDATE outbox SET read_at = 1780000002, failed_at = 1780000003")
        await admin.run("UPDATE inbox SET state = 'parked', error = 'loop' WHERE id = 1")
        assert 200 == (await admin.call("DELETE", "/clients/1")).status
        seen: list[str] = []
        while True:
            got = await admin.call("GET", f"/events?after={cursor}&limit=2")
            assert TEXT not in got.text
            page = got.read_json()
            if not page["events"]:
                break
            cursor = page["cursor"]
            seen += [event["kind"] for event in page["events"]]
        assert sorted(seen) == [
            "client.changed",
            "message.parked",
            "message.received",
            "send.delivered",
            "send.failed",
            "send.read",
            "turn.answered",
        ]

    async def test_who_sees_one_client(self, admin: Admin) -> None:
        """Its events alone."""
        token = await limited(admin)
        cursor = (await get(admin, "/events", token))["cursor"]
        await answer(admin, 1)
        await answer(admin, 2)
        page = await get(admin, f"/events?after={cursor}", token)
        assert [("turn.answered", 2)] == [
            (event["kind"], event["client_id"]) for event in page["events"]
        ]

    async def test_a_bad_cursor(self, admin: Admin) -> None:
        """422 that names the parameter."""
        for cursor in ("x", "MS45LjkuOS45", "%C3%B1"):
            refused = await admin.call("GET", f"/events?after={cursor}")
            assert (422, ["after"]) == (refused.status, fields_of(refused)), cursor


class TestAudit:
    async def test_who_did_what_from_where(self, admin: Admin) -> None:
        """By a token: from which address, with the fields before and after."""
        assert 200 == (await admin.call("PATCH", "/clients/2", {"locale": "ca"})).status
        (last,) = await get(admin, "/audit?limit=1")
        assert {
            "actor": "token:operator",
            "origin": "127.0.0.1",
            "action": "client.update",
            "client_id": 2,
            "before": {"locale": "es"},
            "after": {"locale": "ca"},
        } == {name: last[name] for name in list(last)[2:]}
        assert [last] == (await get(admin, "/audit?client=2"))[-1:]

    async def test_who_sees_one_client(self, admin: Admin) -> None:
        """Nothing that was done to another, and no tokens."""
        token = await limited(admin)
        assert {2} == {entry["client_id"] for entry in await get(admin, "/audit", token)}
        assert 404 == (await admin.call("GET", "/audit?client=1", token=token)).status


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/status?client=1", "client"),
        ("/log?limit=0", "limit"),
        ("/log?limit=1001", "limit"),
        ("/log?q=", "q"),
        ("/log?client=", "client"),
        ("/log?after=1", "after"),
        ("/events?limit=x", "limit"),
        ("/events?client=1", "client"),
        ("/events?after=", "after"),
        ("/audit?limit=-1", "limit"),
        ("/audit?q=x", "q"),
    ],
)
async def test_a_bad_query_is_refused(admin: Admin, path: str, field: str) -> None:
    """422 names the parameter."""
    refused = await admin.call("GET", path)
    assert (422, [field]) == (refused.status, fields_of(refused))


async def test_head_tells_that_it_is_there(admin: Admin) -> None:
    """As GET, without the body."""
    for path in ("/status", "/log", "/events", "/audit"):
        assert 200 == (await admin.call("HEAD", path)).status
