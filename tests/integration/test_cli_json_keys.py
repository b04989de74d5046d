"""`--json` and `--json id,name`: which words are keys, and what is printed of each object."""

import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from daemon.api import contact_models, inbox_models, models, report_models, token_models
from released_cli import keys
from released_cli.app import app
from released_cli.commands import split_keys
from released_cli.given import Globals, start
from released_cli.output import pick
from released_cli.usage import UsageError
from tests.doubles.command_line import Shell, assert_refused

FLEET = """
[[clients]]
name = "Café Norte"
phone_number = "+34600100200"
phone_number_id = "700"
faqs = [{ q = "¿Wifi?", a = "Sí." }]
"""


def _find_commands(command: Any, path: str) -> Iterator[str]:
    """Name the commands that take `--json`."""
    for name, below in getattr(command, "commands", {}).items():
        yield from _find_commands(below, f"{path} {name}".strip())
    if any("--json" in option.opts for option in command.params):
        yield path


@pytest.fixture
def shell(shell: Shell) -> Shell:
    shell.add()
    return shell


class TestChosenKeys:
    @pytest.mark.parametrize(
        ("command", "expected"),
        [
            ("client list --json id,name", [{"id": 1, "name": "La Plaza"}]),
            ("client list --json=name,id", [{"name": "La Plaza", "id": 1}]),
            ("client list --json id", [{"id": 1}]),
            ("client list --json id,id", [{"id": 1}]),
            ("client show --json name 1", {"name": "La Plaza"}),
            ("client show 1 --json name", {"name": "La Plaza"}),
            ("client show --json=name -- 1", {"name": "La Plaza"}),
            ("client update 1 --json id --name Bar", {"id": 1}),
            ("client activate --json active 1", {"active": True}),
        ],
    )
    def test_they_are_printed_alone_and_in_that_order(
        self, shell: Shell, command: str, expected: object
    ) -> None:
        """`--json id,name` prints of each object those two keys."""
        done = shell.must(*shlex.split(command))
        assert expected == done.json
        assert repr(expected) == repr(done.json)

    @pytest.mark.parametrize("command", ["client show --json 1", "client show --json -- 1"])
    def test_what_is_no_key_is_the_next_word(self, shell: Shell, command: str) -> None:
        """`--json` alone still prints everything, whatever follows it."""
        assert list(keys.CLIENT) == list(shell.must(*shlex.split(command)).json)

    def test_a_word_that_is_a_key_and_a_name(self, shell: Shell) -> None:
        """A REF that is called like a key goes before `--json`, or behind `--`."""
        shell.add(number_id="77", name="name")
        assert 2 == shell.must("client", "show", "name", "--json").json["id"]
        assert 2 == shell.must("client", "show", "--json", "--", "name").json["id"]

    @pytest.mark.parametrize("listed", ["nope", "id,nope", "", "id,", "ID", " id"])
    def test_an_unknown_key_is_refused_with_those_there_are(
        self, shell: Shell, listed: str
    ) -> None:
        """`--json=…` is always keys, and a wrong one touches nothing."""
        result = shell.run("client", "deactivate", "1", "--yes", f"--json={listed}")
        assert_refused(result, 2, "--json has no key", "id, name, phone_number")
        assert shell.list_clients()[0]["active"]

    @pytest.mark.parametrize(
        "command",
        [
            "client list --json nope",
            "client list --json id,nope",
            "client show --json id,nope 1",
            "client show 1 --json nope",
            "client show 1 --json nope --quiet",
            "client deactivate 1 --yes --json nope",
        ],
    )
    def test_a_slip_in_a_list_of_keys_is_told(self, shell: Shell, command: str) -> None:
        """Behind a space too, where the word can hardly be anything else."""
        result = shell.run(*command.split())
        assert_refused(result, 2, "--json has no key 'nope'", "id, name, phone_number")
        assert shell.list_clients()[0]["active"]

    def test_a_slip_is_told_before_the_word_it_stands_before(self, shell: Shell) -> None:
        """What is nearly a key was meant as one, though the command took it for its own word."""
        assert_refused(shell.run("client", "show", "--json", "nam", "1"), 2, "no key 'nam'")

    @pytest.mark.parametrize("command", ["show 1 2", "show --json 1 2", "show 1 2 --json"])
    def test_a_word_too_many_elsewhere_is_no_key(self, shell: Shell, command: str) -> None:
        """It is told as such: `--json` has nothing to do with it."""
        assert_refused(shell.run("client", *command.split()), 2, "unexpected extra argument(s) (2)")

    def test_they_are_forgotten_afterwards(self, shell: Shell) -> None:
        """What one command chose is not what the next one prints."""
        shell.must("client", "list", "--json", "id")
        assert list(keys.CLIENT) == list(shell.list_clients()[0])

    def test_where_there_is_nothing_to_choose_it_is_said(self) -> None:
        """A command without keys refuses them in plain words."""
        with pytest.raises(UsageError, match="no key 'x' here"):
            split_keys(["--json=x"], ())
        assert (["--json", "x"], ()) == split_keys(["--json", "x"], ())

    def test_every_command_that_prints_json_has_keys(self) -> None:
        """None is forgotten, and none is listed that is not there."""
        found = set(_find_commands(typer.main.get_command(app), ""))
        assert set(keys.KEYS) == found

    def test_what_an_event_does_not_have_is_null(self) -> None:
        """Chosen keys stand in every object, so that a reader need not ask for each."""
        start(Globals(json_keys=("kind", "inbox_id")))
        event = {"kind": "client.changed", "action": "client.add"}
        assert [{"kind": "client.changed", "inbox_id": None}] == pick([event])
        assert ["a"] == pick(["a"])
        start(Globals())

    @pytest.mark.parametrize(
        ("listed", "model"),
        [
            (keys.CLIENT, models.ClientDocument),
            (keys.MESSAGE, inbox_models.InboxDocument),
            (keys.KEYS["inbox show"], inbox_models.InboxDetail),
            (keys.TOKEN, token_models.TokenDocument),
            (keys.TOKEN_MADE, token_models.TokenMade),
            (keys.CONTACT, contact_models.Contact),
            (keys.RECEIPT, contact_models.Receipt),
            (keys.PAUSE, contact_models.PauseState),
            (keys.STATUS, report_models.Status),
            (keys.TURN, report_models.TurnDocument),
            (keys.ENTRY, report_models.AuditDocument),
            (keys.FINDING, models.Finding),
        ],
    )
    def test_they_are_those_of_the_documents(self, listed: tuple[str, ...], model: type) -> None:
        """The list that a command line is read with is the API's own description."""
        assert list(listed) == list(model.model_fields)

    def test_they_are_those_of_the_fleets_documents(self, shell: Shell) -> None:
        """The plan and the outcome have no model; they are looked at."""
        shell.write("fleet.toml", FLEET)
        planned = shell.run("plan", "fleet.toml", "--json")
        assert (3, list(keys.PLAN)) == (planned.code, list(planned.json))
        applied = shell.must("apply", "fleet.toml", "--json")
        assert list(keys.OUTCOME) == list(applied.json)
        again = shell.must("apply", "fleet.toml", "--json", "unchanged,failed")
        assert {"unchanged": 1, "failed": 0} == again.json
