"""Access tokens at rest: sealed in the file with a key beside it, and opened when needed."""

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Timer

import pytest

from daemon.core import placing
from daemon.core.errors import Conflict, Misconfigured
from daemon.core.ownership import owned
from daemon.core.sealing.keyring import MOST_KEPT, Keyring
from daemon.core.sealing.keys import KEY_BYTES, make_key, write_keys
from daemon.core.sealing.resealing import reseal
from daemon.core.sealing.sealed import digest_token
from daemon.core.sealing.storing import leave_mark, refuse_old_daemon
from daemon.core.store.audit import DAEMON, list_entries
from daemon.core.store.engine import Database
from daemon.core.store.upgrade import prepare
from tests.doubles.backup_kit import query
from tests.doubles.instance import make_instance
from tests.doubles.sealing_kit import (
    ANA,
    TOKENS,
    add_two,
    bytes_on_disk,
    change_token,
    document_of,
    keys_in,
    put_plain,
    reveal,
    stored,
)
from tests.doubles.store_kit import NOW, onboard
from tests.integration.test_upgrade import upgrade_to

OTHER = make_key(b"x" * KEY_BYTES)


@pytest.fixture
def path(database: Database) -> Path:
    return database.path


@pytest.fixture
def key_file(path: Path) -> Path:
    return path.with_name("released.key")


@pytest.fixture
def root_mask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("root_mask")
def test_a_token_is_sealed_before_it_reaches_the_disk(
    database: Database, path: Path, key_file: Path
) -> None:
    """No file holds it; the key is made for its owner's eyes only, whatever the umask."""
    add_two(database)
    assert TOKENS == reveal(path)
    assert all(token.startswith("sealed:1:") for token in stored(path).values())
    assert b"EAAB" not in bytes_on_disk(path.parent)
    assert 0o600 == stat.S_IMODE(key_file.stat().st_mode)
    assert 1 == len(keys_in(key_file))
    assert key_file.read_bytes().strip() not in path.read_bytes()


def test_the_key_belongs_to_the_databases_owner(
    database: Database, path: Path, key_file: Path
) -> None:
    """Root's command makes it, and the daemon's user must read it."""
    if os.geteuid() != 0:
        pytest.skip("only root may give files away")
    os.chown(path, 12345, 12345)
    add_two(database)
    assert (12345, 12345) == (key_file.stat().st_uid, key_file.stat().st_gid)


def test_without_own_tokens_no_key_is_made(database: Database, key_file: Path) -> None:
    """Who uses the shared token only has nothing to look after."""
    client = database.write(onboard)
    assert ((), None) == (change_token(database, client.id, None), client.access_token)
    assert 0 == reseal(database, now=NOW, actor=DAEMON).sealed
    assert not key_file.exists()


def test_documents_need_no_key(database: Database, path: Path, key_file: Path) -> None:
    """The digest of the token, as ever, though nobody can open it."""
    add_two(database)
    key_file.unlink()
    shown = [document_of(path, client_id) for client_id in TOKENS]
    digests = [digest_token(token)[:12] for token in TOKENS.values()]
    assert digests == [document["access_token_digest"] for document in shown]


def test_one_clients_row_is_of_no_use_to_another(database: Database, path: Path) -> None:
    """Who can write the file but has no key cannot lend a token to somebody else."""
    add_two(database)
    put_plain(path, {2: stored(path)[1]})
    assert {1: TOKENS[1], 2: None} == reveal(path)


def test_the_same_token_changes_nothing_unless_it_cannot_be_read(
    database: Database, path: Path, key_file: Path
) -> None:
    """Storing it again is the way out when a key is lost."""
    add_two(database)
    assert () == change_token(database, 1, TOKENS[1])
    key_file.write_text(write_keys([OTHER]))
    assert ("access_token",) == change_token(database, 1, TOKENS[1])
    assert {1: TOKENS[1], 2: None} == reveal(path)
    assert ("access_token",) == change_token(database, 2, None)
    assert [1] == list(stored(path))


def test_tokens_of_older_versions_are_sealed_when_a_daemon_starts(
    database: Database, path: Path
) -> None:
    """All or none, once, and nothing of them is left in the file or its log."""
    add_two(database)
    put_plain(path, TOKENS)
    assert TOKENS == reveal(path) == stored(path)
    done = reseal(database, now=NOW, actor=DAEMON)
    assert (2, 2, ()) == (done.sealed, done.plain, done.unreadable)
    assert TOKENS == reveal(path)
    assert b"EAAB" not in bytes_on_disk(path.parent)
    before = stored(path)
    again = reseal(database, now=NOW, actor=DAEMON)
    assert (0, 0, done.key_id) == (again.sealed, again.plain, again.key_id)
    assert before == stored(path)
    trail = database.read(lambda conn: list_entries(conn, client_id=None, limit=9))
    assert [{"key": done.key_id, "tokens": 2}] == [
        entry.after for entry in trail if entry.action == "secrets.seal"
    ]


def test_an_upgrade_alone_seals_nothing(tmp_path: Path) -> None:
    """A daemon of the version before may be working on the database at that moment."""
    path = tmp_path / "old.db"
    upgrade_to(path, "0004")
    query(
        path,
        "INSERT INTO clients (id, name, phone_number, phone_number_id, active, timezone, locale,"
        " access_token, created_at, updated_at)"
        " VALUES (1, 'A', '+34', '1', 1, 'UTC', 'es', 'EAAB-old', 1, 1)",
    )
    database = Database(path)
    assert prepare(database)
    assert {1: "EAAB-old"} == stored(path)
    assert 1 == reseal(database, now=NOW, actor=DAEMON).plain
    database.close()
    assert {1: "EAAB-old"} == reveal(path)
    assert b"EAAB" not in bytes_on_disk(tmp_path)


def test_under_an_older_daemon_tokens_stay_as_it_can_read_them(
    database: Database, path: Path
) -> None:
    """It went on working while this version upgraded its database; the next start seals them."""
    stop = make_instance(path)
    with owned(path):
        add_two(database)
        assert TOKENS == stored(path)
        with pytest.raises(Conflict, match="older than this program") as refused:
            database.read(refuse_old_daemon)
        assert f"Restart it first: {stop} && " in str(refused.value)
        database.write(lambda conn: leave_mark(conn, now=NOW))
        database.read(refuse_old_daemon)
        change_token(database, 1, "EAAB-new")
    assert ["sealed:1", "EAAB-tok"] == [token[:8] for token in stored(path).values()]


def test_a_key_that_is_given_comes_first_and_the_file_still_opens(path: Path) -> None:
    """The way from the key file to a credential of systemd."""
    own = Database(path)
    add_two(own)
    own.close()
    database = Database(path, Keyring(path, given=[OTHER]))
    assert TOKENS == {
        client_id: database.keyring.open(token, client_id=client_id)
        for client_id, token in stored(path).items()
    }
    reseal(database, now=NOW, actor=ANA)
    database.close()
    assert all(f":{OTHER.id}:" in token for token in stored(path).values())
    assert {1: None, 2: None} == reveal(path)


def test_a_half_written_key_file_is_told_and_not_written_over(
    database: Database, path: Path, key_file: Path
) -> None:
    """What is whole in it is used; what is not might be mended."""
    key_file.write_text(write_keys([OTHER]) + "half-a-ke")
    add_two(database)
    assert TOKENS == reveal(path)
    fault = database.keyring.explain_fault()
    assert fault is not None
    assert "entry 2 is no key" in fault
    assert "half-a-ke" not in fault
    key_file.write_text("half-a-ke")
    with pytest.raises(Misconfigured, match=r"released.key: entry 1 is no key"):
        change_token(database, 1, "EAAB-new")
    assert "half-a-ke" == key_file.read_text()


def test_a_key_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A folder in its place; an entry of a path that is a file."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for wrong in (tmp_path / "folder", tmp_path / "file" / "x.key"):
        keyring = Keyring(tmp_path / "x.db", file=wrong)
        assert "Cannot read the keys in" in str(keyring.explain_fault())
        assert () == keyring.find_keys()
        assert not keyring.knows(OTHER.id)
        with pytest.raises(Misconfigured, match="Cannot read the keys in"):
            keyring.seal("EAAB", client_id=1)


def test_two_that_make_the_first_key_make_one(database: Database, key_file: Path) -> None:
    """The one that comes second waits a moment for the other, but not for ever."""
    with placing.unfinished(key_file), pytest.raises(Conflict, match="Another process"):
        add_two(database)
    with ExitStack() as stack:
        stack.enter_context(placing.unfinished(key_file))
        others = stack.pop_all()

        def end() -> None:
            key_file.write_text(write_keys([OTHER]))
            others.close()

        timer = Timer(0.05, end)
        timer.start()
        add_two(database)
        timer.join()
    assert (OTHER,) == keys_in(key_file)
    assert not database.keyring.has_made_key
    assert TOKENS == reveal(database.path)


def test_what_was_opened_is_not_remembered_without_end(database: Database) -> None:
    """A program that runs for years sees many tokens."""
    add_two(database)
    keyring = database.keyring
    keyring._opened |= {(client_id, "x"): "y" for client_id in range(MOST_KEPT)}
    for client_id, token in stored(database.path).items():
        assert TOKENS[client_id] == keyring.open(token, client_id=client_id)
    assert 2 == len(keyring._opened)


def test_a_folder_where_no_key_can_be_made_is_told(database: Database, tmp_path: Path) -> None:
    """And nothing is stored in clear instead."""
    keyring = Keyring(database.path, file=tmp_path / "none" / "x.key")
    other = Database(database.path, keyring)
    with pytest.raises(Misconfigured, match="There is no folder"):
        add_two(other)
    other.close()
    assert {} == stored(database.path)
