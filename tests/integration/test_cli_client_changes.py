"""`released client update`, `deactivate`, `activate` and `resume`."""

import pytest

from daemon.core.clients import stop_client
from daemon.core.runtime import open_database
from daemon.core.settings import Settings
from tests.doubles.command_line import FAQS, Shell, assert_refused


@pytest.fixture
def shell(shell: Shell) -> Shell:
    shell.add("--welcome-message", "Hola")
    return shell


def show(shell: Shell) -> dict[str, object]:
    shown: dict[str, object] = shell.must("client", "show", "1", "--json").json
    return shown


def stop(code: int, *, access_token: str = "old") -> None:
    """Stop client 1 as the daemon does when Meta refuses its credential."""
    with open_database(Settings()) as database:
        database.write(
            lambda conn: stop_client(
                conn, 1, code=code, access_token=access_token, now=1_700_000_000.0
            )
        )


@pytest.mark.parametrize(
    ("option", "value", "key"),
    [
        ("--name", "El Faro", "name"),
        ("--phone-number", "+34600000001", "phone_number"),
        ("--phone-number-id", "99", "phone_number_id"),
        ("--welcome-message", "Buenas", "welcome_message"),
        ("--fallback-message", "Ni idea", "fallback_message"),
        ("--business-hours", "L-V: 9:00-22:00", "business_hours"),
        ("--timezone", "Atlantic/Canary", "timezone"),
        ("--locale", "ca", "locale"),
    ],
)
def test_update_sets_one_field(shell: Shell, option: str, value: str, key: str) -> None:
    """What is given is set and named; what is not given stays."""
    before = show(shell)
    done = shell.must("client", "update", "1", option, value, "--json")
    assert value == done.json[key]
    assert f"Changed: {key}." in done.err
    kept = before.keys() - {key, "updated_at", "assistant_version", "fallback_message"}
    assert {name: before[name] for name in kept} == {name: done.json[name] for name in kept}


def test_update_without_changes_says_so(shell: Shell) -> None:
    """No options, and options that say what is so already, change nothing and exit 0."""
    before = show(shell)
    for options in ((), ("--name", "La Plaza"), ("--faqs", str(FAQS))):
        done = shell.must("client", "update", "1", *options, "--json")
        assert "Nothing to change" in done.err
        assert before == done.json


def test_what_changes_nothing_prints_no_record(shell: Shell) -> None:
    """To a person one line says it all; a program has its document all the same."""
    shell.must("client", "deactivate", "1", "--yes")
    for command in (("update", "1"), ("deactivate", "1", "--yes")):
        assert "" == shell.must("client", *command).out


def test_new_faqs_make_a_new_version(shell: Shell) -> None:
    """Other FAQs are the next version under the same assistant id; the same ones are none."""
    before = show(shell)
    path = shell.write("faqs.csv", "q,a\nx,y\n")
    first = shell.must("client", "update", "1", "--faqs", path, "--json")
    again = shell.must("client", "update", "1", "--faqs", path, "--json")
    assert "Changed: faqs." in first.err
    assert (2, 1) == (first.json["assistant_version"], first.json["faq_count"])
    assert before["assistant_id"] == first.json["assistant_id"]
    assert first.json == again.json


def test_an_empty_text_clears(shell: Shell) -> None:
    """`--welcome-message ""` takes the text away; a name cannot be empty."""
    cleared = shell.must("client", "update", "1", "--welcome-message", "", "--json")
    assert cleared.json["welcome_message"] is None
    assert_refused(shell.run("client", "update", "1", "--name", ""), 1, "name: ")


def test_a_refused_field_changes_nothing(shell: Shell) -> None:
    """One bad value refuses the whole update, naming every bad field."""
    before = show(shell)
    bad = ("--phone-number", "5", "--timezone", "Nowhere/No")
    result = shell.run("client", "update", "1", "--name", "New", *bad)
    assert_refused(result, 1, "phone_number: ", "timezone: ")
    assert before == show(shell)


def test_a_taken_number_is_refused(shell: Shell) -> None:
    """A client cannot take another's phone_number_id."""
    shell.add(number_id="77", name="El Faro")
    result = shell.run("client", "update", "2", "--phone-number-id", "6312", "--name", "New")
    assert_refused(result, 1, "belongs to client 1 (La Plaza) already")
    assert "El Faro" == shell.list_clients()[1]["name"]


def test_deactivate_and_activate(shell: Shell) -> None:
    """Both print the client, and doing either again says so and exits 0."""
    off = shell.must("client", "deactivate", "La Plaza", "--yes", "--json")
    again = shell.must("client", "deactivate", "1", "-y", "--json")
    assert (False, "La Plaza is inactive.\n") == (off.json["active"], off.err)
    assert (off.json, "La Plaza is inactive already.\n") == (again.json, again.err)
    on = shell.must("client", "activate", "1")
    assert "active             yes\n" in on.out
    assert "La Plaza is active already." in shell.must("client", "activate", "1").err


def test_deactivate_needs_yes_off_a_terminal(shell: Shell) -> None:
    """Where nobody can be asked, `deactivate` without `--yes` is a usage error."""
    assert_refused(shell.run("client", "deactivate", "1"), 2, "--yes")
    assert True is show(shell)["active"]


@pytest.mark.parametrize("command", ["update", "activate", "resume", "deactivate"])
def test_every_change_refuses_an_unknown_ref(shell: Shell, command: str) -> None:
    """A REF that fits nothing is refused by every command that takes one."""
    more = ("--yes",) if command == "deactivate" else ()
    assert_refused(shell.run("client", command, "nobody", *more), 1, "no client 'nobody'")


def test_the_step_of_a_stopped_client_can_be_pasted(shell: Shell) -> None:
    """The client's id stands in it, and Meta's code once."""
    shell.must("client", "update", "1", "--access-token-file", "-", stdin=b"EAAown")
    stop(190, access_token="EAAown")
    shown = " ".join(shell.must("client", "show", "1").out.split())
    assert "released client update 1 --access-token-file" in shown
    assert 1 == shown.count("rror 190")
    assert " REF" not in shown


def test_show_says_why_a_client_is_stopped(shell: Shell) -> None:
    """A refused credential is told with its code, its time, and what to do."""
    stop(190)
    shown = shell.must("client", "show", "1")
    assert "since 2023-11-14T22:13:20Z, error 190" in shown.out
    assert "META_ACCESS_TOKEN" in shown.out
    assert "resume" not in shown.err
    stopped = shell.must("client", "show", "1", "--json").json["stopped"]
    assert (190, "2023-11-14T22:13:20Z") == (stopped["code"], stopped["since"])
    assert "stopped (190)" in shell.must("client", "list").out


def test_show_names_the_command_that_ends_a_stop(shell: Shell) -> None:
    """Where no new token ends it by itself, the operator does."""
    stop(131031)
    assert "released client resume 1" in shell.must("client", "show", "1").err


def test_resume_lets_a_client_go_on(shell: Shell) -> None:
    """`resume` ends the stop; on a client that is not stopped it says so and exits 0."""
    stop(131031)
    assert "Resumed" in shell.must("client", "resume", "1").err
    assert show(shell)["stopped"] is None
    again = shell.must("client", "resume", "1", "--json")
    assert (None, "It was not stopped.\n") == (again.json["stopped"], again.err)


def test_a_new_token_resumes_a_refused_credential(shell: Shell) -> None:
    """Storing a token ends a stop for a refused one, without being shown."""
    stop(190)
    done = shell.must("client", "update", "1", "--access-token-file", "-", "--json", stdin=b"EAAx")
    told = done.err.splitlines()[-1]
    assert (None, "Changed: access_token.") == (done.json["stopped"], told)


def test_faqs_come_back_as_they_are_given(shell: Shell) -> None:
    """What `client faqs --json` prints is what `--faqs` takes; people read it numbered."""
    entries = shell.must("client", "faqs", "La Plaza", "--json")
    again = shell.must("client", "update", "1", "--faqs", "-", stdin=entries.out.encode())
    assert "Nothing to change: it is so already.\n" == again.err
    told = shell.must("client", "faqs", "1").out.splitlines()
    first = entries.json[0]
    assert [f"F1   {first['q']}", f"     {first['a']}"] == told[:2]
    assert [first["q"]] == [
        entry["q"] for entry in shell.must("client", "faqs", "1", "--json", "q").json[:1]
    ]
