"""What one expects of any good command line: chosen keys, silence, hints, and no surprises."""

import getpass
import os
import shlex
from pathlib import Path

import pytest

from daemon.core.tokens import LIFETIME_LIMIT_DAYS as CORE_LIMIT_DAYS
from released_cli.token import LIFETIME_LIMIT_DAYS
from tests.doubles.command_line import FAQS, Shell, assert_refused


@pytest.fixture
def shell(shell: Shell) -> Shell:
    shell.add()
    return shell


class TestQuiet:
    @pytest.mark.parametrize("option", ["-q", "--quiet"])
    def test_it_says_nothing_but_errors(self, shell: Shell, option: str) -> None:
        """Data stays, talk goes, errors stay."""
        done = shell.must(option, "client", "update", "1", "--name", "X", "--json", "name")
        assert ({"name": "X"}, "") == (done.json, done.err)
        assert_refused(shell.run(option, "client", "show", "9"), 1, "no client '9'")

    def test_it_ends_with_the_command(self, shell: Shell) -> None:
        """The next command talks again."""
        shell.must("-q", "client", "activate", "1")
        assert "active already" in shell.must("client", "activate", "1").err


class TestAnywhere:
    @pytest.mark.parametrize(
        "command",
        [
            "--quiet client activate 1",
            "client --quiet activate 1",
            "client activate --quiet 1",
            "client activate 1 -q",
        ],
    )
    def test_options_of_the_program_may_stand_behind_the_command(
        self, shell: Shell, command: str
    ) -> None:
        """As with kubectl, one need not know whose option it is."""
        assert "" == shell.must(*command.split()).err
        assert "active already" in shell.must("client", "activate", "1").err

    def test_values_hold_too(self, shell: Shell) -> None:
        """Where to work and with which settings may be said last."""
        shell.write("other.env", "DATABASE_URL=sqlite+aiosqlite:///other.db\n")
        told = shell.must("client", "list", "--json", "id", "--env-file", "other.env")
        assert [] == told.json
        refused = shell.run("client", "list", "--url", "https://127.0.0.1:9")
        assert_refused(refused, 1, "no token for https://127.0.0.1:9")
        refused = shell.run("--local", "client", "list", "--url", "https://127.0.0.1:9")
        assert_refused(refused, 2, "--local and --url contradict each other")

    def test_what_a_command_has_itself_is_its_own(self, shell: Shell) -> None:
        """`log -q TEXT` searches, and --quiet still keeps it silent."""
        assert "Nothing found.\n" == shell.must("log", "-q", "x").err
        assert "" == shell.must("log", "-q", "x", "--quiet").err


class TestYes:
    def test_a_script_need_not_say_it_where_it_never_had_to(self, shell: Shell) -> None:
        """Off a terminal `token revoke` and `inbox drop` go on without it, and take it."""
        shell.must("token", "create", "x")
        shell.must("token", "revoke", "x")
        shell.must("token", "create", "x")
        shell.must("token", "revoke", "x", "--yes")
        assert_refused(shell.run("inbox", "drop", "1", "-y"), 1, "no message 1")

    @pytest.mark.parametrize("options", [(), ("--no-input",)])
    def test_deactivating_needs_it(self, shell: Shell, options: tuple[str, ...]) -> None:
        """Where nobody can be asked it is a usage error."""
        assert_refused(shell.run(*options, "client", "deactivate", "1"), 2, "needs --yes")


class TestHints:
    @pytest.mark.parametrize(
        ("command", "words"),
        [
            ("clint list", ["No such command 'clint'. Did you mean 'client'"]),
            ("client lst", ["Did you mean 'list'", "released client --help"]),
            ("client list --jsno", ["No such option: --jsno. Did you mean --json? See: "]),
            ("client list --quit", ["No such option: --quit. Did you mean --quiet?"]),
            ("client list --version", ["No such option: --version"]),
            ("token create x --scope admin", ["'--scope': 'admin' is not one of 'read', 'write'."]),
            ("inbox list --limit 0", ["'--limit': must be 1 or more. See: "]),
            ("inbox list --limit many", ["'--limit': must be a whole number."]),
            ("inbox show x", ["'ID': must be a whole number."]),
        ],
    )
    def test_a_slip_is_answered_with_what_was_meant(
        self, shell: Shell, command: str, words: list[str]
    ) -> None:
        """One line in plain words, which ends with the command to run next."""
        result = shell.run(*shlex.split(command))
        assert_refused(result, 2, *words)
        assert "Value error" not in result.err
        assert "?." not in result.err
        assert result.err.rstrip().endswith("--help")

    @pytest.mark.parametrize(
        ("ref", "meant"),
        [
            ("la plaza", "'La Plaza' (client 1)"),
            ("La Plasa", "'La Plaza' (client 1)"),
            ("plaza", "'La Plaza' (client 1)"),
            ("faro", "'Bar El Faro' (client 2)"),
            ("+34666777889", "'La Plaza' (client 1)"),
            ("34 666 777 889", "'La Plaza' (client 1)"),
            ("63122", "'La Plaza' (client 1)"),
        ],
    )
    def test_a_mistyped_ref_is_guessed(self, shell: Shell, ref: str, meant: str) -> None:
        """The refusal names the client that the REF comes closest to."""
        shell.add("--phone-number", "+14155550100", number_id="99", name="Bar El Faro")
        result = shell.run("client", "show", ref)
        assert_refused(result, 1, f"no client {ref!r}. Did you mean {meant}?")
        assert "released client list" in result.err

    @pytest.mark.parametrize("ref", ["9", "ba", "12345", "Zzz", "+15005550000", "bar"])
    def test_nothing_is_guessed_without_a_reason(self, shell: Shell, ref: str) -> None:
        """What is close to nobody, or to two, is left at that."""
        for number_id, name in (("98", "Bar Uno"), ("97", "Bar Dos")):
            shell.add("--phone-number", "+14155550100", number_id=number_id, name=name)
        result = shell.run("client", "show", ref)
        assert_refused(result, 1, f"no client {ref!r}. `released client list`")

    def test_every_command_that_takes_a_ref_guesses(self, shell: Shell) -> None:
        """Not `client show` alone."""
        for command in (
            "client update Plasa --name X",
            "client activate Plasa",
            "inbox list --client Plasa",
            "token create x --client Plasa",
        ):
            result = shell.run(*shlex.split(command.replace("Plasa", "'La Plasa'")))
            assert_refused(result, 1, "Did you mean 'La Plaza' (client 1)?")


class TestSettings:
    @pytest.mark.parametrize(
        ("content", "meant"),
        [
            ("META_ACESS_TOKEN=x", "META_ACCESS_TOKEN"),
            ("openai_apikey=x", "OPENAI_API_KEY"),
            ("DATABSE_URL=x", "DATABASE_URL"),
            ("BACKUP_KEP=3", "BACKUP_KEEP"),
            ("LOG_LVEL=DEBUG", "LOG_LEVEL"),
        ],
    )
    def test_a_misspelt_one_is_warned_of(self, shell: Shell, content: str, meant: str) -> None:
        """A name in `.env` that is nearly a setting is told, once, on stderr."""
        shell.write(".env", f"# ours\n\n{content}\n")
        name = content.partition("=")[0]
        done = shell.must("client", "list", "--json")
        assert f".env line 3: {name} is no setting; did you mean {meant}?\n" == done.err
        assert "" == shell.must("--quiet", "client", "list", "--json").err

    def test_what_is_for_others_is_not(self, shell: Shell) -> None:
        """Names that are like none of ours, short ones and our own are passed over."""
        others = "PUBLIC_HOST=h\nEDGE_SUBNET=s\nSECRETS_DIR=d\nRELEASED_IMAGE=i\nCOMPOSE_FILE=x\n"
        shell.write("my.env", f"PATH_TO=x\nHOSTS=y\nPOST=1\nPORT=1\nRELEASED_URL=\n{others}")
        assert "" == shell.must("--env-file", "my.env", "client", "list", "--json").err


def test_a_new_database_is_told(shell: Shell, tmp_path: Path) -> None:
    """In the wrong folder nothing looks as if all clients were gone; --quiet wants to know less."""
    (tmp_path / "released.db").unlink()
    told = shell.must("client", "list").err
    assert f"{tmp_path / 'released.db'} is new and empty: commands work on the database" in told
    assert "" == shell.must("client", "list", "--json").err
    (tmp_path / "released.db").unlink()
    assert "" == shell.must("--quiet", "client", "list", "--json").err


class TestTokenOfAClient:
    def test_show_says_whose_access_token_it_is(self, shell: Shell) -> None:
        """A person sees whether a client has its own, and no digest of its FAQs."""
        shown = shell.must("client", "show", "1").out
        assert "access_token       META_ACCESS_TOKEN, which all share\n" in shown
        assert "faqs_digest" not in shown
        shell.must("client", "update", "1", "--access-token-file", "-", stdin=b"EAAx")
        digest = shell.must("client", "show", "1", "--json").json["access_token_digest"]
        assert f"its own ({digest})" in shell.must("client", "show", "1").out
        again = shell.must("client", "update", "1", "--access-token-file", "-", stdin=b"EAAx")
        assert "Nothing to change" in again.err
        assert 12 == len(digest)


def test_the_longest_life_of_a_token_is_the_cores() -> None:
    """The number that is checked before anything is asked is the one that is checked in the end."""
    assert CORE_LIMIT_DAYS == LIFETIME_LIMIT_DAYS


def test_several_changes_are_named_in_one_order(shell: Shell) -> None:
    """Fields by name, FAQs last, and only those that changed."""
    path = shell.write("faqs.csv", "q,a\nx,y\n")
    options = ("--timezone", "Atlantic/Canary", "--name", "La Plaza", "--locale", "ca")
    done = shell.must("client", "update", "1", *options, "--faqs", path)
    assert "Changed: locale, timezone, faqs.\n" == done.err
    assert "Changed: faqs.\n" == shell.must("client", "update", "1", "--faqs", str(FAQS)).err


@pytest.mark.parametrize("fault", [KeyError, OSError])
def test_who_has_no_name_goes_by_number(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, fault: type[Exception]
) -> None:
    """A user that the system cannot name is still told apart in the audit trail."""

    def fail() -> str:
        raise fault

    monkeypatch.setattr(getpass, "getuser", fail)
    shell.must("client", "update", "1", "--name", "X")
    assert f"cli:{os.getuid()}" == shell.must("audit", "--json").json[-1]["actor"]
