"""Who reads /metrics gets each client's figures, the files' sizes and the daemon's health."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from daemon.api import survey
from daemon.api.shared import METRICS
from daemon.api.survey import SURVEYOR, measure_files
from daemon.core.clients import set_active, stop_client, update_client
from daemon.core.seeds import ClientChanges
from daemon.core.store.audit import Actor
from daemon.core.store.faults import StoreUnavailable
from daemon.core.store.group_commit import GroupCommit
from tests.doubles.inhouse import House, open_inhouse
from tests.doubles.stage import build_echo_webhook, build_text_webhook


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(survey, "EVERY_S", 0.0)
    async with open_inhouse(tmp_path, backup_dir=tmp_path / "backups", workers=7) as opened:
        yield opened


async def read(house: House) -> dict[str, float]:
    answer = await house.call("GET", "/metrics")
    assert 200 == answer.status
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def test_whom_the_bot_leaves_alone_is_counted(house: House) -> None:
    """By cause, over all clients; and how often an owner has written in the app."""
    who = {"customer": "34600111222", "number": "111222333"}
    assert 200 == (await house.post(build_echo_webhook("Soy yo.", wamid="e1", **who))).status
    found = await read(house)
    assert {"loop": 0.0, "person": 1.0, "stopped": 0.0} == {
        cause: found[f'released_conversations_paused{{cause="{cause}"}}']
        for cause in ("loop", "person", "stopped")
    }
    assert 1.0 == found["released_echoes_total"]


async def test_each_active_client_has_its_figures(house: House) -> None:
    """By id, with its name; a stopped one shows, and what waits for it."""
    stop = partial(stop_client, client_id=2, code=190, access_token="t", now=time.time())
    await house.runtime.store.write(stop)
    await house.runtime.directory.refresh()
    body = build_text_webhook("hola", customer="34600111222", wamid="w1", number="111222333")
    assert 200 == (await house.post(body)).status
    found = await read(house)
    assert 1.0 == found['released_client_info{client="1",name="Restaurante La Plaza"}']
    assert [0.0, 1.0] == [found[f'released_client_stopped{{client="{one}"}}'] for one in (1, 2)]
    assert [0.0, 1.0] == [
        found[f'released_client_inbox_pending{{client="{one}"}}'] for one in (1, 2)
    ]
    assert 0.0 <= found['released_client_inbox_oldest_seconds{client="2"}'] < 60
    told = found['released_client_last_message_timestamp_seconds{client="2"}']
    assert pytest.approx(time.time(), abs=60) == told
    assert {"active": 2.0, "stopped": 1.0, "inactive": 0.0} == {
        state: found[f'released_clients{{state="{state}"}}']
        for state in ("active", "stopped", "inactive")
    }


async def test_who_is_deactivated_is_shown_no_more(house: House) -> None:
    """Nor is a name that is not the client's any more."""
    assert any('client="3"' in name for name in await read(house))
    actor = Actor("test")
    await house.runtime.store.write(
        partial(set_active, client_id=3, active=False, now=time.time(), actor=actor)
    )
    changes = ClientChanges(name="La Plaza")
    await house.runtime.store.write(
        partial(update_client, client_id=1, changes=changes, now=time.time(), actor=actor)
    )
    found = await read(house)
    assert not any('client="3"' in name for name in found)
    assert ['released_client_info{client="1",name="La Plaza"}'] == [
        name for name in found if name.startswith('released_client_info{client="1"')
    ]
    assert 1.0 == found['released_clients{state="inactive"}']


async def test_the_machine_is_measured(house: House) -> None:
    """Files, disk, workers, versions, and since when."""
    found = await read(house)
    assert 0 < found["released_database_bytes"]
    assert 0 < found["released_database_wal_bytes"]
    assert 0 < found["released_disk_free_bytes"] <= found["released_disk_size_bytes"]
    assert 7.0 == found["released_workers"]
    assert 0.0 == found["released_doorbell_conversations"]
    assert 0.0 == found["released_writes_waiting"]
    assert pytest.approx(time.time(), abs=60) == found["released_start_timestamp_seconds"]
    assert 0.0 == found["released_last_backup_timestamp_seconds"]
    assert 1.0 == found["released_healthy"]
    assert 1.0 <= found["released_probe_write_seconds_count"]
    assert 1 == sum(name.startswith("released_build_info{python=") for name in found)


async def test_what_cannot_be_looked_up_costs_nobody_the_rest(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that is away makes the daemon unwell, and /metrics say so."""

    async def fail() -> None:
        raise StoreUnavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(GroupCommit, "read", lambda _self, _job: fail())
        found = await read(house)
    assert 0.0 == found["released_healthy"]
    assert 0 < found["released_disk_free_bytes"]
    assert 1.0 == (await read(house))["released_healthy"]


async def test_a_look_that_takes_too_long_is_given_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prometheus would give up the whole scrape."""
    monkeypatch.setattr(survey, "BUDGET_S", 0.0)
    assert 1.0 == (await read(house))["released_healthy"]


async def test_many_readers_cost_one_look(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes meanwhile waits for it, and who comes soon is given the same figures."""
    monkeypatch.setattr(survey, "EVERY_S", 3600.0)
    looks: list[None] = []

    async def examine() -> None:
        looks.append(None)
        await asyncio.sleep(0)

    surveyor = survey.Surveyor(house.runtime, house.app[METRICS])
    await asyncio.gather(*(surveyor.look(examine) for _ in range(5)))
    assert 1 == len(looks)
    assert surveyor is not house.app[SURVEYOR]


def measure(folder: Path, **given: Path) -> survey.Files:
    paths: dict[str, Path | None] = {"backups": None, "certificate": None}
    return measure_files(folder / "released.db", **(paths | {"now": time.time()} | given))


def test_the_newest_backup_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its moment; 0 where there is none yet, and no number where none are kept or seen."""
    backups = tmp_path / "backups"
    assert math.isnan(measure(tmp_path).backup_at)
    assert 0.0 == measure(tmp_path, backups=backups).backup_at

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(survey, "find_newest", refuse)
    assert math.isnan(measure(tmp_path, backups=backups).backup_at)


def test_our_own_certificate_is_read(tmp_path: Path) -> None:
    """When it ends, in seconds; no number without one, and none for what is none."""
    sample = Path(__file__).parents[1] / "data/self_signed.pem"
    found = measure(tmp_path, certificate=sample).certificate_ends_at
    assert datetime(2126, 10, 29, 0, 52, 53, tzinfo=UTC).timestamp() == found
    assert math.isnan(measure(tmp_path).certificate_ends_at)
    assert math.isnan(measure(tmp_path, certificate=tmp_path / "gone.pem").certificate_ends_at)


def test_a_disk_that_is_gone_has_no_size(tmp_path: Path) -> None:
    """And its files have none."""
    gone = measure(tmp_path / "gone")
    assert (0, 0) == (gone.database, gone.log)
    assert math.isnan(gone.free)
    assert math.isnan(gone.size)
