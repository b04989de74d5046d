"""The CLI on a terminal, at a daemon far away: secrets, questions, and what must be seen."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from released_cli.profiles import Profile, find_file, read_book, write_book
from tests.doubles.command_line import run_quickly
from tests.doubles.served import make_world, put_world, serve
from tests.doubles.stranger import Scripted, as_json, meet
from tests.doubles.terminal import at_terminal


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "far").mkdir()
    put_world(tmp_path / "far")
    with serve(tmp_path / "far") as url:
        yield url


def configured(folder: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(folder / "config")}


def save(folder: Path, url: str) -> dict[str, str]:
    """Save a profile and give the settings under which it is found."""
    settings = configured(folder)
    token = make_world().tokens["operator"]
    file = find_file(settings)
    write_book(file, read_book(file).put("bot", Profile(url, token)))
    return settings


def test_login_asks_for_the_token_and_shows_it_nowhere(tmp_path: Path, daemon: str) -> None:
    """What is typed is not echoed; the profile works at once, and every command says where."""
    token = make_world().tokens["operator"]
    settings = configured(tmp_path)
    with at_terminal(tmp_path, "login", daemon, "--profile", "bot", **settings) as terminal:
        terminal.expect(f"Token for {daemon}: ")
        terminal.type(f"{token}\n")
        assert 0 == terminal.finish()
    assert token not in terminal.seen
    with at_terminal(tmp_path, "client", "list", **settings) as terminal:
        assert 0 == terminal.finish()
    assert f"At {daemon} (profile bot; --local is this machine)." in terminal.seen
    assert "Bar Sol" in terminal.seen


@pytest.mark.parametrize(("key", "code"), [("\x03", 130), ("\x04", 130), ("\n", 1)])
def test_login_without_a_token_saves_nothing(
    tmp_path: Path, daemon: str, key: str, code: int
) -> None:
    """Ctrl-C, Ctrl-D and an empty line end it in one line."""
    settings = configured(tmp_path)
    with at_terminal(tmp_path, "login", daemon, **settings) as terminal:
        terminal.expect("Token for ")
        terminal.press(key)
        assert code == terminal.finish()
    assert "Traceback" not in terminal.seen
    assert not (tmp_path / "config").exists()


def test_no_input_asks_for_nothing(tmp_path: Path, daemon: str) -> None:
    """`--no-input` is as good as no terminal."""
    for arguments in (("login", daemon), ("client", "add"), ("client", "deactivate", "1")):
        with at_terminal(tmp_path, "--no-input", *arguments) as terminal:
            assert 2 == terminal.finish()
        assert "released: " in terminal.seen


def test_a_pipe_and_a_quiet_terminal_are_not_told_where(tmp_path: Path, daemon: str) -> None:
    """The line about the profile is for people who listen."""
    settings = save(tmp_path, daemon)
    with at_terminal(tmp_path, "--quiet", "client", "list", **settings) as terminal:
        assert 0 == terminal.finish()
    assert "profile bot" not in terminal.seen
    assert "" == run_quickly(tmp_path, "client", "list", settings=settings).err


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        ("token revoke sol", "Revoke the token sol? Whoever uses it is shut out at once. [y/N]"),
        ("inbox drop 1", "Leave message 1 unanswered for good? [y/N]"),
        ("client deactivate 1", "Stop the bot of Restaurante La Plaza (client 1, +34666777888)?"),
    ],
)
def test_what_cannot_be_undone_is_asked_first(
    tmp_path: Path, daemon: str, command: str, asked: str
) -> None:
    """On a terminal only a clear yes does it, or `--yes`, which is not asked."""
    settings = save(tmp_path, daemon)
    for answer, code in (("n", 1), ("y", 0)):
        with at_terminal(tmp_path, *command.split(), **settings) as terminal:
            terminal.expect(asked)
            terminal.type(f"{answer}\n")
            assert code == terminal.finish()
        assert ("Nothing is changed." in terminal.seen) is (code == 1)


def test_yes_is_not_asked(tmp_path: Path, daemon: str) -> None:
    """`--yes` on a terminal goes on."""
    settings = save(tmp_path, daemon)
    with at_terminal(tmp_path, "token", "revoke", "sol", "--yes", **settings) as terminal:
        assert 0 == terminal.finish()
    assert "[y/N]" not in terminal.seen


def test_a_slow_daemon_is_seen_to_be_waited_for(tmp_path: Path) -> None:
    """What takes a moment shows that it goes on; what is quick shows nothing."""
    busy = Scripted(503, b"{}", {"Retry-After": "1", "Content-Type": "application/problem+json"})
    with meet({"/clients": [busy, as_json([])]}) as stranger:
        settings = save(tmp_path, stranger.url)
        for is_seen in (True, False):
            with at_terminal(tmp_path, "client", "list", **settings) as terminal:
                assert 0 == terminal.finish()
            assert is_seen is ("Listing clients…" in terminal.seen)
