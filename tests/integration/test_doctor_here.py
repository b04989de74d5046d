"""The doctor's look at this machine and its model: settings, database, disk, secret, key."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import SecretStr

from daemon.core.doctor import here
from daemon.core.doctor.here import check_settings
from daemon.core.doctor.running import run_doctor_here
from daemon.core.store.engine import Connection, Database
from tests.doubles.inhouse import make_settings
from tests.doubles.stage_clients import SEEDS, onboard
from tests.doubles.ward import Ward, answering, assert_line, open_ward, serving

MODEL = {"id": "m", "object": "model", "created": 1, "owned_by": "us"}


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    async with open_ward(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("settings", "state", "word"),
    [
        ({"meta_verify_token": None}, "error", "META_VERIFY_TOKEN is not set"),
        ({"app_env": "prod"}, "error", "META_GRAPH_URL points at a sandbox"),
        (
            {"app_env": "prod", "meta_graph_url": "https://g.invalid", "public_url": None},
            "error",
            "PUBLIC_URL must be an https address",
        ),
        ({"public_url": "http://bot.invalid"}, "warning", "PUBLIC_URL is not https"),
        ({"public_url": "https://bot.invalid"}, "ok", "all that is needed"),
        ({"public_url": None}, "ok", "all that is needed"),
    ],
)
async def test_settings_are_judged(
    ward: Ward, settings: dict[str, object], state: str, word: str
) -> None:
    """What the daemon needs, what production forbids, what Meta would not call."""
    ward.set(**settings)
    (found,) = await check_settings(ward.parts)
    assert (state, True) == (found.state, word in found.detail), found


async def test_every_missing_setting_has_its_line(ward: Ward) -> None:
    """Not the first one only."""
    ward.set(meta_verify_token=None, meta_app_secret=None)
    found = await check_settings(ward.parts)
    assert ["META_APP_SECRET is not set", "META_VERIFY_TOKEN is not set"] == [
        finding.detail for finding in found
    ]


async def test_a_database_of_another_schema(ward: Ward) -> None:
    """A newer program has upgraded it under the daemon's feet."""
    await ward.run("UPDATE alembic_version SET version_num = '9999'")
    assert_line(await ward.examine(), "database", "error", "released db upgrade")


async def test_a_database_that_cannot_be_written(tmp_path: Path) -> None:
    """The store's own words, and where to look; what needs no database is still checked."""
    onboard(tmp_path / "released.db", SEEDS)
    missing = Database(tmp_path / "no-such-folder" / "released.db")
    found = await asyncio.to_thread(
        run_doctor_here, make_settings(tmp_path), missing, now=time.time()
    )
    missing.close()
    assert_line(found, "database", "error", "released.db")
    assert_line(found, "disk", "error", "no-such-folder")
    assert_line(found, "meta", "skipped", "could not be checked")
    assert_line(found, "settings", "ok")


async def test_a_folder_in_place_of_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even one without a name of its own has its line, and all else is looked at as ever."""
    monkeypatch.chdir(tmp_path)
    folder = Database(Path())
    found = await asyncio.to_thread(
        run_doctor_here, make_settings(tmp_path), folder, now=time.time()
    )
    folder.close()
    assert_line(found, "database", "error")
    assert_line(found, "disk", "ok")


async def test_a_database_that_is_never_free(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting has an end."""
    monkeypatch.setattr(here, "DATABASE_BUDGET_S", 0.05)
    begun, gate = threading.Event(), threading.Event()

    def hold(_conn: Connection) -> bool:
        begun.set()
        return gate.wait(10)

    blocking = asyncio.create_task(ward.house.runtime.store.write(hold))
    await asyncio.to_thread(begun.wait, 10)
    (found,) = await here.check_database(ward.parts)
    gate.set()
    await blocking
    assert ("error", True) == (found.state, "was not written within" in found.detail)


@pytest.mark.parametrize(("secret", "word"), [("secret\n", "white space"), ("", "does not verify")])
async def test_a_secret_that_cannot_be_one(ward: Ward, secret: str, word: str) -> None:
    """White space would refuse all that Meta signs; with an empty one anybody could sign."""
    ward.set(meta_app_secret=SecretStr(secret))
    (found,) = await here.check_signature(ward.parts)
    assert ("error", True) == (found.state, word in found.detail)


@pytest.mark.parametrize(
    ("status", "body", "state", "word"),
    [
        (200, MODEL, "ok", "no end is announced"),
        (200, MODEL | {"shutdown_date": "2026-01-01"}, "error", "shut down on 2026-01-01"),
        (401, {}, "error", "refuses OPENAI_API_KEY"),
        (403, {}, "skipped", "does not let"),
        (404, {}, "skipped", "does not tell"),
        (503, {}, "error", "gave no answer"),
    ],
)
async def test_the_model_is_looked_at(
    ward: Ward, status: int, body: object, state: str, word: str
) -> None:
    """A dead model and a refused key are errors, a server that cannot tell is none."""
    async with serving(answering(status, body)) as url:
        ward.set(
            openai_api_key=SecretStr("sk-x"),
            openai_base_url=url,
            answer_engine="auto",
            openai_model="m",
        )
        assert_line(await ward.examine(), "model", state, word)


async def test_a_model_that_its_server_does_not_list(ward: Ward) -> None:
    """It is no use waiting for it."""

    async def answer(request: web.Request) -> web.StreamResponse:
        is_list = request.path.endswith("/models")
        return web.json_response(
            {"data": [MODEL]} if is_list else {}, status=200 if is_list else 404
        )

    async with serving(answer) as url:
        ward.set(openai_base_url=url, answer_engine="chat", openai_model="another")
        assert_line(await ward.examine(), "model", "error", "knows no model another")


async def test_auto_without_a_key_says_how_to_use_a_model(ward: Ward) -> None:
    """The local engine may have been meant, or not."""
    ward.set(answer_engine="auto")
    assert_line(await ward.examine(), "model", "skipped", "OPENAI_API_KEY")


def test_a_run_beside_the_daemon(tmp_path: Path) -> None:
    """What the CLI calls on the server: its own loop, and the clock that it was given."""
    onboard(tmp_path / "released.db", SEEDS)
    database = Database(tmp_path / "released.db")
    settings = make_settings(tmp_path, port=9)
    found = run_doctor_here(settings, database, now=time.time() - 7200)
    database.close()
    assert_line(found, "database", "ok")
    assert_line(found, "clock", "error", "behind the database file's")
    assert_line(found, "daemon", "error", "http://127.0.0.1:9")
