"""`released service status`, before a systemd whose answers are written down, and without one."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from daemon.core.orders import find_orders
from daemon.core.ownership import owned
from released_cli import keys
from released_cli.serving import journal
from tests.doubles.backup_kit import list_files
from tests.doubles.command_line import Shell, assert_refused
from tests.doubles.fake_systemd import FakeSystemd

WELL = {"status": "ok", "version": version("released")}


@contextmanager
def serve_health(status: int, body: bytes) -> Iterator[int]:
    """Answer every request so; give the port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def listen_at(systemd: FakeSystemd, port: int, **facts: dict[str, str]) -> None:
    systemd.install(released_socket={"Listen": f"127.0.0.1:{port} (Stream)"}, **facts)


class TestStatus:
    def test_all_is_well(self, shell: Shell, systemd: FakeSystemd) -> None:
        """Exit 0, and a document with every part of it."""
        with serve_health(200, json.dumps(WELL).encode()) as port:
            listen_at(systemd, port)
            done = shell.must("service", "status", "--json").json
            text = shell.must("service", "status").out
        assert list(keys.SERVICE) == list(done)
        assert ([], "ok", True) == (done["faults"], done["health"], done["systemd"])
        assert {
            "state": "active",
            "since": "2026-05-28T20:26:40Z",
            "restarts": 0,
            "memory_bytes": 88080384,
            "says": "Serving on http://127.0.0.1:8080",
        } == done["daemon"]
        assert ("2026-05-28T20:26:40Z", "success") == (
            done["backup"]["last"],
            done["backup"]["result"],
        )
        assert 6 == len(done["units"])
        names = [line.split()[0] for line in text.splitlines()]
        assert ["daemon", "socket", "health", "version", "backup", "maintenance"] == names

    def test_what_is_wrong_is_told_with_what_to_do(
        self, shell: Shell, systemd: FakeSystemd
    ) -> None:
        """Exit 3, a line for each fault; a daemon that is down is not asked, for that starts it."""
        systemd.install(
            released_service={"ActiveState": "failed", "NeedDaemonReload": "yes"},
            released_socket={"ActiveState": "inactive"},
            released_backup_timer={"ActiveState": "inactive"},
            released_backup_service={"ActiveState": "failed", "Result": "exit-code"},
            released_maintenance_timer={"LoadState": "not-found"},
        )
        done = shell.run("service", "status")
        assert 3 == done.code
        told = [
            "the daemon is failed. released service start",
            "released.socket is inactive",
            "systemctl daemon-reload",
            "released-backup.timer is inactive",
            "released-backup.service failed (exit-code): journalctl",
            "released-maintenance.timer is not installed",
        ]
        faults = [line for line in done.err.splitlines() if line.startswith("Fault: ")]
        assert [True] * len(told) == [
            part in fault for part, fault in zip(told, faults, strict=True)
        ]
        assert "FAILED: nothing is received" in done.out
        assert "not asked" in done.out

    @pytest.mark.parametrize(
        ("status", "body", "said"),
        [
            (503, b'{"detail": "The workers are down."}', "/health: The workers are down."),
            (503, b"{}", "/health: HTTP 503."),
            (200, b"<html>", "no answer of a released-daemon (HTTP 200)"),
            (200, b"[]", "no answer of a released-daemon (HTTP 200)"),
            (200, b'{"version": "0.0.9"}', "version 0.0.9 runs, and"),
        ],
    )
    def test_what_health_says_counts(
        self, shell: Shell, systemd: FakeSystemd, status: int, body: bytes, said: str
    ) -> None:
        """Whatever systemd thinks of it."""
        with serve_health(status, body) as port:
            listen_at(systemd, port)
            done = shell.run("service", "status")
        assert (3, True) == (done.code, said in done.err), done

    def test_a_certificate_is_not_asked_for_its_name(
        self, shell: Shell, systemd: FakeSystemd
    ) -> None:
        """With TLS_CERT_FILE the daemon speaks TLS; one that does not is no answer."""
        shell.set(TLS_CERT_FILE="cert.pem", TLS_KEY_FILE="key.pem")
        with serve_health(200, json.dumps(WELL).encode()) as port:
            listen_at(systemd, port)
            done = shell.run("service", "status")
        assert (3, True) == (done.code, "nobody answers at 127.0.0.1" in done.err), done

    def test_settings_that_cannot_be_read_are_a_fault(
        self, shell: Shell, systemd: FakeSystemd
    ) -> None:
        """A half-written .env keeps the units from nobody's eyes."""
        shell.set(PORT="none")
        systemd.install(released_service={"ActiveState": "activating"})
        done = shell.run("service", "status")
        assert 3 == done.code
        assert "Fault: Settings cannot be used: PORT" in done.err
        assert "ACTIVATING" in done.out
        with serve_health(200, json.dumps(WELL).encode()) as port:
            listen_at(systemd, port)
            assert "ok" == shell.run("service", "status", "--json").json["health"]

    def test_the_newest_backup_is_told(self, shell: Shell, systemd: FakeSystemd) -> None:
        """Whoever made it; a folder that cannot be looked into leaves it unknown."""
        shell.add()
        shell.set(BACKUP_DIR="kept")
        shell.must("db", "backup")
        systemd.install(released_service={"ActiveState": "failed"})
        assert shell.run("service", "status", "--json").json["backup"]["newest"] is not None
        shell.set(BACKUP_DIR="released.db")
        assert shell.run("service", "status", "--json").json["backup"]["newest"] is None

    def test_a_systemd_that_does_not_answer_is_one_line(
        self, shell: Shell, systemd: FakeSystemd
    ) -> None:
        """Its own first word."""
        systemd.put("show", "")
        (systemd.folder / "systemctl").write_text(
            "#!/bin/sh\n[ $1 = is-system-running ] && echo running && exit\n"
            "echo 'Failed to connect to bus' >&2; exit 1\n"
        )
        assert_refused(shell.run("service", "status"), 1, "Failed to connect to bus")


class TestWithoutSystemd:
    @pytest.fixture(autouse=True)
    def nothing_installed(self, systemd: FakeSystemd) -> None:
        systemd.put("state", "offline\n")

    def test_a_daemon_of_another_kind_is_told_all_the_same(self, shell: Shell) -> None:
        """By its lock, its health and its backups."""
        shell.add()
        with serve_health(200, json.dumps(WELL).encode()) as port, owned(Path("released.db")):
            shell.set(PORT=str(port), META_ACCESS_TOKEN="x")
            done = shell.must("service", "status")
            document = shell.must("service", "status", "--json").json
        assert done.err.startswith("systemd does not run the daemon here.")
        assert (False, "ok", [], None) == tuple(
            document[key] for key in ("systemd", "health", "units", "maintenance")
        )
        assert list(keys.SERVICE) == list(document)

    def test_a_daemon_that_is_down_is_a_fault(self, shell: Shell) -> None:
        """With the alerts that are errors."""
        shell.add()
        done = shell.run("service", "status")
        assert 3 == done.code
        assert "Fault: the daemon does not run. Start it: " in done.err
        assert "no access token" in done.err

    def test_the_backup_that_is_advised_can_be_made(self, shell: Shell) -> None:
        """Without BACKUP_DIR nobody knows of those made by hand, and says nothing of them."""
        shell.add()
        advised = "BACKUP_DIR is not set; released db backup FILE makes one"
        assert advised in shell.run("service", "status").out
        shell.must("db", "backup", "before.db")
        assert advised in shell.run("service", "status").out
        shell.set(BACKUP_DIR="kept")
        said = shell.run("service", "status").out
        assert "none found in BACKUP_DIR; released db backup makes one" in said
        shell.must("db", "backup")
        assert "newest made" in shell.run("service", "status").out

    def test_a_daemon_that_runs_and_does_not_answer(self, shell: Shell) -> None:
        """As when its workers hang."""
        shell.add()
        with serve_health(503, b'{"title": "Service Unavailable"}') as port:
            shell.set(PORT=str(port))
            with owned(Path("released.db")):
                done = shell.run("service", "status")
        assert (3, True) == (done.code, "Fault: /health: Service Unavailable" in done.err)

    def test_nothing_is_made_by_looking(self, shell: Shell) -> None:
        """Not even a database."""
        before = list_files(shell.folder)
        assert_refused(shell.run("service", "status"), 1, "There is no database released.db yet")
        assert before == list_files(shell.folder)

    @pytest.mark.parametrize(
        ("verb", "way"),
        [
            ("start", "To start the daemon: {start}"),
            ("stop", "To stop the daemon: {stop}"),
            ("restart", "To restart the daemon: {restart}"),
            ("reload", "To reload the daemon: {reload}"),
            ("install", "or by hand: {start}"),
            ("logs", "LOG_FILE is not set: the log is on the terminal"),
        ],
    )
    def test_what_needs_systemd_says_what_does_the_same(
        self, shell: Shell, verb: str, way: str
    ) -> None:
        """In one line, with the way that fits the verb and how the daemon is run here."""
        orders = asdict(find_orders(Path("released.db")))
        told = " ".join(way.format(**orders).split())
        assert_refused(shell.run("service", verb), 1, "systemd does not run this machine", told)

    def test_without_its_programs_as_well(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As in a container."""
        monkeypatch.setenv("PATH", "/nonexistent")
        assert_refused(shell.run("service", "restart"), 1, "systemd does not run this machine")
        with pytest.raises(journal.JournalRefused, match="no journal"):
            journal.read_newest(["x"], limit=1, level="info", since=None)
