"""GET /doctor: the whole examination by HTTP, and who may ask for it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.api.doctor import Findings, Practice
from daemon.sandbox import SandboxConfig, serve_sandbox
from tests.doubles.admin import Admin, assert_problem, open_admin
from tests.doubles.daemon_process import wait_until
from tests.doubles.stage import SECRET, TOKEN
from tests.doubles.stage_clients import SEEDS
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


async def test_who_asks_meanwhile_shares_what_is_found() -> None:
    """Two at once are one examination; who asks after its end gets another."""
    practice, begun, may_end = Practice(), asyncio.Event(), asyncio.Event()
    looks = 0

    async def look() -> Findings:
        nonlocal looks
        looks += 1
        begun.set()
        await may_end.wait()
        return [{"look": looks}]

    async with asyncio.TaskGroup() as group:
        first = group.create_task(practice.share(look))
        await begun.wait()
        second = group.create_task(practice.share(look))
        group.create_task(_set_once_waiting(practice, may_end))
    assert [{"look": 1}] == first.result() == second.result()
    assert [{"look": 2}] == await practice.share(look)


async def test_a_failed_examination_is_nobody_elses() -> None:
    """Who waited for it makes his own."""
    practice, begun, may_end = Practice(), asyncio.Event(), asyncio.Event()

    async def fail() -> Findings:
        begun.set()
        await may_end.wait()
        raise RuntimeError

    async def look() -> Findings:
        return [{"look": "own"}]

    first = asyncio.create_task(practice.share(fail))
    await begun.wait()
    second = asyncio.create_task(practice.share(look))
    await _set_once_waiting(practice, may_end)
    with pytest.raises(RuntimeError):
        await first
    assert [{"look": "own"}] == await second


async def _set_once_waiting(practice: Practice, may_end: asyncio.Event) -> None:
    async def is_waiting() -> bool:
        return bool(practice._door._waiters)

    await wait_until(is_waiting)
    may_end.set()
