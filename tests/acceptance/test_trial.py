"""A daemon on trial, as the installer leaves it until a new release is kept.

What it took in or sent would be lost, or done twice, if the database were put back.
"""

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.api.routes import ROUTES
from daemon.core.store.clients import list_clients
from daemon.core.store.engine import Connection, Database
from daemon.core.trial import RETRY_AFTER_S, name_trial_file
from tests.doubles.bookkeeping import keep
from tests.doubles.daemon_process import wait_until
from tests.doubles.stage import Stage, build_text_webhook, open_stage
from tests.doubles.stage_clients import FALLBACK, WELCOME

WAITING = "34600111222"
WRITING = "34600333444"


@pytest.fixture
def trial_file(tmp_path: Path) -> Path:
    """Leave the file of a trial for whatever daemon starts."""
    file = name_trial_file(tmp_path / "released.db")
    file.touch()
    return file


@pytest.fixture
async def stage(tmp_path: Path, trial_file: Path) -> AsyncIterator[Stage]:
    assert is_there(trial_file)
    async with open_stage(tmp_path, ANSWER_ENGINE="local") as opened:
        yield opened
        assert "Traceback" not in opened.daemon.read_log()


def is_there(file: Path) -> bool:
    return file.exists()


def keep_release(trial_file: Path) -> None:
    """End the trial as the installer does."""
    trial_file.unlink()


def leave_pending(stage: Stage) -> None:
    """Put a message into the inbox as a former daemon left it there."""
    database = Database(stage.database)

    def write(conn: Connection) -> None:
        (client, *_) = list_clients(conn)
        keep(conn, client, "waiting", customer=WAITING, now=time.time() - 60)

    database.write(write)
    database.close()


def say(stage: Stage) -> list[tuple[str, str]]:
    """Give what the log says of the trial."""
    lines = stage.daemon.read_log_lines()
    return [(line["level"], line["message"]) for line in lines if "trial" in line["message"]]


async def find_metric(stage: Stage, name: str, *, value: float) -> None:
    async def look() -> bool:
        return await stage.read_metric(name) == value

    await wait_until(look)


async def test_it_takes_nothing_in_and_sends_nothing_until_it_is_kept(
    stage: Stage, trial_file: Path
) -> None:
    """It is well and sees the backlog, and all the rest waits; then all of it is taken up."""
    leave_pending(stage)
    await find_metric(stage, "released_doorbell_conversations", value=1)
    webhook = build_text_webhook("¿Qué?", customer=WRITING, wamid="writing")
    refused = await stage.post(webhook)
    assert (503, str(round(RETRY_AFTER_S))) == (refused.status, refused.headers["Retry-After"])
    assert refused.type.startswith("application/problem+json")
    assert "on trial" in refused.read_json()["detail"]
    health = await stage.read_health()
    assert ("ok", 1) == (health["status"], health["inbox"]["pending"])
    assert 0 == await stage.read_metric("released_workers_busy")
    assert [("waiting", "pending")] == stage.query("SELECT wamid, state FROM inbox")
    assert [] == stage.query("SELECT id FROM outbox")

    keep_release(trial_file)

    async def is_taken() -> bool:
        return (await stage.post(webhook)).status == 200

    await wait_until(is_taken)
    for customer in (WAITING, WRITING):
        assert [f"{WELCOME}\n\n{FALLBACK}"] == await stage.read_answers(customer)
    assert [("INFO", "on trial"), ("INFO", "trial ended")] == say(stage)


async def test_only_health_and_metrics_are_heard(stage: Stage) -> None:
    """Every other address of the daemon is closed, to every method; a stranger's too."""
    paths = {route.path.replace("{id}", "1") for route in ROUTES} | {"/nowhere"}
    heard = set()
    for path in sorted(paths):
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
            answer = await stage.call(method, path)
            if answer.status != 503:
                heard.add((method, path, answer.status))
    expected = {(method, path) for method in ("GET", "HEAD") for path in ("/health", "/metrics")}
    assert {(*call, 200) for call in expected} == heard


async def test_a_restart_on_trial_is_still_on_trial(stage: Stage, trial_file: Path) -> None:
    """A daemon that crashed is started again by systemd: that alone must open no door."""
    await stage.daemon.kill()
    await stage.restart()
    assert 503 == (await stage.call("GET", "/clients")).status
    assert is_there(trial_file)


async def test_a_trial_that_nobody_ends_is_over_by_itself(tmp_path: Path, trial_file: Path) -> None:
    """An installer that died must leave no bot silent."""
    # From the future it counts as new, however long the start takes on a busy machine.
    os.utime(trial_file, (time.time() + 3600,) * 2)
    soon = {"daemon.core.trial.TRIAL_S": 1.0}
    async with open_stage(tmp_path, budgets=soon, ANSWER_ENGINE="local") as stage:
        webhook = build_text_webhook("¿Qué?", customer=WRITING, wamid="writing")

        async def is_taken() -> bool:
            return (await stage.post(webhook)).status == 200

        await wait_until(is_taken)
        await stage.read_answers(WRITING)
        assert not is_there(trial_file)
        assert [("INFO", "on trial"), ("WARNING", "trial ended by itself")] == say(stage)
