"""The daemon and sealed access tokens: whatever is wrong with a key, it serves the others."""

import logging
from functools import partial
from pathlib import Path

import pytest

from daemon.core.clients import resume_client
from daemon.core.documents import UNREADABLE
from daemon.core.runtime import open_runtime
from tests.doubles.inhouse import make_settings
from tests.doubles.sealing_kit import ANA, bytes_on_disk, document_of, set_token
from tests.doubles.stage import TOKEN
from tests.doubles.store_kit import NOW
from tests.doubles.workbench import open_bench


async def test_a_daemon_seals_opens_and_sends(tmp_path: Path) -> None:
    """The whole way: stored by an older version, sealed at the start, sent to Meta in clear."""
    async with open_bench(tmp_path, now=NOW) as bench:
        await bench.runtime.store.write(
            lambda conn: conn.exec_driver_sql("UPDATE clients SET access_token = 'EAAB-old'")
        )
    async with open_bench(tmp_path, now=NOW) as bench:
        key = await bench.write()
        await bench.work(key)
        assert ["EAAB-old"] == bench.graph.tokens
        assert [("done",)] == await bench.query("SELECT state FROM inbox")
    assert b"EAAB" not in bytes_on_disk(tmp_path)


async def test_a_lost_key_stops_its_clients_and_nobody_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The daemon starts, says whose token, and does not send with the shared one in its place."""
    path, key_file = tmp_path / "released.db", tmp_path / "released.key"
    async with open_bench(tmp_path, now=NOW) as bench:
        await bench.runtime.store.write(lambda conn: set_token(conn, 1, "EAAB-own"))
    key_file.rename(tmp_path / "elsewhere")
    with caplog.at_level(logging.ERROR):
        async with open_bench(tmp_path, now=NOW) as bench:
            key = await bench.write()
            await bench.work(key)
            assert [] == bench.graph.sent
    errors = [record.message for record in caplog.records if record.levelno >= logging.ERROR]
    assert ["access token cannot be read"] == errors
    stopped = document_of(path, 1)["stopped"]
    assert isinstance(stopped, dict)
    assert UNREADABLE.replace("REF", "1") == stopped["reason"]
    assert None is document_of(path, 2)["stopped"]
    (tmp_path / "elsewhere").rename(key_file)
    async with open_runtime(make_settings(tmp_path)) as runtime:
        client = runtime.directory.find(1)
        assert client is not None
        assert (None, "EAAB-own") == (
            client.stopped_code,
            runtime.settings.token_for(client.access_token),
        )


async def test_a_key_that_comes_back_needs_no_restart(tmp_path: Path) -> None:
    """`client resume` is enough: the file is read again."""
    key_file = tmp_path / "released.key"
    async with open_bench(tmp_path, now=NOW) as bench:
        await bench.runtime.store.write(lambda conn: set_token(conn, 1, "EAAB-own"))
    key = key_file.read_bytes()
    key_file.unlink()
    async with open_bench(tmp_path, now=NOW) as bench:
        waiting = await bench.write()
        await bench.work(waiting)
        key_file.write_bytes(key)
        await bench.runtime.store.write(partial(resume_client, client_id=1, now=NOW, actor=ANA))
        await bench.runtime.directory.refresh()
        await bench.work(waiting)
        assert ["EAAB-own"] == bench.graph.tokens


async def test_a_damaged_key_file_does_not_keep_the_daemon_down(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Clients with the shared token are served, and the log says what is wrong."""
    (tmp_path / "released.key").write_text("half-a-ke")
    with caplog.at_level(logging.ERROR):
        async with open_bench(tmp_path, now=NOW) as bench:
            key = await bench.write()
            await bench.work(key)
            assert [TOKEN] == bench.graph.tokens
    assert ["keys cannot be read"] == [record.message for record in caplog.records]
