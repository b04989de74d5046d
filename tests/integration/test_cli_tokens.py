"""`released token`: made, listed, revoked; shown once."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.doubles.command_line import Shell, assert_refused
from tests.doubles.new_database import copy_new_database


def read_time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


@pytest.mark.parametrize(("options", "days"), [((), 60), (("--expires-days", "0.5"), 0.5)])
def test_create_prints_the_token_as_json(
    shell: Shell, options: tuple[str, ...], days: float
) -> None:
    """`--json` prints exactly name, token and expires_at; 60 days unless said otherwise."""
    copy_new_database(shell.folder / "released.db")
    made = shell.must("token", "create", "back office", *options, "--json")
    assert ["name", "token", "expires_at"] == list(made.json)
    assert ("back office", "") == (made.json["name"], made.err)
    left = read_time(made.json["expires_at"]) - datetime.now(UTC)
    assert abs(left - timedelta(days=days)) < timedelta(minutes=1)


def test_create_prints_the_bare_token(shell: Shell) -> None:
    """Without `--json` stdout is the token alone, for a variable; the rest is on stderr."""
    made = shell.must("token", "create", "x")
    assert 1 == len(made.out.split())
    assert made.out.startswith("rel_")
    assert "not shown again" in made.err


def test_zero_days_has_expired_at_once(shell: Shell) -> None:
    """`--expires-days 0` makes a token that is no use, and says so."""
    made = shell.must("token", "create", "x", "--expires-days", "0")
    assert ("", True) == (made.out, "expired already" in made.err)
    assert "expired" == shell.must("token", "list", "--json").json[0]["state"]


@pytest.mark.parametrize("days", ["-1", "3651", "nan", "inf"])
def test_an_impossible_lifetime_is_refused(shell: Shell, days: str) -> None:
    """A lifetime is from 0 days to ten years."""
    result = shell.run("token", "create", "x", f"--expires-days={days}")
    assert_refused(result, 1, "expires_days must be from 0 to 3650")


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "\x1b[31m"])
def test_a_name_is_one_line(shell: Shell, name: str) -> None:
    """A name that a list cannot show is refused."""
    assert_refused(shell.run("token", "create", name), 1, "name must be one line")


def test_a_name_is_taken_until_it_is_revoked(shell: Shell) -> None:
    """Two tokens cannot have one name; the refusal names the command that frees it."""
    shell.must("token", "create", "x")
    assert_refused(shell.run("token", "create", "x"), 1, "released token revoke x")
    assert "revoked" in shell.must("token", "revoke", "x").err
    shell.must("token", "create", "x")


def test_revoke_refuses_an_unknown_name(shell: Shell) -> None:
    """A name without a token, or whose token is revoked already, is refused."""
    shell.must("token", "create", "x")
    shell.must("token", "revoke", "x")
    for name, why in (("x", "Token 'x' is revoked already."), ("y", "There is no token 'y'.")):
        assert_refused(shell.run("token", "revoke", name), 1, why, "released token list")


def test_the_list_keeps_the_tokens_to_itself(shell: Shell) -> None:
    """`token list` says what became of each, and never shows one."""
    secret = shell.must("token", "create", "x").out.strip()
    shell.must("token", "create", "y")
    shell.must("token", "revoke", "y")
    listed = shell.must("token", "list", "--json")
    assert ["valid", "revoked"] == [token["state"] for token in listed.json]
    keys = ["name", "scope", "client_id", "state", "created_at", "expires_at", "last_used_at"]
    assert keys == list(listed.json[0])
    table = shell.must("token", "list").out
    assert secret not in listed.out + table
    assert 3 == len(table.splitlines())


def test_an_empty_list_says_what_to_do(shell: Shell) -> None:
    """Without tokens stdout is empty, or an empty JSON list."""
    done = shell.must("token", "list")
    assert ("", True) == (done.out, "released token create" in done.err)
    assert [] == shell.must("token", "list", "--json").json
