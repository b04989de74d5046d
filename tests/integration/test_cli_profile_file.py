"""The file in which profiles are saved: for its owner's eyes only, whole at every moment."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.core.errors import Misconfigured
from released_cli.profiles import Book, Profile, read_book, write_book
from tests.doubles.command_line import Shell, assert_refused
from tests.doubles.profile_kit import FAR, count_clients, find_file, log_in
from tests.doubles.served import serve_world


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_world(tmp_path_factory.mktemp("daemon")) as url:
        yield url


class TestFile:
    def test_others_may_not_read_it(self, shell: Shell, daemon: str) -> None:
        """A file with a wider mode is refused, with the command that mends it."""
        log_in(shell, daemon)
        find_file(shell).chmod(0o640)
        result = shell.run("client", "list")
        assert_refused(result, 1, "mode 0640", f"chmod 600 {find_file(shell)}")
        assert_refused(shell.run("logout"), 1, "chmod 600")
        assert 0 == count_clients(shell, "--local")

    @pytest.mark.parametrize(
        "content",
        [
            b"default = ",
            b"\xff",
            b"profiles = 3",
            b"[profiles]\nx = 3",
            b"[profiles.x]\nurl = 'https://a'",
            b"[profiles.x]\nurl = 3\ntoken = 'x'",
        ],
    )
    def test_a_damaged_file_is_refused(self, tmp_path: Path, content: bytes) -> None:
        """What nobody can have meant is not guessed at."""
        file = tmp_path / "profiles.toml"
        file.write_bytes(content)
        file.chmod(0o600)
        with pytest.raises(Misconfigured, match="is damaged"):
            read_book(file)

    def test_a_default_without_a_profile_is_none(self, tmp_path: Path) -> None:
        """A default that was removed by hand leaves commands on this machine."""
        file = tmp_path / "profiles.toml"
        file.write_text("default = 'gone'\n")
        file.chmod(0o600)
        assert Book() == read_book(file)

    def test_a_file_that_cannot_be_used(self, shell: Shell) -> None:
        """A folder in its place, or a folder that lets nobody write, is one line."""
        file = find_file(shell)
        file.mkdir(parents=True)
        assert_refused(shell.run("client", "list"), 1, "cannot be read")
        blocked = shell.folder / "blocked"
        blocked.write_text("")
        with pytest.raises(Misconfigured, match="cannot be written"):
            write_book(blocked / "released" / "profiles.toml", Book())

    def test_a_write_that_fails_leaves_the_old_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The file before or the file after, and nothing beside it."""
        file = tmp_path / "profiles.toml"
        book = Book().put("a", Profile(FAR, "rel_x", insecure=True))
        write_book(file, book)

        def fail(_handle: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(Misconfigured, match="No space left"):
            write_book(file, book.drop("a"))
        assert ([file], book) == (list(tmp_path.iterdir()), read_book(file))

    def test_it_is_where_configuration_is(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch, daemon: str
    ) -> None:
        """Without an absolute XDG_CONFIG_HOME it is ~/.config."""
        monkeypatch.setenv("HOME", str(shell.folder / "home"))
        shell.set(XDG_CONFIG_HOME="relative")
        log_in(shell, daemon)
        assert (shell.folder / "home/.config/released/profiles.toml").is_file()
