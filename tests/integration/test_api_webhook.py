"""The webhook when the store behind it fails: Meta is told to come again, and nothing leaks."""

import asyncio
import json
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from aiohttp import web

from daemon.api import large_bodies
from daemon.core import intake
from daemon.core.store.engine import Connection, sqlite_path
from daemon.core.store.faults import StoreOverloaded, StoreUnavailable
from tests.doubles.inhouse import House, open_inhouse
from tests.doubles.stage import build_text_webhook, sign

CUSTOMER = "34600111222"
TEXT = "palabra-secreta"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_inhouse(tmp_path) as opened:
        yield opened


def body(wamid: str) -> dict[str, object]:
    return build_text_webhook(TEXT, customer=CUSTOMER, wamid=wamid)


async def break_table(house: House, table: str) -> None:
    """Make every insert into a table fail, as a broken rule would."""

    def job(conn: Connection) -> None:
        conn.exec_driver_sql(
            f"CREATE TRIGGER broken BEFORE INSERT ON {table}"
            " BEGIN SELECT RAISE(ABORT, 'broken on purpose'); END"
        )

    await house.runtime.store.write(job)


@pytest.mark.parametrize("error", [StoreUnavailable("down"), StoreOverloaded()])
async def test_what_cannot_be_kept_is_not_acknowledged(
    house: House, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """503 with Retry-After as a problem, and counted as what it was."""

    async def fail(*_given: object, **_named: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(type(house.runtime.store), "write_first", fail)
        answer = await house.post(body("wamid.1"))
    assert 503 == answer.status == answer.read_json()["status"]
    assert "application/problem+json" == answer.type.partition(";")[0]
    assert 1 <= int(answer.headers["Retry-After"])
    assert 'released_webhooks_total{status="503"} 1.0' in (await house.call("GET", "/metrics")).text
    assert 200 == (await house.post(body("wamid.1"))).status


async def test_a_disk_that_takes_too_long_is_given_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the budget Meta is told to send again; the late write is a duplicate then."""
    path = sqlite_path(house.runtime.settings.database_url)
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as other,
        monkeypatch.context() as patched,
    ):
        patched.setattr(intake, "ACK_BUDGET_S", 0.05)
        other.execute("BEGIN IMMEDIATE")
        answer = await house.post(body("wamid.1"))
        other.execute("ROLLBACK")
    assert 503 == answer.status
    assert "Retry-After" in answer.headers
    assert 200 == (await house.post(body("wamid.2"))).status


async def test_an_error_nobody_foresaw_quotes_no_customer(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """500 as a problem; the traceback in the log holds neither text nor phone number."""
    await break_table(house, "inbox")
    with caplog.at_level(logging.DEBUG):
        answer = await house.post(body("wamid.1"))
    assert 500 == answer.status == answer.read_json()["status"]
    logged = "".join(logging.Formatter().format(record) for record in caplog.records)
    assert "broken on purpose" in logged
    assert TEXT not in logged
    assert CUSTOMER not in logged
    assert TEXT not in answer.text
    assert 'released_webhooks_total{status="500"} 1.0' in (await house.call("GET", "/metrics")).text


async def test_one_bad_neighbour_costs_the_others_nothing(house: House) -> None:
    """A broken body beside good ones at the same moment: each is answered for itself."""
    good = [body(f"wamid.{number}") for number in range(10)]
    answers = await asyncio.gather(*(house.post(each) for each in good), house.post(b"[]"))
    assert [200] * 10 + [400] == [answer.status for answer in answers]


async def test_types_that_are_new_to_us_are_counted_under_one_word(house: House) -> None:
    """A label's values stay few whatever Meta, or somebody with our secret, invents."""
    for number in range(3):
        body_ = build_text_webhook(
            "x", customer=CUSTOMER, wamid=f"wamid.{number}", kind=f"brand_new_{number}"
        )
        assert 200 == (await house.post(body_)).status
    text = (await house.call("GET", "/metrics")).text
    assert 'released_messages_total{type="other"} 3.0' in text
    assert "brand_new" not in text


HEAD = b"POST /webhook HTTP/1.1\r\nHost: localhost\r\n"


async def begin_body(
    house: House, length: int, more: str = ""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send the beginning of a body and no more of it."""
    port = int(house.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD + f"{more}Content-Length: {length}\r\n\r\n".encode() + b"{")
    await writer.drain()
    return reader, writer


async def read_status(reader: asyncio.StreamReader) -> int:
    return int((await reader.readline()).split()[1])


async def test_a_body_may_come_later_than_its_head(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from a proxy that passes on both as they come; it is the same message."""
    reading = asyncio.Event()
    was_whole: list[bool] = []
    read = large_bodies.LargeBodies.read

    async def note(bodies: large_bodies.LargeBodies, request: web.Request) -> bytes:
        was_whole.append(request.content.is_eof())
        reading.set()
        return await read(bodies, request)

    monkeypatch.setattr(large_bodies.LargeBodies, "read", note)
    raw = json.dumps(body("wamid.split")).encode()
    reader, writer = await begin_body(house, len(raw), f"X-Hub-Signature-256: {sign(raw)}\r\n")
    try:
        async with asyncio.timeout(20):
            await reading.wait()
            assert [False] == was_whole
            writer.write(raw[1:])
            assert 200 == await read_status(reader)
    finally:
        writer.close()
    taken = (await house.call("GET", "/metrics")).text
    assert 'released_messages_total{type="text"} 1.0' in taken


async def test_large_bodies_of_strangers_find_an_end(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 48 MiB in all and in half a minute, whoever sends them; small ones wait for nobody."""
    monkeypatch.setattr(large_bodies, "AT_ONCE", 2)
    monkeypatch.setattr(large_bodies, "WITHIN_S", 0.3)
    opened = [await begin_body(house, 3_000_000) for _ in range(3)]
    try:
        async with asyncio.timeout(20):
            assert 503 == await read_status(opened[2][0])
            assert 200 == (await house.post(body("wamid.small"))).status
            assert [503, 503] == [await read_status(reader) for reader, _ in opened[:2]]
            large = build_text_webhook("x" * 100_000, customer=CUSTOMER, wamid="wamid.large")
            assert 200 == (await house.post(large)).status
    finally:
        for _, writer in opened:
            writer.close()
