"""The program itself: what it refuses, what it needs, and who may read its numbers."""

import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.daemon_process import (
    Daemon,
    Finished,
    find_free_port,
    run_program,
    run_quickly,
)
from tests.doubles.stage import SECRET, TOKEN, VERIFY_TOKEN, Stage, build_settings, open_stage

NEEDED = {"META_APP_SECRET": SECRET, "META_VERIFY_TOKEN": VERIFY_TOKEN}
SECRETS = (SECRET, TOKEN, VERIFY_TOKEN, "sk-of-the-tests")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path, METRICS_OPEN="0", ANSWER_ENGINE="local") as opened:
        yield opened


def complete(folder: Path, **settings: str) -> dict[str, str]:
    """Add a port and a database."""
    database = {"DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'released.db'}"}
    return {"PORT": str(find_free_port()), **database, **settings}


def assert_refused(done: Finished, *words: str) -> None:
    """Exit code 1 and one line on stderr that holds the words; no secret in it."""
    assert 1 == done.code, done.err
    lines = [line for line in done.err.splitlines() if not line.startswith("{")]
    assert 1 == len(lines), done.err
    assert lines[0].startswith("released-daemon: ")
    assert [] == [word for word in words if word not in lines[0]], done.err
    assert [] == [secret for secret in SECRETS if secret in done.err]
    assert "" == done.out


async def test_a_missing_setting_is_named_with_where_to_get_it(tmp_path: Path) -> None:
    """The operator reads what to do next; the other refusals are in integration/test_main.py."""
    given = complete(tmp_path, META_VERIFY_TOKEN=VERIFY_TOKEN)
    done = await run_program("daemon", folder=tmp_path, settings=given)
    assert_refused(done, "META_APP_SECRET", "App Dashboard")


async def test_a_port_in_use_is_said_in_one_line(tmp_path: Path) -> None:
    """Which port, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        given = complete(tmp_path, **NEEDED, PORT=str(port))
        done = await run_quickly("daemon", folder=tmp_path, settings=given)
    assert_refused(done, str(port), "in use", "PORT")


async def test_the_version_is_told(tmp_path: Path) -> None:
    """--version needs no settings."""
    done = await run_program("daemon", "--version", folder=tmp_path, settings={})
    assert 0 == done.code
    assert done.out.startswith("released-daemon ")


async def test_a_second_daemon_on_the_same_database_is_refused(stage: Stage) -> None:
    """Two would answer twice; the first goes on."""
    settings = {**stage.daemon.settings, "PORT": str(find_free_port())}
    done = await run_quickly("daemon", folder=stage.daemon.folder, settings=settings)
    assert_refused(done, "Another released-daemon", "DATABASE_URL")
    assert "ok" == (await stage.read_health())["status"]


async def test_a_dead_pool_ends_the_process(stage: Stage) -> None:
    """A daemon that answers nobody must not stay: not 0, so that the supervisor starts it anew."""
    stage.query("DROP TABLE outbox")
    assert 1 == await stage.daemon.wait(within_s=15)
    levels = {line["level"] for line in stage.daemon.read_log_lines()}
    assert "CRITICAL" in levels


class TestBearer:
    async def test_only_a_valid_token_reads_the_metrics(self, stage: Stage) -> None:
        """Right, and each of: none, wrong, another scheme, expired, revoked."""
        token = await self._make(stage, "scraper")
        expired = await self._make(stage, "old", "--expires-days", "0")
        revoked = await self._make(stage, "gone")
        assert 0 == (await stage.run_cli("token", "revoke", "gone")).code
        assert 200 == await self._read(stage, f"Bearer {token}")
        assert 200 == await self._read(stage, f"bearer  {token} ")
        for given in (
            None,
            "Bearer",
            "Bearer ",
            "Bearer wrong",
            "Bearer ñandú",
            f"Basic {token}",
            f"Bearer {expired}",
            f"Bearer {revoked}",
        ):
            assert 401 == await self._read(stage, given), given
        assert 200 == (await stage.call("GET", "/health")).status

    async def _make(self, stage: Stage, name: str, *options: str) -> str:
        done = await stage.run_cli("token", "create", name, *options, "--json")
        assert 0 == done.code, done.err
        token: str = done.read_json()["token"]
        return token

    async def _read(self, stage: Stage, authorization: str | None) -> int:
        headers = {} if authorization is None else {"Authorization": authorization}
        answer = await stage.call("GET", "/metrics", headers=headers)
        if answer.status == 401:
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert "application/problem+json" == answer.type.partition(";")[0]
            assert 401 == answer.read_json()["status"]
        return answer.status


async def test_the_daemon_makes_its_own_database(tmp_path: Path) -> None:
    """On SQLite whichever program comes first creates it; with no key the local engine answers."""
    folder = tmp_path / "new"
    folder.mkdir()
    settings = build_settings(
        folder / "released.db", sandbox_url="http://127.0.0.1:9", model_url=""
    )
    port = find_free_port()
    daemon = Daemon(folder, {**settings, "OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""}, port=port)
    try:
        await daemon.start()
        await daemon.wait_until_well()
        listening: list[Any] = [line for line in daemon.read_log_lines() if "address" in line]
        assert [(daemon.url, "local")] == [(line["address"], line["engine"]) for line in listening]
        assert 0 == await daemon.stop()
    finally:
        await daemon.close()
