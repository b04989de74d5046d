"""One daemon on a database, and what it takes over from a dead one."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.core.errors import Misconfigured
from daemon.core.meta.wire import Customer
from daemon.core.ownership import is_owned, owned
from daemon.core.rewinding import ClockWatch
from daemon.core.store.clients import Client
from daemon.core.store.conversations import ensure_conversation, lease
from daemon.core.store.engine import Connection, Database
from daemon.core.store.inbox import NewMessage, insert_messages
from daemon.core.taking_over import take_over
from tests.doubles.store_kit import NOW

HOLD = """
import sys
from pathlib import Path
from daemon.core.ownership import owned
with owned(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_second_daemon_is_refused(tmp_path: Path) -> None:
    """With what to do; when the first has ended, the next may have it."""
    path = tmp_path / "released.db"
    with owned(path):
        with pytest.raises(Misconfigured, match="Another released-daemon"), owned(path):
            pass
        with owned(tmp_path / "other.db"):
            pass
    with owned(path):
        assert stat.S_IMODE((tmp_path / "released.db.lock").stat().st_mode) == 0o600


def test_a_killed_daemon_holds_nothing(tmp_path: Path) -> None:
    """The kernel gives the lock back, however the process ends."""
    path = tmp_path / "released.db"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(Misconfigured), owned(path):
            pass
        other.kill()
    with owned(path):
        pass


def test_a_link_is_another_name_of_the_same_database(tmp_path: Path) -> None:
    """Whichever name each daemon is given: one works on the file, and whoever asks sees it."""
    path, link = tmp_path / "home" / "released.db", tmp_path / "link.db"
    path.parent.mkdir()
    path.touch()
    link.symlink_to(path)
    for mine, others in ((path, link), (link, path)):
        with owned(mine):
            assert is_owned(others)
            with pytest.raises(Misconfigured, match="Another released-daemon"), owned(others):
                pass
        assert not is_owned(others)
    assert [] == list(tmp_path.glob("*.lock"))


def test_a_link_that_leads_to_itself_is_nobodys(tmp_path: Path) -> None:
    """Asked all the same: what is wrong with it is for whoever opens it to say."""
    link = tmp_path / "released.db"
    link.symlink_to(link)
    assert not is_owned(link)


def seize(conn: Connection, client: Client, *, now: float) -> bool:
    number = ensure_conversation(
        conn, client_id=client.id, customer=Customer("ES.1", None), now=NOW
    ).id
    held = lease(conn, client_id=client.id, conversation_id=number, now=now, until=now + 3600)
    return held is not None


def test_a_dead_daemons_leases_are_void(database: Database, client_a: Client) -> None:
    """Its conversations are not made to wait for the leases to run out."""

    def run(conn: Connection) -> list[bool]:
        before = [seize(conn, client_a, now=NOW), seize(conn, client_a, now=NOW)]
        take_over(conn, now=NOW, in_doubt_s=60)
        return [*before, seize(conn, client_a, now=NOW)]

    assert [True, False, True] == database.write(run)


def test_a_clock_that_was_set_back_while_nobody_looked_is_seen(
    database: Database, client_a: Client
) -> None:
    """The newest message is from the future: all moments move back by as much."""

    def run(conn: Connection) -> bool:
        assert seize(conn, client_a, now=NOW)
        insert_messages(
            conn, [NewMessage("w", client_a.id, 1, "text", "hola", NOW, NOW, "pending")]
        )
        take_over(conn, now=NOW - 7200, in_doubt_s=60)
        return seize(conn, client_a, now=NOW - 7200)

    assert database.write(run)


def test_a_clock_that_is_set_is_noticed_and_a_nudge_is_not() -> None:
    """Compared with the monotonic clock, reading by reading."""
    watch = ClockWatch(wall=NOW, monotonic=10)
    assert [0.0, 0.0, -3600.0, 0.0, 9000.0] == [
        watch.step(wall=NOW + wall, monotonic=monotonic)
        for wall, monotonic in ((1, 11), (1.5, 12), (-3598.5, 12), (-3597.5, 13), (5403.5, 14))
    ]
