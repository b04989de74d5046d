"""`status`, `log`, `listen` and `audit` as a person sees them, and a program in a pipe.

The daemon is a desk that answers what a test puts there, and that can go away and come back.
"""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.core.documents import timestamp
from tests.doubles.desk import Desk, open_desk
from tests.doubles.watched import NOON, make_alert, make_client, make_event, make_fleet, make_status
from tests.doubles.watching_kit import NOTHING, at_screen, in_pipes, make_documents, run


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk(make_documents()) as opened:
        yield opened


def test_status_fits_the_terminal(tmp_path: Path, desk: Desk) -> None:
    """Of 500 clients a person sees who needs somebody, who was last written to, and the way on."""
    with at_screen(tmp_path, desk, "status") as (terminal, screen):
        seen = screen.wait_for("released client list")
        assert seen.startswith("error: El Faro: Meta refuses the access token (error 190)\n  rel")
        assert "\n402  Taller López" in seen
        assert "\n… and 494 more: released client list" in seen
        assert not screen.has_scrolled
        assert 0 == terminal.finish()


def test_status_with_more_alerts_than_lines(tmp_path: Path, desk: Desk) -> None:
    """What alerts take is bounded: some clients show all the same."""
    alerts = [make_alert(number) for number in range(1, 301)]
    desk.documents["/status"] = make_fleet() | {"alerts": alerts}
    with at_screen(tmp_path, desk, "status") as (terminal, screen):
        seen = screen.wait_for("released client list")
        assert "more alerts: released status --json" in seen
        assert seen.startswith("error: Cerrado: Meta")
        assert not screen.has_scrolled
        assert 0 == terminal.finish()


def test_status_of_a_small_house(tmp_path: Path, desk: Desk) -> None:
    """All clients are shown where there is room; without one it says how to begin."""
    desk.documents["/status*"] = [make_status([make_client(1)]), make_status()]
    with at_screen(tmp_path, desk, "status") as (terminal, _):
        assert 0 == terminal.finish()
    assert "more" not in terminal.seen
    with at_screen(tmp_path, desk, "status") as (terminal, _):
        assert 0 == terminal.finish()
    assert "Onboard one: released client add" in terminal.seen


@pytest.mark.parametrize(
    ("changes", "code"),
    [({}, 1), ({"alerts": []}, 0), ({"alerts": [], "daemon": {"state": "down", "since": None}}, 1)],
)
def test_status_for_cron(tmp_path: Path, desk: Desk, changes: dict[str, object], code: int) -> None:
    """--exit-code tells what is wrong by the exit code; without it what could be read is 0."""
    desk.documents["/status"] = make_fleet() | changes
    assert (code, 0) == (
        run(desk, tmp_path, "status", "--exit-code")[0],
        run(desk, tmp_path, "status")[0],
    )


def test_status_in_a_pipe_is_whole(tmp_path: Path, desk: Desk) -> None:
    """Every alert with its command, and every client on a line, uncut and without colour."""
    code, out, err = run(desk, tmp_path, "--quiet", "status")
    assert (0, "") == (code, err)
    lines = out.splitlines()
    assert [
        "error: El Faro: Meta refuses the access token (error 190)",
        "  released client update 401 --access-token-file PATH",
    ] == lines[:2]
    assert ["warning: Bar Sol: 3 messages are parked", "  released inbox list"] == lines[4:6]
    assert "daemon    running for 2 h, version 0.1.0" in lines
    assert 500 == len(lines[lines.index("", 7) + 2 :])
    assert "\x1b" not in out
    assert "…" not in out


def test_status_as_json_is_the_document(tmp_path: Path, desk: Desk) -> None:
    """--json prints what the API gives, or the keys that are wanted."""
    assert make_fleet() == json.loads(run(desk, tmp_path, "status", "--json")[1])
    chosen = json.loads(run(desk, tmp_path, "status", "--json", "version,inbox")[1])
    assert ["version", "inbox"] == list(chosen)


def test_an_empty_house_in_a_pipe(tmp_path: Path, desk: Desk) -> None:
    """Without clients and alerts the house is still described."""
    desk.documents["/status"] = make_status()
    code, out, err = run(desk, tmp_path, "status")
    assert (0, "No clients yet. Onboard one: released client add\n") == (code, err)
    assert out.startswith("part      how it is\ndaemon    running")


def test_a_log_is_wrapped_on_a_terminal(tmp_path: Path, desk: Desk) -> None:
    """Questions and answers fold between words and stand behind their marks."""
    with at_screen(tmp_path, desk, "log", size=(60, 24)) as (terminal, screen):
        seen = screen.wait_for("✗ unanswered: timeout")
        assert 0 == terminal.finish()
    assert (
        "2026-11-22 12:00:01  La Plaza · 34600111222\n"
        "  Q ¿Cuál es vuestro horario?\n"
        "  A Abrimos de lunes a viernes de 9:00 a 22:00 y los sábados\n"
        "    de 10:00 a 23:00.\n"
        "    ✓ answered from F1, F3 · 1.2 s · responses gpt-6-luna,\n"
    ) in seen


def test_a_log_that_goes_on(tmp_path: Path, desk: Desk) -> None:
    """-f shows what comes below what was there, until Ctrl-C."""
    first, second = desk.documents["/log"]
    desk.documents["/log*"] = [[first], [first, second]]
    desk.documents["/events*"] = [
        NOTHING,
        {"cursor": "2", "events": [make_event("turn.unanswered")]},
        NOTHING,
    ]
    with at_screen(tmp_path, desk, "log", "-f") as (terminal, screen):
        seen = screen.wait_for("✗ unanswered: timeout")
        assert 1 == seen.count("✓ answered")
        terminal.type("\x03")
        assert 130 == terminal.finish()
    assert "interrupted" not in terminal.seen


def test_the_audit_at_a_terminal(tmp_path: Path, desk: Desk) -> None:
    """Who did what to whom and from where, and below it a line a field."""
    entry = {"id": 1, "at": timestamp(NOON), "actor": "token:backoffice", "origin": "203.0.113.7"}
    changes = {"before": {"name": "A\x1b[2J"}, "after": {"name": "B" * 90}}
    desk.documents["/audit"] = [
        {**entry, "action": "client.update", "client_id": 1, **changes},
        {**entry, "action": "token.revoke", "client_id": None, "before": None, "after": None},
    ]
    with at_screen(tmp_path, desk, "audit") as (terminal, screen):
        seen = screen.wait(lambda text: 2 == text.count("by token:backoffice"))
        assert 0 == terminal.finish()
    assert seen.startswith(
        "2026-11-22 12:00:00  client.update  La Plaza (1)\n"
        "    by token:backoffice from 203.0.113.7\n"
        '    name: "A\\u001b[2J" ->\n'
        '    "BBB'
    )
    assert "\n2026-11-22 12:00:00  token.revoke\n    by token:backoffice" in seen


def test_the_log_asks_for_what_is_wanted(tmp_path: Path, desk: Desk) -> None:
    """REF, text and number go to the daemon; a client that was named is not named again."""
    code, out, _ = run(desk, tmp_path, "log", "1", "-q", "horario", "-n", "5")
    assert 0 == code
    assert out.startswith("2026-11-22 12:00:01  34600111222\n")
    assert [("/log", {"client": "1", "q": "horario", "limit": "5"})] == desk.asked
    listed = json.loads(run(desk, tmp_path, "log", "--json")[1])
    assert desk.documents["/log"] == listed


def test_listening_at_a_terminal(tmp_path: Path, desk: Desk) -> None:
    """Each event is one line whatever its length: names in a column, cut off where it ends."""
    news = [
        make_event("message.received", client="Taller López e Hijos, Neumáticos", inbox_id=7),
        make_event("send.failed", outbox_id="out_" + "x" * 40, turn_id=6, error="131047"),
    ]
    desk.documents["/events*"] = [NOTHING, {"cursor": "2", "events": news}, NOTHING]
    with at_screen(tmp_path, desk, "listen", "--client", "1") as (terminal, screen):
        seen = screen.wait_for("send.failed")
        assert (
            "12:00:00  message.received      Taller López e Hijos,…  inbox_id=7\n"
            "12:00:00  send.failed           La Plaza                turn_id=6  error=131047…\n"
        ) in seen
        terminal.type("\x03")
        assert 130 == terminal.finish()
    assert "interrupted" not in terminal.seen


@pytest.mark.parametrize("command", ["listen", "log -f", "top"])
def test_ctrl_c_ends_it_quietly(tmp_path: Path, desk: Desk, command: str) -> None:
    """What goes on until it is interrupted says nothing about it, and exits 130."""
    desk.documents["/status"] = make_status()
    with in_pipes(desk, tmp_path, *command.split(), "--json") as process:
        ends = time.monotonic() + 30
        while len(desk.asked) < 3:
            assert time.monotonic() < ends
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert (130, "") == (process.returncode, said)


def test_listening_loses_nothing_and_ends_with_its_reader(tmp_path: Path, desk: Desk) -> None:
    """Each event is a line at once; an outage loses none; without a reader it ends, quietly."""
    desk.documents["/events*"] = [
        NOTHING,
        {"cursor": "2", "events": [make_event("message.received", inbox_id=1)]},
        {"cursor": "2", "events": []},
    ]
    with in_pipes(desk, tmp_path, "listen", "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert 1 == json.loads(process.stdout.readline())["inbox_id"]
        desk.close()
        assert "Waiting until it answers" in process.stderr.readline()
        desk.documents["/events*"] = [
            {"cursor": "3", "events": [make_event("turn.answered", inbox_id=2)]},
            {"cursor": "3", "events": []},
        ]
        desk.open()
        assert 2 == json.loads(process.stdout.readline())["inbox_id"]
        assert "It answers again.\n" == process.stderr.readline()
        process.stdout.close()
        assert (0, "") == (process.wait(30), process.stderr.read())
    cursors = [query.get("after") for path, query in desk.asked if path == "/events"]
    assert [None, "1", "2"] == list(dict.fromkeys(cursors))[:3]
    assert {None, "1", "2", "3"} >= set(cursors)
