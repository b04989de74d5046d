"""A new key in the old one's place: every token readable after each step, whoever works."""

import os
import signal
from functools import partial
from pathlib import Path

import pytest

from daemon.core import placing
from daemon.core.errors import Conflict, Misconfigured
from daemon.core.ownership import owned
from daemon.core.sealing.keyring import Keyring
from daemon.core.sealing.keys import KEY_BYTES, make_key, write_keys
from daemon.core.sealing.resealing import reseal
from daemon.core.sealing.rotating import Dropped, find_old
from daemon.core.sealing.showing import describe_secrets
from daemon.core.sealing.storing import leave_mark
from daemon.core.store import heartbeats
from daemon.core.store.audit import DAEMON, list_entries
from daemon.core.store.engine import Database
from daemon.core.taking_over import BEAT
from tests.doubles.forking import Program, fork
from tests.doubles.sealing_kit import (
    STEPS,
    TOKENS,
    add_two,
    change_token,
    die_at,
    drop,
    key_ids,
    keys_in,
    put_plain,
    reveal,
    turn,
)
from tests.doubles.store_kit import NOW


@pytest.fixture
def path(database: Database) -> Path:
    add_two(database)
    return database.path


@pytest.fixture
def key_file(path: Path) -> Path:
    return path.with_name("released.key")


def in_trail(database: Database, action: str) -> list[object]:
    trail = database.read(lambda conn: list_entries(conn, client_id=None, limit=20))
    return [entry.after for entry in trail if entry.action == action]


def test_every_token_is_sealed_with_the_new_key(
    database: Database, path: Path, key_file: Path
) -> None:
    """The old one stays for backups until it is dropped; both are audited, and no key is."""
    (old,) = keys_in(key_file)
    made = turn(database)
    assert made.done is not None
    assert (key_file, 2, ()) == (made.file, made.done.sealed, made.done.unreadable)
    assert [made.key_id, old.id] == [key.id for key in keys_in(key_file)]
    assert {made.key_id} == key_ids(path)
    assert TOKENS == reveal(path)
    assert (old.id,) == find_old(database, key_file=None)
    assert Dropped(key_file, (old.id,), (made.key_id,)) == drop(database)
    assert Dropped(key_file, (), (made.key_id,)) == drop(database)
    assert TOKENS == reveal(path)
    assert [{"key": made.key_id, "tokens": 2}] == in_trail(database, "secrets.rotate")
    assert [{"keys": [old.id]}] == in_trail(database, "secrets.drop")


def test_the_file_stays_whose_it_was_and_as_closed(
    database: Database, path: Path, key_file: Path
) -> None:
    """Root gives a service's key file back, and follows a link to where it really is."""
    assert path.exists()
    if os.geteuid() != 0:
        pytest.skip("only root may give files away")
    real = key_file.with_name("real.key")
    key_file.rename(real)
    key_file.symlink_to(real)
    os.chown(real, 0, 12345)
    real.chmod(0o640)
    turn(database)
    found = real.stat()
    assert key_file.is_symlink()
    assert (0, 12345, 0o100640) == (found.st_uid, found.st_gid, found.st_mode)


def test_a_rotation_makes_the_first_key_too(path: Path, tmp_path: Path) -> None:
    """And seals what an older version has left open."""
    put_plain(path, TOKENS)
    database = Database(path, Keyring(path, file=tmp_path / "new.key"))
    made = turn(database)
    database.close()
    assert made.done is not None
    assert (2, 2) == (made.done.sealed, made.done.plain)
    assert [made.key_id] == [key.id for key in keys_in(tmp_path / "new.key")]


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_every_token_is_readable(
    database: Database, path: Path, key_file: Path, step: str
) -> None:
    """And the same command again, or the next daemon, finishes it."""
    database.close()
    environment = {"DATABASE_URL": f"sqlite+aiosqlite:///{path}", "HOME": str(path.parent)}
    program = Program("released_cli", ("secrets", "rotate"), path.parent, environment)
    process = fork(program, partial(die_at, step))
    process.join(30)
    assert -signal.SIGKILL == process.exitcode
    assert TOKENS == reveal(path)
    again = Database(path)
    reseal(again, now=NOW, actor=DAEMON)
    assert {keys_in(key_file)[0].id} == key_ids(path)
    turn(again)
    drop(again)
    again.close()
    assert 1 == len(keys_in(key_file))
    assert TOKENS == reveal(path)
    assert [] == list(path.parent.glob(".*.part"))


def test_a_crash_before_the_old_key_is_dropped_leaves_it(
    database: Database, path: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is one of both, never half."""
    turn(database)
    before = key_file.read_bytes()

    def fail(*_paths: Path) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(placing, "sync", fail)
        with pytest.raises(Misconfigured, match="Input/output error"):
            drop(database)
    assert before == key_file.read_bytes()
    assert TOKENS == reveal(path)


def test_what_no_key_opens_stays_as_it_is(database: Database, path: Path, key_file: Path) -> None:
    """The key may come back; it is named, and no other client waits for it."""
    (lost,) = keys_in(key_file)
    key_file.unlink()
    change_token(database, 1, "EAAB-again")
    made = turn(database)
    assert made.done is not None
    assert (1, (2,)) == (made.done.sealed, made.done.unreadable)
    drop(database)
    shown = describe_secrets(database)
    assert [2] == shown["unreadable"]
    assert [
        {"id": made.key_id, "from": str(key_file), "tokens": 1},
        {"id": lost.id, "from": None, "tokens": 1},
    ] == shown["keys"]
    key_file.write_text(key_file.read_text() + write_keys([lost]))
    assert {1: "EAAB-again", 2: TOKENS[2]} == reveal(path)


def test_a_given_key_is_rotated_in_its_own_file(path: Path, tmp_path: Path) -> None:
    """It must be named; the next daemon seals with the new key, and only then the old one goes."""
    source, old = tmp_path / "SECRETS_KEY", make_key(b"o" * KEY_BYTES)
    source.write_text(write_keys([old]))
    before = open_given(path, source)
    reseal(before, now=NOW, actor=DAEMON)
    with pytest.raises(Misconfigured, match="--key-file"):
        turn(before)
    made = turn(before, source)
    assert (source, None) == (made.file, made.done)
    assert [made.key_id, old.id] == [key.id for key in keys_in(source)]
    assert {old.id} == key_ids(path)
    assert Dropped(source, (), (made.key_id, old.id)) == drop(before, source)
    before.close()
    after = open_given(path, source)
    reseal(after, now=NOW, actor=DAEMON)
    assert {made.key_id} == key_ids(path)
    assert Dropped(source, (old.id,), (made.key_id,)) == drop(after, source)
    assert [{"key": made.key_id}] == in_trail(after, "secrets.rotate")
    after.close()


def open_given(path: Path, source: Path) -> Database:
    return Database(path, Keyring(path, given=keys_in(source)))


def test_a_daemon_that_may_seal_with_the_old_key_keeps_it(path: Path, tmp_path: Path) -> None:
    """It has started before the file was written, and systemd gave it a copy."""
    source = tmp_path / "SECRETS_KEY"
    source.write_text(write_keys([make_key(b"n" * KEY_BYTES), make_key(b"o" * KEY_BYTES)]))
    os.utime(source, (NOW, NOW))
    database = open_given(path, source)
    database.write(lambda conn: leave_mark(conn, now=NOW))
    with owned(path):
        for since in (None, NOW - 1):
            if since is not None:
                database.write(partial(heartbeats.beat, name=BEAT, now=since))
            with pytest.raises(Conflict, match="Restart it, and try again: "):
                drop(database, source)
        database.write(partial(heartbeats.beat, name=BEAT, now=NOW + 1))
        assert 1 == len(drop(database, source).dropped)
    database.close()


def test_an_older_daemon_is_not_rotated_under(database: Database, path: Path) -> None:
    """It would send what it cannot open."""
    with owned(path):
        for act in (turn, drop):
            with pytest.raises(Conflict, match="older than this program"):
                act(database)


def test_a_file_that_cannot_be_written_is_told(path: Path, tmp_path: Path) -> None:
    """Half-written, locked by another, or nowhere; nothing is changed."""
    source = tmp_path / "SECRETS_KEY"
    source.write_text("half")
    database = Database(path)
    with pytest.raises(Misconfigured, match="entry 1 is no key"):
        turn(database, source)
    with placing.unfinished(source), pytest.raises(Conflict, match="Another process"):
        turn(database, source)
    with pytest.raises(Misconfigured, match="no folder"):
        turn(database, tmp_path / "none" / "x")
    database.close()
    assert "half" == source.read_text()
    assert TOKENS == reveal(path)
