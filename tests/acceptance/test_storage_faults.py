"""When the database cannot be written Meta hears 503 and tries again; when it can, all is answered.

Also the clock, which the database's moments are read from: set back, nothing waits the longer.
"""

import asyncio
import json
import os
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from daemon.core import intake
from tests.doubles.customers import KEPT, Crowd
from tests.doubles.daemon_process import wait_until
from tests.doubles.echo_model import serve_echo_model
from tests.doubles.inner_house import Clock, InnerHouse, open_inner_house
from tests.doubles.stage import Answer, Stage, build_text_webhook, open_stage
from tests.doubles.stage_clients import SOL

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR_S = 3600.0

MARGIN_S = 3.0
"""What a busy machine may add to a budget."""

ANSWERED_WITHIN_S = 5.0 + MARGIN_S
"""What Meta may be kept waiting for a 503, on a busy machine; the daemon's own budget is five."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[InnerHouse]:
    folder = tmp_path_factory.mktemp("storage")
    async with open_inner_house(folder, RETRY_BASE_SECONDS="1") as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def crowd(house: InnerHouse) -> Crowd:
    crowd = Crowd(house.stage)
    ((crowd._count,),) = house.stage.query("SELECT count(*) FROM inbox")
    return crowd


async def post_until_refused(stage: Stage) -> tuple[Answer, bytes]:
    """Post until a delivery is refused, for a full disk takes a few more; give that one too."""
    for count in range(400):
        wamid = f"wamid.filling.{time.time_ns()}"
        customer = f"3469{count % 7:07}"
        filling = build_text_webhook("x" * 4000, customer=customer, wamid=wamid, number=SOL)
        body = json.dumps(filling).encode()
        async with asyncio.timeout(ANSWERED_WITHIN_S):
            answer = await stage.post(body)
        if answer.status != 200:
            return answer, body
    raise AssertionError("the database took everything")


def assert_try_again(answer: Answer) -> None:
    assert 503 == answer.status, answer.text
    assert 1 <= int(answer.headers["Retry-After"])
    assert "application/problem+json" in answer.type


async def assert_recovered(crowd: Crowd, refused: bytes) -> None:
    """Meta's next try is taken, and all that was ever acknowledged is answered."""
    assert 200 == (await crowd.stage.post(refused)).status
    await crowd.ask(crowd.stage.make_customer(), number=SOL)
    await crowd.wait_until_settled()
    assert KEPT == (await crowd.draw_up()).faults
    assert [] == crowd.stage.query("SELECT wamid FROM inbox WHERE state <> 'done'")


@pytest.mark.parametrize(
    ("curse", "cure"),
    [
        ("PRAGMA query_only=ON", "PRAGMA query_only=OFF"),
        ("PRAGMA max_page_count=1", "PRAGMA max_page_count=1073741823"),
    ],
    ids=["read-only", "full"],
)
async def test_a_database_that_takes_no_more(
    house: InnerHouse, crowd: Crowd, curse: str, cure: str
) -> None:
    """503 with Retry-After, and no message lost: Meta's next try after the cure is answered."""
    house.disk.curse(curse)
    try:
        answer, refused = await post_until_refused(house.stage)
    finally:
        house.disk.curse(cure)
    assert_try_again(answer)
    await assert_recovered(crowd, refused)


async def test_health_says_when_nothing_can_be_written(house: InnerHouse) -> None:
    """503 while the database is read-only, 200 again after."""
    house.disk.curse("PRAGMA query_only=ON")
    try:
        assert 503 == (await house.stage.call("GET", "/health")).status
    finally:
        house.disk.curse("PRAGMA query_only=OFF")
    assert 200 == (await house.stage.call("GET", "/health")).status


async def test_a_database_that_another_process_has_locked(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 in good time, no hang; when the lock is gone Meta's next try is answered."""
    stage = crowd.stage
    monkeypatch.setattr(intake, "ACK_BUDGET_S", 0.5)
    with closing(sqlite3.connect(stage.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        body = build_text_webhook("hola", customer="34699999999", wamid="wamid.busy", number=SOL)
        assert_try_again(await stage.post(body))
        assert time.monotonic() - started < 0.5 + MARGIN_S
        other.execute("ROLLBACK")
    await crowd.ask(stage.make_customer(), number=SOL)
    await crowd.wait_until_settled()
    assert KEPT == (await crowd.draw_up()).faults


async def test_a_short_lock_costs_nothing_but_time(crowd: Crowd) -> None:
    """What another process holds for a moment is waited for: 200, and one answer."""
    stage = crowd.stage
    customer = stage.make_customer()
    with closing(sqlite3.connect(stage.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        asking = asyncio.create_task(crowd.ask(customer, number=SOL))
        before = (await stage.read_counters())["webhooks_repeated"]
        done, _ = await asyncio.wait([asking], timeout=0.5)
        assert not done
        other.execute("ROLLBACK")
    await asking
    assert before == (await stage.read_counters())["webhooks_repeated"]
    await crowd.wait_until_settled()
    assert KEPT == (await crowd.draw_up()).faults


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a disk of six megabytes; skip where the test may not."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """A real disk without a byte left: 503 at once; with room again, all is answered."""
    with small_disk(tmp_path / "disk") as folder:
        async with (
            serve_echo_model() as model,
            open_stage(folder, OPENAI_BASE_URL=model.base_url, LOG_LEVEL="ERROR") as stage,
        ):
            crowd = Crowd(stage)
            ballast = folder / "ballast"
            with ballast.open("wb", buffering=0) as filling:
                fill_up(filling.fileno())
            answer, refused = await post_until_refused(stage)
            assert_try_again(answer)
            ballast.unlink()
            await assert_recovered(crowd, refused)


def fill_up(file: int) -> None:
    """Write until the disk takes no more, to the last byte."""
    size = 65_536
    while size:
        try:
            os.write(file, bytes(size))
        except OSError:
            size //= 2


async def test_a_clock_set_back_while_it_runs_delays_nothing(
    house: InnerHouse, crowd: Crowd
) -> None:
    """What waits for its next try a second from now goes out then, and not in an hour."""
    stage = house.stage
    customer = stage.make_customer()
    await stage.set_faults(error={"code": 131016, "count": 1})
    await crowd.ask(customer, number=SOL)

    async def waits() -> bool:
        query = "SELECT 1 FROM outbox WHERE state = 'queued' AND error = '131016'"
        return bool(stage.query(query))

    await wait_until(waits)
    house.clock.shift(-HOUR_S)
    try:
        await crowd.ask(customer, number=SOL)
        await crowd.wait_until_settled(within_s=10)
        assert KEPT == (await crowd.draw_up()).faults
    finally:
        house.clock.shift(HOUR_S)


async def test_a_clock_set_back_between_two_runs_delays_nothing(tmp_path: Path) -> None:
    """A daemon that starts an hour before the one that died takes up what that one left."""
    clock = Clock()
    async with open_inner_house(tmp_path, clock=clock, IN_DOUBT_SECONDS="1") as house:
        await house.stage.set_faults(drop_before_accept=1)
        customer = house.stage.make_customer()
        await Crowd(house.stage).ask(customer, number=SOL)

        async def is_in_doubt() -> bool:
            return bool(house.stage.query("SELECT 1 FROM outbox WHERE state = 'in_doubt'"))

        await wait_until(is_in_doubt)
    clock.shift(-HOUR_S)
    async with open_inner_house(tmp_path, clock=clock, fresh=False, IN_DOUBT_SECONDS="1") as house:
        assert ["About q1."] == await house.stage.read_answers(customer, within_s=10)
