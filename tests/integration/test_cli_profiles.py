"""Where a command works: options, the environment, saved profiles, `login` and `logout`."""

import tomllib
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from released_cli.profiles import Profile, read_book, write_book
from tests.doubles.command_line import Shell, assert_refused
from tests.doubles.profile_kit import FAR, count_clients, find_file, log_in, operator
from tests.doubles.served import make_world, serve_world
from tests.doubles.stranger import as_json, as_page, meet


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_world(tmp_path_factory.mktemp("daemon")) as url:
        yield url


class TestLogin:
    @pytest.mark.parametrize("command", ["db backup x.db", "secrets status", "db maintain"])
    def test_what_is_done_on_the_server_is_not_done_here(
        self, shell: Shell, daemon: str, command: str
    ) -> None:
        """Who is logged in far away would else make an empty database here, and believe it."""
        log_in(shell, daemon)
        refused = shell.run(*command.split())
        assert_refused(refused, 2, f"you are logged in at {daemon}")
        assert [] == list(shell.folder.glob("*.db"))

    def test_saved_ones_are_listed_and_changed(self, shell: Shell, daemon: str) -> None:
        """Without an address: which there are, without their tokens, and back to one of them."""
        assert "No daemon is saved" in shell.must("login").err
        for name in ("one", "two"):
            log_in(shell, daemon, "--profile", name)
        assert (
            f"Commands work at {daemon} now (profile one)."
            in shell.must("login", "--profile", "one").err
        )
        rows = [line.split() for line in shell.must("login").out.splitlines()[1:]]
        assert [["one", daemon, "yes"], ["two", daemon, "no"]] == rows
        assert_refused(shell.run("login", "--profile", "x"), 1, "no profile 'x' (saved: one, two)")
        assert_refused(shell.run("login", "--token-file", "-"), 2, "Missing argument 'URL'")

    def test_it_saves_what_works(self, shell: Shell, daemon: str) -> None:
        """From then on commands work there; the file is for its owner's eyes only."""
        done = shell.must("login", daemon, "--token-file", "-", stdin=operator() + b"\n")
        name = urlsplit(daemon).netloc
        assert f"Commands work at {daemon} now (profile {name})" in done.err
        assert "" == done.out
        assert 3 == count_clients(shell)
        assert [] == list(shell.folder.glob("released.db"))
        file = find_file(shell)
        assert (0o600, 0o700) == tuple(path.stat().st_mode & 0o777 for path in (file, file.parent))
        saved = tomllib.loads(file.read_text())
        profile = {"url": daemon, "token": operator().decode()}
        assert {"default": name, "profiles": {name: profile}} == saved
        assert [file] == list(file.parent.iterdir())

    def test_a_token_that_does_not_work_is_not_saved(self, shell: Shell, daemon: str) -> None:
        """The server is asked first."""
        result = shell.run("login", daemon, "--token-file", "-", stdin=b"rel_wrong")
        assert_refused(result, 1, "does not take this token")
        assert not find_file(shell).exists()

    def test_what_is_no_daemon_is_not_saved(self, shell: Shell) -> None:
        """A page is no daemon."""
        with meet({"*": [as_page()]}) as stranger:
            result = shell.run("login", stranger.url, "--token-file", "-", stdin=b"rel_x")
        assert_refused(result, 1, "no daemon of Released")

    def test_a_scoped_token_will_do(self, shell: Shell, daemon: str) -> None:
        """Whoever may see one client only logs in all the same, from a file."""
        path = shell.write("token", make_world().tokens["sol"])
        shell.must("login", daemon, "--token-file", path)
        assert 1 == count_clients(shell)

    def test_the_global_options_will_do_too(self, shell: Shell, daemon: str) -> None:
        """`--profile` and `--token-file` before the command mean the same."""
        path = shell.write("token", operator())
        shell.must("--profile", "bot", "--token-file", path, "login", daemon)
        assert 3 == count_clients(shell, "--profile", "bot")

    def test_the_token_of_the_environment_will_do(self, shell: Shell, daemon: str) -> None:
        """As with --url; a file that is named wins, and what does not work is not saved."""
        shell.set(RELEASED_TOKEN="rel_wrong")
        refused = shell.run("--quiet", "login", daemon)
        assert_refused(refused, 1, "does not take this token")
        assert not find_file(shell).exists()
        shell.set(RELEASED_TOKEN="two words")
        assert_refused(shell.run("--quiet", "login", daemon), 1, "no token")
        log_in(shell, daemon, "--profile", "file")
        shell.set(RELEASED_TOKEN=make_world().tokens["sol"])
        done = shell.must("login", daemon, "--profile", "environment")
        assert done.err.startswith("Taking the token of RELEASED_TOKEN.\n")
        profiles = read_book(find_file(shell)).profiles
        assert (operator().decode(), make_world().tokens["sol"]) == (
            profiles["file"].token,
            profiles["environment"].token,
        )

    @pytest.mark.parametrize("content", [b"", b"two words", "ñ".encode(), b"a\x00b"])
    def test_what_is_no_token_is_refused_unquoted(self, shell: Shell, content: bytes) -> None:
        """Nothing is asked with it."""
        result = shell.run("login", FAR, "--token-file", "-", stdin=content)
        assert_refused(result, 1, "token")
        assert "words" not in result.err

    def test_nobody_to_ask_is_a_usage_error(self, shell: Shell) -> None:
        """Off a terminal the token comes from a file, stdin or the environment."""
        assert_refused(shell.run("login", FAR), 2, "Missing --token-file or RELEASED_TOKEN")
        assert_refused(shell.run("--no-input", "login", FAR), 2, "Missing --token-file")

    @pytest.mark.parametrize("name", [" ", "two\nlines"])
    def test_a_profile_needs_a_name(self, shell: Shell, name: str) -> None:
        """A name is one line."""
        result = shell.run("login", FAR, "--profile", name, "--token-file", "-", stdin=b"rel_x")
        assert_refused(result, 2, "one line")

    @pytest.mark.parametrize(
        ("url", "words"),
        [
            ("bot.example.com", ["is no address"]),
            ("ftp://bot.example.com", ["is no address"]),
            ("https://", ["is no address"]),
            ("https://bot:x", ["is no address"]),
            ("https://[::1", ["is no address"]),
            ("https://a b", ["is no address"]),
            ("https://" + "ñ" * 70 + ".com", ["is no address"]),
            ("https://me:secret@bot.example.com", ["no user"]),
            (FAR + "/?a=1", ["no user, query"]),
            ("http://bot.example.com", ["in clear", "https://", "--insecure"]),
        ],
    )
    def test_an_address_must_be_one(self, shell: Shell, url: str, words: list[str]) -> None:
        """What cannot be called, or would show the token to everybody, is refused unasked."""
        result = shell.run("login", url, "--token-file", "-", stdin=b"rel_x")
        assert_refused(result, 1, *words)
        assert "secret" not in result.err


class TestLogout:
    def test_it_forgets(self, shell: Shell, daemon: str) -> None:
        """Afterwards commands work on this machine again."""
        log_in(shell, daemon, "--profile", "bot")
        assert "bot is forgotten" in shell.must("logout").err
        assert operator().decode() not in find_file(shell).read_text()
        assert 0 == count_clients(shell)

    def test_it_forgets_the_one_that_is_named(self, shell: Shell, daemon: str) -> None:
        """The one in use stays in use."""
        log_in(shell, daemon, "--profile", "one")
        log_in(shell, daemon, "--profile", "two")
        shell.must("logout", "one")
        assert 3 == count_clients(shell)
        assert_refused(shell.run("logout", "one"), 1, "no profile 'one' (saved: two)")

    def test_nothing_to_forget(self, shell: Shell) -> None:
        """Without a profile it says so."""
        assert_refused(shell.run("logout"), 1, "No profile is in use (saved: none)")


class TestChoosing:
    def test_options_win_over_the_environment_and_that_over_what_was_saved(
        self, shell: Shell, daemon: str
    ) -> None:
        """--local, --url and --profile, then RELEASED_URL, RELEASED_PROFILE, then the default."""
        log_in(shell, daemon, "--profile", "good")
        book = read_book(find_file(shell)).put("bad", Profile("https://nowhere.invalid", "x"))
        write_book(find_file(shell), book)
        assert_refused(shell.run("client", "list"), 1, "nowhere.invalid")
        shell.set(RELEASED_PROFILE="good")
        assert 3 == count_clients(shell)
        shell.set(RELEASED_URL="https://also.invalid", RELEASED_TOKEN="x")
        assert_refused(shell.run("client", "list"), 1, "also.invalid")
        assert 3 == count_clients(shell, "--profile", "good")
        token = shell.write("token", operator())
        assert 3 == count_clients(shell, "--url", f"{daemon}/", "--token-file", token)
        assert 0 == count_clients(shell, "--local")

    def test_a_profile_may_have_another_token(self, shell: Shell, daemon: str) -> None:
        """`--token-file` takes the place of the saved one."""
        log_in(shell, daemon)
        token = shell.write("token", make_world().tokens["sol"])
        assert 1 == count_clients(shell, "--token-file", token)

    def test_the_token_of_the_environment_wins_over_the_saved_one(
        self, shell: Shell, daemon: str
    ) -> None:
        """RELEASED_TOKEN is not passed over in silence where a profile is used unasked."""
        log_in(shell, daemon)
        shell.set(RELEASED_TOKEN=make_world().tokens["sol"])
        assert 1 == count_clients(shell)

    def test_the_token_of_the_environment_goes_to_no_profile_that_was_typed(
        self, shell: Shell, daemon: str
    ) -> None:
        """`--profile` names an address and a token; one in the environment may be another's."""
        name = urlsplit(daemon).netloc
        log_in(shell, daemon)
        shell.set(RELEASED_TOKEN="rel_of_another_house")
        assert 3 == count_clients(shell, "--profile", name)

    def test_a_token_without_an_address_is_refused(self, shell: Shell) -> None:
        """RELEASED_TOKEN alone must not make a command work on this machine's database."""
        shell.set(RELEASED_TOKEN="rel_x")
        refused = shell.run("client", "list")
        assert_refused(refused, 2, "RELEASED_TOKEN is set", "RELEASED_URL", "--url", "--local")
        assert [] == list(shell.folder.glob("*.db"))
        assert 0 == count_clients(shell, "--local")

    @pytest.mark.parametrize(
        ("options", "code", "words"),
        [
            (("--url", FAR, "--profile", "x"), 2, ["--url and --profile contradict"]),
            (("--local", "--url", FAR), 2, ["--local and --url"]),
            (("--local", "--token-file", "x"), 2, ["--local needs no --token-file"]),
            (("--token-file", "x"), 2, ["--token-file goes with --url"]),
            (("--url", FAR), 1, ["no token for", "RELEASED_TOKEN", "--token-file", "login"]),
            (("--url", FAR, "--token-file", "none"), 1, ["there is no file none"]),
            (("--profile", "x"), 1, ["no profile 'x' (saved: none)", "released login URL"]),
            (("--url", "http://bot.example.com"), 1, ["in clear"]),
        ],
    )
    def test_what_cannot_be_chosen(
        self, shell: Shell, options: tuple[str, ...], code: int, words: list[str]
    ) -> None:
        """Contradictions and gaps are refused in one line, before anything is called or made."""
        assert_refused(shell.run(*options, "client", "list"), code, *words)
        assert [] == list(shell.folder.glob("*.db"))

    def test_stdin_is_read_once(self, shell: Shell, daemon: str) -> None:
        """A token and FAQs cannot both come from stdin."""
        url = ("--url", daemon, "--token-file", "-")
        result = shell.run(*url, "client", "update", "1", "--faqs", "-", stdin=b"q,a\nx,y\n")
        assert_refused(result, 2, "Only one option can read stdin")

    @pytest.mark.parametrize("command", [("db", "upgrade"), ("sandbox",), ("demo", "--ask", "x")])
    @pytest.mark.parametrize("option", [("--url", FAR), ("--profile", "x")])
    def test_what_is_of_this_machine_only(
        self, shell: Shell, command: tuple[str, ...], option: tuple[str, str]
    ) -> None:
        """The database, the sandbox and the demo are not to be had elsewhere."""
        result = shell.run(*option, *command)
        assert_refused(result, 2, "this machine only", f"without {option[0]}")

    def test_a_careless_address_is_told(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`--insecure` lets the token go in clear; every command says so, a profile keeps it."""
        monkeypatch.setattr("released_cli.places.LOOPBACK", frozenset[str]())
        with meet({"*": [as_json([])]}) as stranger:
            shell.set(RELEASED_TOKEN="rel_x")
            done = shell.must("--url", stranger.url, "--insecure", "client", "list")
            assert f"travels in clear to {stranger.url}" in done.err
            assert_refused(shell.run("--url", stranger.url, "client", "list"), 1, "--insecure")
            login = ("login", stranger.url, "--token-file", "-", "--insecure")
            shell.must(*login, stdin=b"rel_x")
            assert "in clear" in shell.must("client", "list").err
            assert "" == shell.must("--quiet", "client", "list").err
