"""The whole CLI against a real daemon with tokens that may not do everything, or nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.command_line import FAQS, Shell
from tests.doubles.served import make_world, put_world, serve

NEW = ("--name", "Café", "--phone-number", "+34600100200", "--phone-number-id", "700")

TABLE: dict[tuple[str, ...], tuple[int, int]] = {
    ("client", "list"): (0, 0),
    ("client", "show", "1"): (0, 1),
    ("client", "show", "2"): (0, 0),
    ("client", "show", "Siempre Cerrado"): (0, 1),
    ("client", "add", *NEW, "--faqs", str(FAQS)): (1, 1),
    ("client", "update", "1", "--name", "Mine"): (1, 1),
    ("client", "update", "2", "--name", "Bar Sol"): (1, 0),
    ("client", "deactivate", "1", "--yes"): (1, 1),
    ("client", "activate", "2"): (1, 0),
    ("client", "activate", "3"): (1, 1),
    ("client", "resume", "1"): (1, 1),
    ("client", "resume", "2"): (1, 0),
    ("inbox", "list"): (0, 0),
    ("inbox", "list", "--client", "1"): (0, 1),
    ("inbox", "show", "1"): (0, 1),
    ("inbox", "show", "4"): (0, 0),
    ("inbox", "retry", "1"): (1, 1),
    ("inbox", "retry", "4"): (1, 1),
    ("inbox", "retry", "--all"): (1, 1),
    ("inbox", "drop", "1", "--yes"): (1, 1),
    ("token", "list"): (0, 1),
    ("token", "create", "x"): (1, 1),
    ("token", "rotate", "sol"): (1, 1),
    ("token", "revoke", "sol"): (1, 1),
    ("status",): (0, 0),
    ("log",): (0, 0),
    ("log", "1"): (0, 1),
    ("log", "2"): (0, 0),
    ("audit",): (0, 0),
    ("audit", "1"): (0, 1),
    ("doctor",): (3, 1),
    ("plan", "fleet.toml"): (3, 3),
    ("apply", "fleet.toml"): (1, 1),
    ("export",): (0, 0),
}
"""The exit codes with a token that may only read, and with one that sees client 2 only."""

FLEET = """
[[clients]]
name = "Café Norte"
phone_number = "+34600100200"
phone_number_id = "700"
faqs = [{ q = "¿Wifi?", a = "Sí." }]
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("daemon")
    put_world(folder)
    with serve(folder) as url:
        yield url, folder


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    shell = Shell(tmp_path, monkeypatch, capsys)
    shell.write("fleet.toml", FLEET)
    return shell


@pytest.mark.parametrize("command", TABLE, ids=lambda command: " ".join(command[:3]))
@pytest.mark.parametrize("name", ["reader", "sol", "old"])
def test_a_token_does_what_it_may(
    shell: Shell, daemon: tuple[str, Path], name: str, command: tuple[str, ...]
) -> None:
    """What it may not do is one line and exit 1; nothing of another client's is shown."""
    shell.set(RELEASED_TOKEN=make_world().tokens[name])
    result = shell.run("--url", daemon[0], *command)
    expected = {"reader": TABLE[command][0], "sol": TABLE[command][1], "old": 1}[name]
    assert expected == result.code, result
    assert make_world().tokens[name] not in result.out + result.err
    if name == "sol":
        assert "Plaza" not in result.out + result.err
    if name == "old":
        assert "does not take this token" in result.err
        assert "" == result.out


def test_nothing_was_changed_by_any_of_it(shell: Shell, daemon: tuple[str, Path]) -> None:
    """After all of the above the clients are as they were, but for client 2's own doing."""
    shell.set(RELEASED_TOKEN=make_world().tokens["operator"])
    listed = shell.must("--url", daemon[0], "client", "list", "--json", "id,name,active").json
    names = ["Restaurante La Plaza", "Bar Sol", "Siempre Cerrado"]
    expected = [
        {"id": number, "name": name, "active": number != 3} for number, name in enumerate(names, 1)
    ]
    assert expected == listed
