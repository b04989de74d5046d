"""`released secrets`, and that no command, log, error or answer ever tells an access token."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.core.sealing.keyring import Keyring
from daemon.core.sealing.keys import KEY_BYTES, make_key, write_keys
from tests.doubles.admin import NEW, open_admin
from tests.doubles.command_line import Shell, clean_environment
from tests.doubles.sealing_kit import bytes_on_disk, keys_in, put_plain, reveal, stored
from tests.doubles.stage import Answer
from tests.doubles.terminal import at_terminal

SECRET = "EAAB-very-secret"
KEEP = "Keep a copy of it, apart from the backups."


def add(shell: Shell) -> None:
    """Onboard a client with a token of its own, and leave no file of it."""
    path = shell.write("token.txt", SECRET)
    shell.add("--access-token-file", path)
    (shell.folder / path).unlink()


def test_from_the_first_token_to_the_last_old_key(shell: Shell) -> None:
    """What an operator does over the years, and reads on the way."""
    assert "There is no database released.db" in shell.run("secrets", "status").err
    shell.add()
    assert "There is no key yet: released.key" in shell.must("secrets", "status").err
    shell.write("token.txt", SECRET)
    added = shell.must("client", "update", "1", "--access-token-file", "token.txt")
    assert f"released.key is new: it opens the access tokens in the database. {KEEP}" in added.err
    (old,) = keys_in(shell.folder / "released.key")
    made = shell.must("secrets", "rotate", "--json")
    assert {"key": made.json["key"], "file": "released.key", "sealed": 1, "unreadable": []} == (
        made.json
    )
    assert "apart from the backups" in made.err
    found = shell.must("secrets", "status", "--json").json
    assert (1, 0, [], None) == tuple(
        found[name] for name in ("tokens", "plain", "unreadable", "fault")
    )
    assert [(made.json["key"], 1), (old.id, 0)] == [
        (key["id"], key["tokens"]) for key in found["keys"]
    ]
    shown = shell.must("secrets", "status").out
    assert [["key", "from", "tokens"], [made.json["key"], "released.key", "1"]] == [
        line.split() for line in shown.splitlines()[:2]
    ]
    assert 2 == shell.run("secrets", "drop-old").code
    dropped = shell.must("secrets", "drop-old", "--yes", "--json").json
    assert {"file": "released.key", "dropped": [old.id], "kept": [made.json["key"]]} == dropped
    assert {1: SECRET} == reveal(shell.folder / "released.db")
    actions = [entry["action"] for entry in shell.must("audit", "--json").json]
    assert ["secrets.rotate", "secrets.drop"] == actions[-2:]


def test_nothing_to_drop(shell: Shell) -> None:
    """Neither before there is a key, nor when there is one only: no file is written."""
    shell.add()
    assert [] == shell.must("secrets", "drop-old", "--yes", "--json").json["dropped"]
    assert not (shell.folder / "released.key").exists()


def test_with_secrets_key_it_tells_the_next_step(shell: Shell) -> None:
    """The file must be named; a restart seals; and only then is the old key dropped."""
    old = make_key(b"o" * KEY_BYTES)
    source = shell.folder / "SECRETS_KEY"
    source.write_text(write_keys([old]))
    shell.set(CREDENTIALS_DIRECTORY=str(shell.folder))
    add(shell)
    assert not (shell.folder / "released.key").exists()
    refused = shell.run("secrets", "rotate")
    assert (1, True) == (refused.code, "--key-file" in refused.err)
    made = shell.must("secrets", "rotate", "--key-file", "SECRETS_KEY")
    assert "restart the daemon (`" in made.err
    assert "secrets drop-old --key-file SECRETS_KEY" in made.err
    kept = shell.must("secrets", "drop-old", "--key-file", "SECRETS_KEY", "--yes")
    assert "still needed" in kept.err
    assert "SECRETS_KEY" in shell.must("secrets", "status").out
    assert {SECRET} == {opened(shell)}


def opened(shell: Shell) -> str | None:
    path = shell.folder / "released.db"
    keyring = Keyring(path, given=keys_in(shell.folder / "SECRETS_KEY"))
    return keyring.open(stored(path)[1], client_id=1)


def test_it_tells_whose_token_nobody_can_open(shell: Shell) -> None:
    """With what to do; `client list` and `show` work all the same, and storing it again helps."""
    add(shell)
    (shell.folder / "released.key").unlink()
    told = shell.must("secrets", "status")
    assert "not here" in told.out
    assert "No key here opens the tokens of client 1." in told.err
    assert "of client 1." in shell.must("secrets", "rotate").err
    shell.must("client", "list")
    shell.must("client", "show", "1")
    shell.write("token.txt", SECRET)
    shell.must("client", "update", "1", "--access-token-file", "token.txt")
    assert [] == shell.must("secrets", "status", "--json").json["unreadable"]


def test_it_tells_of_open_tokens_and_half_a_key_file(shell: Shell) -> None:
    """Both are mended by somebody who knows."""
    shell.add()
    put_plain(shell.folder / "released.db", {1: SECRET})
    shell.write("released.key", "half")
    told = shell.must("secrets", "status").err
    assert "Tokens that lie open: 1." in told
    assert "entry 1 is no key" in told


def test_before_a_key_goes_a_person_is_asked(shell: Shell) -> None:
    """By the keys' names, and no is no."""
    add(shell)
    (old,) = keys_in(shell.folder / "released.key")
    shell.must("secrets", "rotate")
    for answer, left in (("n", 2), ("y", 1)):
        with at_terminal(shell.folder, "secrets", "drop-old") as terminal:
            terminal.expect(f"Delete the old keys ({old.id})?")
            terminal.type(f"{answer}\n")
            assert (answer == "n") == bool(terminal.finish())
        assert left == len(keys_in(shell.folder / "released.key"))


@pytest.mark.parametrize("verb", ["status", "rotate", "drop-old"])
def test_keys_do_not_travel(shell: Shell, verb: str) -> None:
    """Against a daemon elsewhere it is one line."""
    given = ("--yes",) if verb == "drop-old" else ()
    refused = shell.run("--url", "https://bot.example.com", "secrets", verb, *given)
    assert 2 == refused.code
    assert f"secrets {verb} works on this machine only" in refused.err


def test_a_backup_without_its_key_is_told(shell: Shell) -> None:
    """By `verify` and by `restore`, which do their work all the same."""
    add(shell)
    shell.must("db", "backup", "b.db")
    assert SECRET.encode() not in (shell.folder / "b.db").read_bytes()
    assert 0 == shell.must("db", "verify", "b.db", "--json").json["unreadable_tokens"]
    (shell.folder / "released.key").unlink()
    for command in (("verify", "b.db"), ("restore", "b.db", "--yes")):
        done = shell.must("db", *command, "--json")
        assert 1 == done.json["unreadable_tokens"]
        assert "Its access tokens that no key here opens: 1." in done.err


def test_no_command_tells_a_token(shell: Shell) -> None:
    """Neither as text nor as JSON, nor when it refuses."""
    add(shell)
    commands = (
        ("client", "list"),
        ("client", "list", "--json"),
        ("client", "show", "1"),
        ("client", "show", "1", "--json"),
        ("client", "update", "1", "--name", "Other", "--json"),
        ("client", "update", "1", "--access-token-file", "token.txt"),
        ("audit", "--json"),
        ("export",),
        ("status", "--json"),
        ("secrets", "status", "--json"),
        ("secrets", "rotate"),
    )
    key = keys_in(shell.folder / "released.key")[0].secret
    for command in commands:
        done = shell.run(*command)
        assert [] == [word for word in (SECRET, key, "sealed:") if word in done.out + done.err]


def test_listing_clients_opens_nothing(shell: Shell) -> None:
    """`client list` starts as fast as ever: the cryptography package is not imported."""
    add(shell)
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "released_cli", "client", "list", "--json"],
        env=clean_environment(),
        cwd=shell.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert json.loads(done.stdout)[0]["access_token_digest"]
    assert "sqlalchemy" in imported
    assert set() == {"cryptography", "cryptography.fernet"} & imported


def shown(answer: Answer) -> str:
    return str(answer.read_json()["access_token_digest"])


async def test_over_http_it_is_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Sealed by the daemon, shown as a digest, in force at once, and in no line of its log."""
    with caplog.at_level(logging.DEBUG):
        async with open_admin(tmp_path) as admin:
            made = await admin.call("POST", "/clients", {**NEW, "access_token": SECRET})
            client_id = made.read_json()["id"]
            path = f"/clients/{client_id}"
            again = await admin.call("PATCH", path, {"access_token": f"{SECRET}-2"})
            client = admin.house.runtime.directory.find(client_id)
            assert client is not None
            assert f"{SECRET}-2" == admin.house.runtime.settings.token_for(client.access_token)
            assert shown(made) != shown(again)
    assert SECRET not in caplog.text + made.text + again.text
    assert b"very-secret" not in bytes_on_disk(tmp_path)
