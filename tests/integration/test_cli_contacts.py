"""`released contact`: on this machine and over HTTP alike."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.doubles.command_line import Shell, assert_refused
from tests.doubles.served import make_world, put_world, serve
from tests.integration.test_cli_both_ways import Ways, mask

CUSTOMER = "34603"
"""Wrote to client 1, and was answered."""

REFUSED = [
    ("contact", "export", "1", "34699"),
    ("contact", "export", "nobody", CUSTOMER),
    ("contact", "export", "1"),
    ("contact", "export", "1", CUSTOMER, "--all-clients"),
    ("contact", "export", "--all-clients", "34699"),
    ("contact", "erase", "1", CUSTOMER),
    ("contact", "erase", "1", "34699", "--yes"),
    ("contact", "erase", "1", "..", "--yes"),
    ("contact", "erase", "2", CUSTOMER, "--yes"),
]


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    shell = Shell(tmp_path, monkeypatch, capsys)
    shell.set(RELEASED_TOKEN=make_world().tokens["operator"])
    put_world(tmp_path)
    return shell


def test_it_is_given_out_and_erased_alike_both_ways(shell: Shell, tmp_path: Path) -> None:
    """The same documents, counts and refusals; a receipt names nobody."""
    there = tmp_path / "there"
    there.mkdir()
    put_world(there)
    with serve(there) as url:
        ways = Ways(shell, url)
        for command in REFUSED:
            here = mask(ways.here(*command))
            assert here == mask(ways.there(*command)), command
            assert here[0] in {1, 2}
        export = ("contact", "export", "Restaurante La Plaza", f"+{CUSTOMER}")
        given = [ways.here(*export), ways.there(*export)]
        assert mask(given[0]) == mask(given[1])
        assert ["text of w3"] == [one["text"] for one in given[0].json["messages"]]
        chosen = ("contact", "export", "--all-clients", CUSTOMER, "--json", "client_id")
        assert [{"client_id": 1}] == ways.here(*chosen).json == ways.there(*chosen).json
        erase = ("contact", "erase", "1", CUSTOMER, "--yes", "--json")
        receipts = [ways.here(*erase).json, ways.there(*erase).json]
        assert receipts[0]["erased"] == receipts[1]["erased"]
        assert receipts[0]["receipt"] != receipts[1]["receipt"]
        assert CUSTOMER not in json.dumps(receipts)
        for run in (ways.here, ways.there):
            assert_refused(run(*export), 1, "holds nothing")


def test_it_is_taken_over_and_given_back_alike_both_ways(shell: Shell, tmp_path: Path) -> None:
    """The same documents and refusals, by name and number; who said stop stays so."""
    there = tmp_path / "there"
    there.mkdir()
    put_world(there)
    refused = [
        ("contact", "pause", "1", "34699"),
        ("contact", "pause", "1", ".."),
        ("contact", "pause", "2", CUSTOMER),
        ("contact", "pause", "1", CUSTOMER, "--hours", "0"),
        ("contact", "pause", "1", CUSTOMER, "--hours", "99999"),
        ("contact", "pause", "1", CUSTOMER, "--hours", "soon"),
        ("contact", "pause", "nobody", CUSTOMER),
        ("contact", "resume", "1", "34699"),
        ("contact", "resume", "1"),
    ]
    with serve(there) as url:
        ways = Ways(shell, url)
        for command in refused:
            here = mask(ways.here(*command))
            assert here == mask(ways.there(*command)), command
            assert here[0] in {1, 2}
        for given in ((), ("--hours", "1.5")):
            pause = ("contact", "pause", "Restaurante La Plaza", f"+{CUSTOMER}", *given)
            states = [run(*pause, "--json").json for run in (ways.here, ways.there)]
            assert ["person"] * 2 == [state["paused_by"] for state in states]
        free = {"client_id": 1, "paused_by": None, "paused_until": None}
        resume = ("contact", "resume", "1", CUSTOMER, "--json")
        for changed in (True, False):
            given_back = [run(*resume) for run in (ways.here, ways.there)]
            shown = free | {"changed": changed}
            assert [(0, shown)] * 2 == [(done.code, done.json) for done in given_back]
            told = ["nothing to resume" in done.err for done in given_back]
            assert [not changed] * 2 == told


def test_who_has_said_stop_is_told_of(shell: Shell, tmp_path: Path) -> None:
    """An operator who takes over learns why the bot is silent; giving back is refused."""
    with closing(sqlite3.connect(tmp_path / "released.db")) as database, database:
        database.execute(
            "UPDATE conversations SET paused_by = 'stopped', paused_until = 253402300799"
        )
    done = shell.must("--local", "contact", "pause", "1", CUSTOMER)
    assert "stopped" in done.out
    assert "asked the bot to stop" in done.err
    assert_refused(
        shell.run("--local", "contact", "resume", "1", CUSTOMER), 1, "asked the bot to stop"
    )


def test_what_has_ended_by_itself_needs_no_resume(shell: Shell, tmp_path: Path) -> None:
    """An operator who comes too late learns that the bot answers already."""
    with closing(sqlite3.connect(tmp_path / "released.db")) as database, database:
        database.execute("UPDATE conversations SET paused_by = 'person', paused_until = 1779000000")
    done = shell.must("--local", "contact", "resume", "1", CUSTOMER)
    assert "There was nothing to resume" in done.err


def test_the_receipt_is_shown_to_people(shell: Shell) -> None:
    """Off a terminal too, with a word about backups; every client that holds them has its own."""
    done = shell.must("--local", "contact", "erase", "--all-clients", CUSTOMER, "--yes")
    assert "er_" in done.out
    assert "inbox" in done.out
    assert "Backups" in done.err
