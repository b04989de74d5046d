"""`released service logs`: the journal as an operator reads it, and as a program does."""

import json

import pytest

from released_cli import keys, service
from released_cli.serving import journal
from tests.doubles.command_line import Shell, assert_refused
from tests.doubles.fake_systemd import FakeSystemd, own_line


class TestLogs:
    @pytest.fixture(autouse=True)
    def some_lines(self, systemd: FakeSystemd) -> None:
        systemd.log(
            {
                "MESSAGE": "Started released.service",
                "PRIORITY": "6",
                "SYSLOG_IDENTIFIER": "systemd",
                "__REALTIME_TIMESTAMP": "1780000000000000",
            },
            own_line("listening", address="http://127.0.0.1:8080", note="two words"),
            own_line("backup failed", "ERROR", error="There is no room"),
            own_line("purged"),
        )

    def test_they_read_like_the_daemons_own_text(self, shell: Shell) -> None:
        """The newest last, systemd's own lines among them."""
        lines = shell.must("service", "logs").out.splitlines()
        assert [
            "INFO     systemd: Started released.service",
            "INFO     daemon.main: listening address=http://127.0.0.1:8080 note='two words'",
            "ERROR    daemon.main: backup failed error='There is no room'",
            "INFO     daemon.main: purged",
        ] == [line.split(" ", 2)[2] for line in lines]

    def test_as_json_each_is_an_object(self, shell: Shell) -> None:
        """On a line of its own, all of the same shape, keys to be chosen."""
        lines = shell.must("service", "logs", "--json").out.splitlines()
        assert [list(keys.LOG_LINE)] * 4 == [list(json.loads(line)) for line in lines]
        assert {
            "time": "2026-05-28T20:26:40.123Z",
            "level": "error",
            "unit": "released.service",
            "logger": "daemon.main",
            "message": "backup failed",
            "facts": {"error": "There is no room"},
        } == json.loads(lines[2])
        chosen = shell.must("service", "logs", "-n", "1", "--json", "message").out
        assert {"message": "purged"} == json.loads(chosen)

    def test_a_level_and_a_number(self, shell: Shell, systemd: FakeSystemd) -> None:
        """So many of that level, however many others lie between."""
        assert "backup failed" in shell.must("service", "logs", "--level", "warning").out
        lines = shell.must("service", "logs", "-n", "2").out.splitlines()
        assert [True, True] == ["backup failed" in lines[0], "purged" in lines[1]]
        done = shell.must("service", "logs", "--level", "critical")
        assert ("", "Nothing was logged.\n") == (done.out, done.err)
        assert "--unit=released.service --reverse" in systemd.list_calls()[-1]

    def test_since_and_all(self, shell: Shell, systemd: FakeSystemd) -> None:
        """A time goes to journalctl as it was typed; --all adds what timers start."""
        systemd.log()
        done = shell.must("service", "logs", "--all", "--since", "1 hour ago")
        assert "Nothing was logged since 1 hour ago.\n" == done.err
        call = systemd.list_calls()[-1]
        assert "--since=1 hour ago" in call
        assert "--unit=released-backup.service --unit=released-maintenance.service" in call

    @pytest.mark.parametrize(
        ("complaint", "code", "said"),
        [
            ("Failed to parse timestamp: nonsense\n", "1", "Failed to parse timestamp: nonsense"),
            ("Hint: You are currently not seeing messages from other users.\n", "0", "Hint: You"),
        ],
    )
    def test_what_journalctl_refuses_is_one_line(
        self, shell: Shell, systemd: FakeSystemd, complaint: str, code: str, said: str
    ) -> None:
        """Its own first line."""
        systemd.put("complaint", complaint)
        systemd.put("code", code)
        result = shell.run("service", "logs", "--level", "critical")
        assert_refused(result, 1, f"journalctl failed: {said}")

    def test_following_goes_on_after_the_last(self, shell: Shell, systemd: FakeSystemd) -> None:
        """From its cursor, so that no line is missed or shown twice; without any, from now."""
        systemd.log(own_line("rung", "DEBUG"), own_line("stopping"), name="news")
        systemd.put("news", f"-- Boot --\n{(systemd.folder / 'news').read_text()}")
        done = shell.must("service", "logs", "-f", "-n", "1", "--level", "info")
        assert ["purged", "stopping"] == [line.split()[-1] for line in done.out.splitlines()]
        assert systemd.list_calls()[-1].endswith("--follow --no-tail --after-cursor=c3")
        systemd.log()
        shell.must("service", "logs", "-f")
        assert systemd.list_calls()[-1].endswith("--follow --lines=0")

    def test_ctrl_c_ends_it(
        self, shell: Shell, systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With the exit code of an interruption, and journalctl with it."""
        systemd.put("stay", "")
        systemd.log(own_line("stopping"), name="news")
        shown: list[object] = []

        def show(entry: object, *, as_json: bool) -> None:
            assert not as_json
            shown.append(entry)
            if len(shown) == 5:
                raise KeyboardInterrupt

        monkeypatch.setattr(service, "_print_entry", show)
        assert 130 == shell.run("service", "logs", "-f").code
        assert 5 == len(shown)


def test_an_entry_that_cannot_be_read_is_none_or_plain() -> None:
    """Bytes, nothing, half a line, an object that is no log line, a priority of nobody."""
    assert journal.parse_entry("-- No entries --") is None
    assert journal.parse_entry("[]") is None
    for message, expected in (
        (list("día".encode()), "día"),
        (None, ""),
        ('{"half', '{"half'),
        ('{"a": 1}', '{"a": 1}'),
    ):
        entry = journal.parse_entry(json.dumps({"MESSAGE": message, "PRIORITY": "9"}))
        assert entry is not None
        assert (expected, "info", "1970-01-01T00:00:00Z") == (entry.message, entry.level, entry.at)
    graver = journal.parse_entry(json.dumps({"MESSAGE": "x", "PRIORITY": "3", "UNIT": "u"}))
    assert graver is not None
    assert ("error", "u", True) == (graver.level, graver.unit, graver.is_as_grave("warning"))
