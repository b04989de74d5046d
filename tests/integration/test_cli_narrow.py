"""What a terminal of 80 columns shows: lines that end where it ends, in columns one can read."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from released_cli import keys
from tests.doubles.desk import Desk, open_desk
from tests.doubles.terminal import at_window

SIZE = (80, 24)
WAMID = "wamid.HBgLJ9rfvcssmSm+GGGrIrpfQ/eNGkZDGG0kxJyh"
NOON = "2026-11-22T12:00:00Z"
CLIENT = dict.fromkeys(keys.CLIENT) | {
    "id": 504,
    "name": "Bar El Faro de la calle Mayor",
    "phone_number": "+34666777888",
    "phone_number_id": "631261586727899",
    "active": True,
    "stopped": {"since": NOON, "code": "190", "reason": "expired"},
    "faq_count": 300,
}
MESSAGE = {
    "id": 12345,
    "wamid": WAMID,
    "client_id": 504,
    "customer": "34600111222",
    "type": "text",
    "state": "parked",
    "attempts": 6,
    "error": "131016",
    "received_at": NOON,
}
ANSWER = {
    "outbox_id": "out_AMO034twxeRT1VOY6d7KdQ",
    "state": "sent",
    "attempts": 1,
    "error": None,
    "wamid": WAMID,
    "status": "read",
    "text": "Abrimos de lunes a viernes.\nLos domingos cerramos, y los festivos " * 2,
}
TOKEN = {
    "name": "back office",
    "scope": "write",
    "client_id": 504,
    "state": "revoked",
    "created_at": NOON,
    "expires_at": NOON,
    "last_used_at": NOON,
}
FINDING = {
    "check": "subscription",
    "subject": "Bar El Faro",
    "state": "error",
    "detail": "the app hears nothing of the account " * 3,
    "next": "subscribe it, as the README says under From the demo to a real number " * 2,
}


@pytest.fixture
def desk() -> Iterator[Desk]:
    documents = {
        "/clients": [CLIENT],
        "/inbox": [MESSAGE],
        "/inbox/12345": {**MESSAGE, "text": "¿Horario?", "answer": [ANSWER]},
        "/tokens": [TOKEN],
        "/doctor": [FINDING],
    }
    with open_desk(documents) as opened:
        yield opened


def show(folder: Path, desk: Desk, *arguments: str, size: tuple[int, int] = SIZE) -> list[str]:
    """Run a command on such a terminal and give the lines it drew, without their colours."""
    place = {"RELEASED_URL": desk.url, "RELEASED_TOKEN": "rel_token"}
    with at_window(folder, size, *arguments, TZ="UTC", **place) as terminal:
        terminal.finish()
    drawn = terminal.seen.replace("\r\n", "\n")
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", drawn).split("\n")]


@pytest.mark.parametrize(
    ("command", "heads", "whole"),
    [
        ("client list", "id name phone number phone_number_id state FAQs", "stopped (190)"),
        ("inbox list", "id received client customer type state tries error", "34600111222"),
        ("token list", "name scope client state expires last used", "revoked"),
    ],
)
def test_a_table_fits(tmp_path: Path, desk: Desk, command: str, heads: str, whole: str) -> None:
    """Headings stay on one line, values whole; only the name of it all is folded."""
    lines = show(tmp_path, desk, *command.split())
    assert heads == " ".join(lines[0].split())
    assert any(whole in line for line in lines)
    assert max(map(len, lines)) <= SIZE[0]


def test_what_is_narrower_still_loses_nothing(tmp_path: Path, desk: Desk) -> None:
    """Where not even headings fit, the terminal breaks whole lines."""
    lines = show(tmp_path, desk, "token", "list", size=(30, 24))
    assert "back office  write  504" in lines[1]
    assert lines[1].endswith("2026-11-22 12:00:00")


def test_an_answer_is_read_as_a_text(tmp_path: Path, desk: Desk) -> None:
    """`inbox show` gives each answer a line a fact, and ids in one piece, to be copied."""
    lines = show(tmp_path, desk, "inbox", "show", "12345")
    assert "answer     Abrimos de lunes a viernes." in lines
    assert f"wamid      {WAMID}" in lines
    assert "Next: released inbox retry 12345, or released inbox drop 12345" in lines
    assert max(map(len, lines)) <= SIZE[0]


def test_a_finding_is_wrapped_beside_its_name(tmp_path: Path, desk: Desk) -> None:
    """`doctor` keeps its columns, and the next step stands below in lines of its own."""
    lines = show(tmp_path, desk, "doctor")
    assert lines[0].startswith("x error  subscription  Bar El Faro: the app hears nothing of the")
    assert ("", True) == (lines[1][:23].strip(), lines[1][23].isalpha())
    assert any(line.startswith("    next: subscribe it, as the README says") for line in lines)
    assert max(map(len, lines)) <= SIZE[0]


def test_a_person_is_told_of_a_new_database(tmp_path: Path, desk: Desk) -> None:
    """Who forgot to log in, or is in another folder, learns it at once."""
    told = " ".join(show(tmp_path, desk, "--local", "client", "list"))
    assert "released.db is new and empty: commands work on the database" in told
    assert "For a daemon elsewhere: released login URL" in told
    assert "is new" not in " ".join(show(tmp_path, desk, "--local", "client", "list"))


def test_who_sees_it_down_is_told_how_to_start_it(tmp_path: Path, desk: Desk) -> None:
    """`status` ends with the commands to run next."""
    told: Any = show(tmp_path, desk, "--local", "status")
    assert "Start it: released-daemon. What else is wrong: released doctor" in told
