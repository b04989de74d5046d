"""`released plan` and `apply` as an operator runs them, on a database of this machine."""

import json
from typing import Any

import pytest

from tests.doubles.command_line import (
    ROOT,
    Result,
    Shell,
    assert_refused,
)
from tests.doubles.fleet_kit import LUNA, SOL
from tests.doubles.new_database import copy_new_database
from tests.doubles.terminal import at_terminal

EXAMPLE = ROOT / "clients.example.toml"


@pytest.fixture
def shell(shell: Shell) -> Shell:
    copy_new_database(shell.folder / "released.db")
    return shell


def last_line(result: Result) -> str:
    return result.err.splitlines()[-1]


def test_the_example_can_be_applied_exported_and_planned(shell: Shell) -> None:
    """From an empty database to no differences, and from its export to the same again."""
    assert 3 == shell.run("plan", str(EXAMPLE)).code
    assert [] == shell.list_clients()
    assert "4 created." == last_line(shell.must("apply", str(EXAMPLE)))
    assert "There are no differences; 4 unchanged.\n" == shell.must("plan", str(EXAMPLE)).out
    assert "4 unchanged." == last_line(shell.must("apply", str(EXAMPLE)))
    assert [True, False, True, True] == [client["active"] for client in shell.list_clients()]
    shell.write("export.toml", shell.must("export").out)
    assert "There are no differences" in shell.must("plan", "export.toml").out
    before = shell.list_clients()
    shell.set(DATABASE_URL="sqlite+aiosqlite:///other.db")
    shell.must("apply", "export.toml")
    made = ("assistant_id", "created_at", "updated_at", "assistant_version")
    assert [{k: v for k, v in client.items() if k not in made} for client in before] == [
        {k: v for k, v in client.items() if k not in made} for client in shell.list_clients()
    ]


def test_a_plan_changes_nothing_and_tells_by_its_exit_code(shell: Shell, fleet: str) -> None:
    """0 without differences, 3 with; the same with --dry-run, and in JSON with all of it."""
    assert [0, 0] == [shell.run(*given, fleet).code for given in (["plan"], ["apply", "--dry-run"])]
    shell.write(fleet, LUNA.replace("Sí.", "No.") + SOL)
    planned = shell.run("plan", fleet, "--json")
    assert (3, "") == (planned.code, planned.err)
    assert {
        "differences": 1,
        "clients": [
            {
                "action": "change",
                "id": 1,
                "name": "Bar Luna",
                "phone_number_id": "1",
                "changes": [],
                "faqs": {
                    "added": [],
                    "removed": [],
                    "changed": [{"q": "¿Wifi?", "before": "Sí.", "after": "No."}],
                    "reordered": False,
                },
            }
        ],
    } == planned.json
    assert (3, planned.json) == (
        (dry := shell.run("apply", fleet, "--dry-run", "--json")).code,
        dry.json,
    )
    assert [1, 1] == [client["assistant_version"] for client in shell.list_clients()]


def test_the_output_of_apply_for_programs(shell: Shell, fleet: str) -> None:
    """The sums, and each client that was to change with what became of it."""
    shell.write(fleet, LUNA + SOL.replace("Bar Sol", "Bar Sol y Mar"))
    assert {
        "created": 0,
        "changed": 1,
        "activated": 0,
        "deactivated": 0,
        "unchanged": 1,
        "failed": 0,
        "not_tried": 0,
        "clients": [
            {
                "action": "change",
                "id": 2,
                "name": "Bar Sol y Mar",
                "phone_number_id": "2",
                "result": "done",
                "reason": None,
            }
        ],
    } == shell.must("apply", fleet, "--json").json


def test_pruning_deactivates_what_the_file_does_not_hold(shell: Shell, fleet: str) -> None:
    """Without --prune such clients are told of; with it they end, and come back with the file."""
    shell.write("less.toml", LUNA)
    assert "Bar Sol (client 2): not in the file" in shell.must("plan", "less.toml").out
    told = "Active, but not in the file: 1 client. --prune deactivates it."
    assert told in shell.must("apply", "less.toml").err
    assert 3 == shell.run("plan", "less.toml", "--prune").code
    assert_refused(shell.run("apply", "less.toml", "--prune"), 2, "--yes")
    assert 3 == shell.run("apply", "less.toml", "--prune", "--dry-run").code
    assert [True, True] == [client["active"] for client in shell.list_clients()]
    done = shell.must("apply", "less.toml", "--prune", "--yes")
    assert "1 deactivated, 1 unchanged." == last_line(done)
    assert "no differences" in shell.must("plan", "less.toml", "--prune").out
    assert "1 activated, 1 unchanged." == last_line(shell.must("apply", fleet))


@pytest.mark.parametrize(("answer", "active"), [("y", False), ("n", True)])
@pytest.mark.usefixtures("fleet")
def test_pruning_asks_on_a_terminal(shell: Shell, *, answer: str, active: bool) -> None:
    """It names whom it would end; only a clear yes lets anything happen."""
    shell.write("less.toml", LUNA.replace("Bar Luna", "Bar Luna Nueva"))
    with at_terminal(shell.folder, "apply", "less.toml", "--prune") as terminal:
        terminal.expect("Deactivate what is not in the file: Bar Sol? [y/N]")
        terminal.type(f"{answer}\n")
        assert (0 if answer == "y" else 1) == terminal.finish()
    clients = shell.list_clients()
    assert (active, active) == (clients[1]["active"], clients[0]["name"] == "Bar Luna")


def test_a_bad_file_is_refused_before_anything_is_changed(shell: Shell) -> None:
    """One line names file, entry and reason; good entries beside the bad one are not made."""
    shell.write("bad.toml", LUNA + SOL.replace('"+34666777999"', "5"))
    for command in ("plan", "apply"):
        refused = shell.run(command, "bad.toml")
        assert_refused(refused, 1, "bad.toml: entry 2 (Bar Sol): phone_number: must be text")
    assert [] == shell.list_clients()


def test_many_problems_are_listed(shell: Shell) -> None:
    """More than a line can name have a line each, once, quietly too."""
    shell.write("bad.toml", "x = 1\n" + LUNA + "a = 1\nb = 1\nc = 1\nd = 1")
    refused = shell.run("--quiet", "plan", "bad.toml")
    lines = refused.err.splitlines()
    assert (1, "", 6) == (refused.code, refused.out, len(lines))
    assert lines[1].startswith("bad.toml: entry 1 (Bar Luna): unknown key 'a'")
    assert 5 == len(set(lines[:-1]))
    assert "released: bad.toml has the faults listed above; nothing was changed." == lines[-1]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("nowhere.toml", "there is no file nowhere.toml"),
        ("/dev/null", "not a plain file"),
        ("empty", "the folder empty holds no *.json"),
    ],
)
def test_a_fleet_that_is_not_there_is_refused(shell: Shell, path: str, why: str) -> None:
    """The refusal names the path as it was given."""
    (shell.folder / "empty").mkdir()
    (shell.folder / "empty" / ".hidden.json").write_text("{")
    assert_refused(shell.run("apply", path), 1, why)


def test_too_large_a_file_is_refused(shell: Shell) -> None:
    """Twenty megabytes are more than any fleet has."""
    shell.write("big.toml", b"#" * (20 * 1024 * 1024 + 1))
    assert_refused(shell.run("plan", "big.toml"), 1, "big.toml is over 20 MB")


def with_file(key: str, path: str) -> str:
    text = LUNA if key != "faqs" else LUNA.partition("faqs")[0]
    return f"{text}\n{key} = {json.dumps(path)}"


@pytest.mark.parametrize(
    ("key", "path", "why"),
    [
        ("faqs", "nowhere.json", "FAQs: there is no file sub/nowhere.json"),
        ("faqs", "bad.json", "sub/bad.json: entry 1: the answer is missing"),
        ("faqs", "", "'' is no path of a file"),
        ("faqs", "a\0b", "'a\\x00b' is no path of a file"),
        ("faqs", ".", "FAQs: sub is not a plain file"),
        ("access_token_file", "nowhere", "Access token: there is no file sub/nowhere"),
        ("access_token_file", "empty", "Access token: empty is empty"),
    ],
)
def test_a_file_beside_the_fleet_that_will_not_do(
    shell: Shell, key: str, path: str, why: str
) -> None:
    """It is looked for in the fleet's folder, and refused with the entry that names it."""
    (shell.folder / "sub").mkdir()
    shell.write("sub/bad.json", '[{"q": "x"}]')
    shell.write("sub/empty", "\n")
    shell.write("sub/fleet.toml", with_file(key, path))
    assert_refused(shell.run("plan", "sub/fleet.toml"), 1, "entry 1 (Bar Luna): ", why)


def test_files_beside_the_fleet_are_read(shell: Shell) -> None:
    """FAQs as JSON or CSV and a token, from the fleet's folder; one FAQ file may serve many."""
    (shell.folder / "sub").mkdir()
    shell.write("sub/faqs.csv", "q,a\n¿Wifi?,Sí\n¿Perros?,No\n")
    shell.write("sub/token", "EAAsecret\n")
    luna = with_file("faqs", "faqs.csv") + '\naccess_token_file = "token"\n'
    shell.write("sub/fleet.toml", luna + luna.replace('id = "1"', 'id = "2"'))
    done = shell.must("apply", "sub/fleet.toml")
    assert "EAAsecret" not in done.out + done.err
    assert [(2, 12)] * 2 == [
        (client["faq_count"], len(client["access_token_digest"])) for client in shell.list_clients()
    ]
    assert "no differences" in shell.must("plan", "sub/fleet.toml").out


def test_a_fleet_comes_by_stdin(shell: Shell) -> None:
    """Then its files are looked for in the working directory; a file may be called `-`."""
    (shell.folder / "-").write_text("q,a\n¿Wifi?,Sí\n")
    text = with_file("faqs", "-").encode()
    assert "1 created." == last_line(shell.must("apply", "-", stdin=text))
    assert 0 == shell.run("plan", "-", stdin=text).code
    assert_refused(shell.run("plan", "-", stdin=b"x"), 1, "stdin: broken TOML")


def test_a_folder_of_seed_documents_is_a_fleet(shell: Shell) -> None:
    """Each *.json is a client as POST /clients takes it; other files are left alone."""
    (shell.folder / "seeds").mkdir()
    seed: dict[str, Any] = {
        "name": "Bar Luna",
        "phone_number": "+34666777888",
        "phone_number_id": "1",
        "faqs": [{"q": "¿Wifi?", "a": "Sí."}],
    }
    shell.write("seeds/luna.json", json.dumps(seed))
    shell.write("seeds/sol.json", json.dumps(seed | {"phone_number_id": "2"}))
    shell.write("seeds/README.md", "no client")
    assert "2 created." == last_line(shell.must("apply", "seeds"))
    assert "no differences" in shell.must("plan", "seeds").out
    shell.write("seeds/sol.json", json.dumps(seed | {"faqs": []}))
    assert_refused(shell.run("apply", "seeds"), 1, "seeds: sol.json: faqs: no entries")


def test_a_client_that_another_made_meanwhile_fails_alone(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest is made, the reason is told, and the exit code is 1."""
    from released_cli.local import LocalAdmin  # noqa: PLC0415 - the one whose view is put back

    shell.write("luna.toml", LUNA)
    shell.must("apply", "luna.toml")
    monkeypatch.setattr(LocalAdmin, "list_clients", lambda _: [])
    shell.write("fleet.toml", LUNA + SOL)
    done = shell.run("apply", "fleet.toml")
    assert (1, "") == (done.code, done.out)
    assert [
        "failed: Bar Luna (1): phone_number_id 1 belongs to client 1 (Bar Luna) already.",
        "1 created, 1 failed. Once the cause is mended, the same command does the rest.",
    ] == done.err.splitlines()
    quiet = shell.run("--quiet", "apply", "fleet.toml")
    assert (1, 2) == (quiet.code, len(quiet.err.splitlines()))


def test_an_interruption_says_what_stays(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends with 130 and how far it came; the next run does the rest."""
    from released_cli.local import LocalAdmin  # noqa: PLC0415 - the one that is interrupted

    add = LocalAdmin.add_client

    def interrupt(office: LocalAdmin, seed: Any, faqs: Any) -> Any:
        if seed["phone_number_id"] == "2":
            raise KeyboardInterrupt
        return add(office, seed, faqs)

    shell.write("fleet.toml", LUNA + SOL)
    with monkeypatch.context() as patch:
        patch.setattr(LocalAdmin, "add_client", interrupt)
        done = shell.run("apply", "fleet.toml")
    assert 130 == done.code
    assert "Interrupted after 1 of 2: what is done stays" in done.err
    assert "1 created, 1 unchanged." == last_line(shell.must("apply", "fleet.toml"))
