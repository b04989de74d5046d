"""GET /doctor: the whole examination by HTTP, and who may ask for it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.sandbox import SandboxConfig, serve_sandbox
from tests.doubles.admin import Admin, assert_problem, open_admin
from tests.doubles.stage import SECRET, SEEDS, TOKEN
from tests.doubles.ward import KNOWN, pick, states


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[Admin]:
    config = SandboxConfig("http://127.0.0.1:9/webhook", SECRET, TOKEN, lambda: KNOWN)
    async with (
        serve_sandbox(config, port=0) as url,
        open_admin(tmp_path, meta_graph_url=url) as opened,
    ):
        yield opened


async def test_the_daemon_examines_itself(admin: Admin) -> None:
    """It finds itself where it listens, whatever PORT says, and every client in order."""
    answer = await admin.call("GET", "/doctor")
    assert 200 == answer.status
    found = answer.read_json()
    assert ["check", "subject", "state", "detail", "next"] == list(found[0])
    told = states(found)
    assert "error" not in told.values()
    assert "ok" == told["daemon", None]
    assert admin.house.url in pick(found, "daemon")["detail"]
    assert [seed["name"] for seed in SEEDS] == [name for check, name in told if check == "number"]
    assert TOKEN not in answer.text


async def test_a_reader_may_ask_and_nobody_else(admin: Admin) -> None:
    """It changes nothing; it concerns all clients, so a token for one of them will not do."""
    reader = await admin.make_token("reader", scope="read")
    assert 200 == (await admin.call("GET", "/doctor", token=reader)).status
    limited = await admin.make_token("limited", client="1")
    refused = await admin.call("GET", "/doctor", token=limited)
    assert 403 == assert_problem(refused)["status"]
    assert 401 == (await admin.call("GET", "/doctor", token="wrong")).status


async def test_it_takes_no_query(admin: Admin) -> None:
    """What it does not know, it does not pass over."""
    assert 422 == (await admin.call("GET", "/doctor?client=1")).status
