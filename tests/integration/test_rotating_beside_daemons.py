"""A new key in the old one's place while daemons work: no token is lost."""

import asyncio
from functools import partial
from pathlib import Path

from daemon.core.runtime import open_runtime
from daemon.core.sealing.keys import KEY_BYTES, make_key
from daemon.core.sealing.rotating import add_key
from daemon.core.store.engine import Database
from tests.doubles.inhouse import make_settings
from tests.doubles.sealing_kit import (
    TOKENS,
    add_two,
    drop,
    key_ids,
    reveal,
    set_token,
    turn,
)
from tests.doubles.store_kit import NOW
from tests.doubles.workbench import open_bench


async def test_beside_a_running_daemon(tmp_path: Path) -> None:
    """It opens what is sealed with a key made a moment ago, and seals with that one itself."""
    path = tmp_path / "released.db"
    async with open_bench(tmp_path, now=NOW) as bench:
        await bench.runtime.store.write(lambda conn: set_token(conn, 1, "EAAB-own"))
        other = Database(path)
        made = turn(other)
        assert 1 == len(drop(other).dropped)
        other.close()
        await bench.runtime.directory.refresh()
        await bench.work(await bench.write())
        assert ["EAAB-own"] == bench.graph.tokens
        await bench.runtime.store.write(lambda conn: set_token(conn, 1, "EAAB-next"))
        assert {made.key_id} == key_ids(path)
    assert {1: "EAAB-next"} == reveal(path)


async def test_tokens_stored_while_keys_change_are_never_lost(tmp_path: Path) -> None:
    """A daemon stores without a pause beside rotations and drops: the last one can be read."""
    path = tmp_path / "released.db"
    async with open_bench(tmp_path, now=NOW) as bench:
        await bench.runtime.store.write(lambda conn: set_token(conn, 1, "EAAB-first"))

        async def store() -> int:
            for count in range(60):
                token = f"EAAB-{count}"
                await bench.runtime.store.write(partial(set_token, client_id=1, token=token))
            return count

        def change_keys() -> None:
            other = Database(path)
            for _ in range(5):
                turn(other)
                drop(other)
            other.close()

        last, _ = await asyncio.gather(store(), asyncio.to_thread(change_keys))
        stopped = await bench.query("SELECT count(*) FROM clients WHERE stopped_code IS NOT NULL")
        assert [(0,)] == stopped
    assert {1: f"EAAB-{last}"} == reveal(path)


async def test_the_daemon_finishes_what_was_cut_off(database: Database) -> None:
    """Its start seals with the key that stands first."""
    add_two(database)
    path = database.path
    new = make_key(b"n" * KEY_BYTES)
    add_key(database, path.with_name("released.key"), new)
    assert new.id not in key_ids(path)
    async with open_runtime(make_settings(path.parent)) as runtime:
        assert {new.id} == key_ids(path)
        client = runtime.directory.find(1)
        assert client is not None
        assert TOKENS[1] == runtime.settings.token_for(client.access_token)
