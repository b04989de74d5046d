"""The daemon's watch over tokens and numbers, with the sandbox as Meta: what it keeps and says."""

import logging
import math
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.core.orders import find_orders
from daemon.core.store.sightings import SHARED
from daemon.work import watching
from daemon.work.watching import EVERY_S
from tests.doubles.mint import DAY_S, LIFE_DAYS, SOL_ID, open_mint
from tests.doubles.stage import TOKEN
from tests.doubles.tower import Tower, build_tower, days_of


@pytest.fixture
async def tower(tmp_path: Path) -> AsyncIterator[Tower]:
    async with open_mint(tmp_path) as mint:
        yield build_tower(mint)


async def test_a_token_without_an_end(tower: Tower) -> None:
    """Every client that sends with it has for ever; nothing needs anybody; numbers are green."""
    assert 4 == await tower.look()
    assert [math.inf] * 3 == [days_of(tower, client) for client in (1, 2, 3)]
    assert 1.0 == tower.read("number_quality", client="1", quality="green")
    assert [] == await tower.read_alerts()


async def test_nothing_is_looked_at_twice_in_six_hours(tower: Tower) -> None:
    """A token that was stored meanwhile is, and its number with it, at once."""
    await tower.look()
    assert 0 == await tower.look()
    await tower.mint.give_token(SOL_ID, "EAAother")
    assert 2 == await tower.look()
    tower.now += EVERY_S
    # The number of the refused token is not asked about, though it is its turn.
    assert 5 == await tower.look()


async def test_an_end_that_is_near_is_told_of(
    tower: Tower, caplog: pytest.LogCaptureFixture
) -> None:
    """In the metric, in the status of both programs, and once a day in the log."""
    await tower.mint.end_in(6.5)
    caplog.set_level(logging.WARNING)
    await tower.look()
    left = days_of(tower, 1)
    assert left is not None
    assert 6.4 < left <= 6.5
    assert [(None, "error", "The shared access token expires in 6 days.")] == (
        await tower.read_alerts()
    )
    here = await tower.mint.run("status", "--json", "alerts")
    assert ["released meta token rotate"] == [alert["next"] for alert in here.json["alerts"]]
    for wait_s in (EVERY_S, DAY_S):
        tower.now += wait_s
        await tower.look()
    told = [record for record in caplog.records if record.message == "access token expires soon"]
    assert [("shared", 6, "released meta token rotate")] * 2 == [
        (record.client, record.days_left, record.next)  # type: ignore[attr-defined]
        for record in told
    ]
    assert TOKEN not in caplog.text


async def test_an_end_within_two_weeks_is_a_warning(tower: Tower) -> None:
    """After that it is none of anybody's business."""
    await tower.mint.end_in(13.5)
    await tower.look()
    assert ["warning"] == [level for _, level, _ in await tower.read_alerts()]
    await tower.mint.end_in(14.5)
    tower.now += EVERY_S
    await tower.look()
    assert [] == await tower.read_alerts()


async def test_a_clients_own_token_is_exchanged_in_time(
    tower: Tower, caplog: pytest.LogCaptureFixture
) -> None:
    """By the daemon, before anybody is warned; the shared one, which is the same here, is not."""
    caplog.set_level(logging.INFO)
    await tower.mint.give_token(SOL_ID)
    await tower.mint.end_in(14.5)
    await tower.look()
    assert (1, True) == (
        await tower.mint.count_exchanges(),
        TOKEN != await tower.mint.reveal(SOL_ID),
    )
    assert [] == await tower.read_alerts()
    await tower.mint.admin.house.runtime.directory.refresh()
    assert 2 == await tower.look()
    assert LIFE_DAYS == math.floor(days_of(tower, SOL_ID) or 0)
    trail = await tower.mint.admin.query("SELECT actor, action FROM audit ORDER BY id DESC")
    assert ("daemon", "client.update") == trail[0]
    assert "access token exchanged" in caplog.text
    assert "EAA" not in caplog.text


async def test_an_exchange_that_fails_is_told_of_and_tried_again(
    tower: Tower, caplog: pytest.LogCaptureFixture
) -> None:
    """The old token stays; the warning names the command that does it by hand."""
    caplog.set_level(logging.WARNING)
    await tower.mint.give_token(SOL_ID)
    await tower.mint.end_in(13.5, exchange_error=10)
    await tower.look()
    assert TOKEN == await tower.mint.reveal(SOL_ID)
    assert {"access token not exchanged", "access token expires soon"} == {
        record.message for record in caplog.records if record.name == watching.__name__
    }
    alerts = await tower.read_alerts()
    assert (SOL_ID, "warning", "The access token of Bar Sol expires in 13 days.") in alerts
    await tower.mint.end_in(13.5)
    tower.now += EVERY_S
    await tower.look()
    assert TOKEN != await tower.mint.reveal(SOL_ID)
    assert [None] == [client for client, _, _ in await tower.read_alerts()]


async def test_nothing_is_exchanged_where_it_is_forbidden(tmp_path: Path) -> None:
    """META_TOKEN_AUTO_ROTATE=0 leaves it to people, who are warned."""
    async with open_mint(tmp_path, meta_token_auto_rotate=False) as mint:
        tower = build_tower(mint)
        await mint.give_token(SOL_ID)
        await mint.end_in(5)
        await tower.look()
        assert 0 == await mint.count_exchanges()
        assert [None, SOL_ID] == sorted(
            (client for client, _, _ in await tower.read_alerts()), key=bool
        )


async def test_a_token_that_meta_refuses(tower: Tower, caplog: pytest.LogCaptureFixture) -> None:
    """No days are left of it, and its numbers are not asked about."""
    caplog.set_level(logging.WARNING)
    await tower.mint.give_token(SOL_ID, "EAAvoid")
    await tower.look()
    assert (0.0, math.inf) == (days_of(tower, SOL_ID), days_of(tower, 1))
    assert None is tower.read("number_quality", client="2", quality="green")
    assert [(SOL_ID, "error", "The access token of Bar Sol is not valid any more.")] == (
        await tower.read_alerts()
    )
    assert "access token is not valid" in caplog.text
    # Once its sends are stopped for it, that alert says the same.
    await tower.mint.admin.run(
        f"UPDATE clients SET stopped_code = 190, stopped_at = 1 WHERE id = {SOL_ID}"
    )
    assert 1 == len(await tower.read_alerts())


async def test_what_was_replaced_since_is_told_of_no_more(tower: Tower) -> None:
    """Before the next look, and whoever stored the new one."""
    await tower.mint.give_token(SOL_ID, "EAAvoid")
    await tower.look()
    await tower.mint.give_token(SOL_ID, "EAAgood")
    assert [] == await tower.read_alerts()
    await tower.mint.give_token(SOL_ID, None)
    assert [] == await tower.read_alerts()


async def test_a_shared_token_that_is_void_or_gone(tower: Tower) -> None:
    """It is an error for all; a program that knows another one says who has not heard of it."""
    await tower.mint.end_in(-1)
    await tower.look()
    assert (None, "error", "The shared access token is not valid any more.") in (
        await tower.read_alerts()
    )
    # Where another one is set by now, the daemon must take it up; before its next look it may have.
    here = await tower.mint.run("status", "--json", "alerts", META_ACCESS_TOKEN="EAAnew")
    restart = find_orders(Path("released.db")).restart
    assert [restart] == [alert["next"] for alert in here.json["alerts"]]
    await tower.mint.admin.run("UPDATE sightings SET token_seen_at = 1")
    here = await tower.mint.run("status", "--json", "alerts", META_ACCESS_TOKEN="EAAnew")
    assert [] == here.json["alerts"]


async def test_a_number_that_is_rated_low(tower: Tower, caplog: pytest.LogCaptureFixture) -> None:
    """A warning for each, until Meta rates it better or nobody has looked for two days."""
    caplog.set_level(logging.WARNING)
    # A token without an end is no reason for an alert beside it.
    await tower.mint.give_token(SOL_ID)
    await tower.mint.set_faults(quality_rating="RED")
    await tower.look()
    assert [(client, "warning") for client in (1, 2, 3)] == [
        (client, level) for client, level, _ in await tower.read_alerts()
    ]
    assert "number quality is low" in caplog.text
    await tower.mint.admin.run("UPDATE sightings SET quality_seen_at = 1 WHERE client_id = 1")
    await tower.mint.admin.run("UPDATE clients SET active = 0 WHERE id = 3")
    assert [SOL_ID] == [client for client, _, _ in await tower.read_alerts()]
    await tower.mint.set_faults(quality_rating="YELLOW")
    tower.now += EVERY_S
    await tower.look()
    assert [] == await tower.read_alerts()
    assert 1.0 == tower.read("number_quality", client="2", quality="yellow")


async def test_who_sees_one_client_is_told_of_that_alone(tower: Tower) -> None:
    """Not of the shared token, nor of another client's number."""
    await tower.mint.end_in(5, quality_rating="RED")
    await tower.look()
    limited = await tower.mint.admin.make_token("sol", client="Bar Sol")
    assert [SOL_ID] == [client for client, _, _ in await tower.read_alerts(token=limited)]


async def test_a_number_that_meta_does_not_show(tower: Tower) -> None:
    """Its quality is unknown, and that is no trouble."""
    await tower.mint.admin.run(
        f"UPDATE clients SET phone_number_id = '1', updated_at = 1 WHERE id = {SOL_ID}"
    )
    await tower.mint.give_token(SOL_ID)
    await tower.look()
    assert 1.0 == tower.read("number_quality", client="2", quality="unknown")


async def test_a_token_that_no_key_opens_is_passed_over(tower: Tower) -> None:
    """The others are looked at all the same."""
    sealed = f"sealed:1:00000000:{'0' * 64}:x"
    await tower.mint.give_token(SOL_ID)
    await tower.mint.admin.run(f"UPDATE clients SET access_token = '{sealed}' WHERE id = {SOL_ID}")
    await tower.mint.give_token(3, "EAAvoid")
    await tower.look()
    assert (None, math.inf) == (days_of(tower, SOL_ID), days_of(tower, 1))


async def test_without_any_token_there_is_nothing_to_watch(tmp_path: Path) -> None:
    """Clients without one are told of elsewhere."""
    async with open_mint(tmp_path, meta_access_token=None) as mint:
        assert 0 == await build_tower(mint).look()


async def test_what_is_kept_holds_no_token(tower: Tower) -> None:
    """Digests, moments and Meta's words."""
    await tower.mint.end_in(5)
    await tower.look()
    rows = await tower.mint.admin.query("SELECT * FROM sightings ORDER BY client_id")
    assert [SHARED, 1, 2, 3] == [row[0] for row in rows]
    assert re.fullmatch("[0-9a-f]{64}", rows[0][1])
    assert TOKEN not in str(rows)
    assert time.time() - 60 < rows[0][4] <= time.time()
