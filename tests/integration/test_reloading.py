"""Settings read again while the daemon runs: what may change does, the rest is named."""

import asyncio
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from daemon.core.errors import Misconfigured
from daemon.core.settings import Settings, load_settings
from daemon.reloading import Reloader
from daemon.supervision import Supervisor
from tests.doubles.daemon_process import build_environment

NEEDED = "META_APP_SECRET=s3cret\nMETA_VERIFY_TOKEN=v\n"


def put(file: Path, content: str | bytes | None) -> None:
    """Write a file, or remove it."""
    if content is None:
        file.unlink()
    elif isinstance(content, bytes):
        file.write_bytes(content)
    else:
        file.write_text(content)


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write settings that no environment has a say in."""
    kept = build_environment({})
    monkeypatch.setattr("os.environ", kept)
    file = tmp_path / "my.env"
    file.write_text(NEEDED)
    return file


def make(env_file: Path, *parts: Callable[[Settings], None]) -> Reloader:
    load = partial(load_settings, env_file)
    return Reloader(load(), load=load, parts=parts)


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[object, ...]]:
    return [
        (record.levelname, record.getMessage(), *map(vars(record).get, ("changed", "need_restart")))
        for record in caplog.records
    ]


async def test_what_changed_is_named_and_nothing_of_its_value(
    env_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is in force now apart from what waits for a restart; that is said again until then."""
    caplog.set_level("INFO")
    taken: list[Settings] = []
    reloader = make(env_file, taken.append)
    assert await reloader.reload() is None
    put(env_file, NEEDED + "LOG_LEVEL=DEBUG\nWORKERS=7\nMETA_ACCESS_TOKEN=EAAnew\n")
    assert await reloader.reload() is None
    assert await reloader.reload() is None
    later = ["META_ACCESS_TOKEN", "WORKERS"]
    expected = [
        ("INFO", "reloaded", [], []),
        ("WARNING", "reloaded", ["LOG_LEVEL"], later),
        ("WARNING", "reloaded", [], later),
    ]
    assert expected == [
        (level, said, changed, sorted(waiting))  # type: ignore[call-overload]
        for level, said, changed, waiting in told(caplog)
    ]
    assert ["INFO", "DEBUG", "DEBUG"] == [settings.log_level for settings in taken]
    assert "EAAnew" not in repr([vars(record) for record in caplog.records])


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"LOG_LEVEL=LOUD\n", "LOG_LEVEL"),
        (b"META_APP_SECRET=\xff\xfe\n", "my.env"),
        (None, "my.env"),
    ],
)
async def test_what_cannot_be_read_changes_nothing(
    env_file: Path, caplog: pytest.LogCaptureFixture, content: bytes | None, word: str
) -> None:
    """One error line says why; the next reload may be better."""
    caplog.set_level("INFO")
    taken: list[Settings] = []
    reloader = make(env_file, taken.append)
    put(env_file, content)
    assert word in (await reloader.reload() or "")
    assert [] == taken
    (record,) = caplog.records
    assert ("ERROR", "reload refused") == (record.levelname, record.getMessage())
    assert word in vars(record)["error"]
    put(env_file, NEEDED)
    assert await reloader.reload() is None


async def test_a_part_may_refuse(env_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A log file that cannot be opened, for one."""

    def refuse(_settings: Settings) -> None:
        raise Misconfigured("LOG_FILE /x cannot be opened.")

    assert "Reload refused: LOG_FILE /x cannot be opened." == await make(env_file, refuse).reload()
    assert ["reload refused"] == caplog.messages


async def test_what_nobody_foresaw_ends_no_daemon(
    env_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has where it rose, the supervisor that there is something to read."""

    def fail(_settings: Settings) -> None:
        raise RuntimeError("bug")

    assert "Reload failed: the log says why" == await make(env_file, fail).reload()
    (record,) = caplog.records
    assert ("ERROR", "reload failed") == (record.levelname, record.getMessage())
    assert record.exc_info is not None


async def test_the_supervisor_hears_of_it(env_file: Path, tmp_path: Path) -> None:
    """RELOADING=1 with the moment, then READY=1; a refusal stands in the status."""
    loop, moments = asyncio.get_running_loop(), []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        heard.setblocking(False)
        reloader = make(env_file)
        running = asyncio.create_task(
            reloader.run(Supervisor(str(tmp_path / "notify")), status="Serving on x")
        )
        for status in ("Serving on x", "Serving on x. Reload refused: Settings cannot be used"):
            reloader.ask()
            async with asyncio.timeout(30):
                begun = (await loop.sock_recv(heard, 4096)).decode().splitlines()
                ended = (await loop.sock_recv(heard, 4096)).decode()
            assert ["RELOADING=1", "STATUS=Reloading"] == [begun[0], begun[2]]
            assert ended.startswith(f"READY=1\nSTATUS={status}")
            moments.append(int(begun[1].removeprefix("MONOTONIC_USEC=")))
            put(env_file, "LOG_LEVEL=LOUD")
        running.cancel()
    assert 0 < moments[0] < moments[1] <= time.monotonic() * 1e6
