"""The commands that watch on this machine's own database, and what `audit` makes of its trail."""

from released_cli.audit import tell_changes
from tests.doubles.command_line import Shell
from tests.doubles.new_database import copy_new_database


def test_on_this_machine(shell: Shell) -> None:
    """The same commands work on the database here, without any daemon."""
    shell.add()
    assert "DOWN" in shell.must("status").out
    assert 1 == shell.run("status", "--exit-code").code
    assert ["La Plaza"] == [one["name"] for one in shell.must("status", "--json").json["clients"]]
    assert "Nothing was asked yet." == shell.must("log").err.strip()
    assert "Nothing found." == shell.must("log", "--only", "handoff").err.strip()
    assert "down" == shell.must("top", "--count", "1").json["daemon"]["state"]
    refused = shell.run("listen", "--client", "nobody")
    assert (1, "") == (refused.code, refused.out)


def test_the_audit_in_a_pipe(shell: Shell) -> None:
    """One line a change: when, who, from where, what, whose, and each field before and after."""
    shell.add()
    shell.must("client", "update", "1", "--name", "El Faro")
    shell.must("token", "create", "backoffice")
    heading, added, updated, token = shell.must("audit").out.splitlines()
    assert ["at", "actor", "origin", "action", "client", "changes"] == heading.split()
    assert '  local   client.add     El Faro (1)  name: "La Plaza"; ' in added
    assert '  El Faro (1)  name: "La Plaza" -> "El Faro"; ' in updated
    assert "  token.create   -  " in token


def test_the_audit_as_json(shell: Shell) -> None:
    """The newest entries as the API has them, or the keys that are wanted of each."""
    shell.add()
    [entry] = shell.must("audit", "1", "-n", "1", "--json").json
    assert ("client.add", 1) == (entry["action"], entry["client_id"])
    assert [{"id": 1, "action": "client.add"}] == shell.must("audit", "--json", "id,action").json


def test_an_empty_audit_says_so(shell: Shell) -> None:
    """Before anything was changed there is nothing on stdout."""
    copy_new_database(shell.folder / "released.db")
    told = shell.must("audit")
    assert ("", "Nothing was changed yet.\n") == (told.out, told.err)


def test_changes_are_told_field_by_field() -> None:
    """Before and after where both are known; empty and not set are told apart."""
    entry = {
        "before": {"name": "A", "welcome_message": None, "state": "parked"},
        "after": {"name": "B", "welcome_message": "", "inbox_id": 3},
    }
    assert [
        'name: "A" -> "B"',
        'welcome_message: - -> ""',
        'state: was "parked"',
        "inbox_id: 3",
    ] == tell_changes(entry)
    assert [] == tell_changes({"before": None, "after": None})
