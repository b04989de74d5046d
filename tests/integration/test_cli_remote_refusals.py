"""A daemon far away that is down, too old, not ours or in no mood: one line and what to do."""

from collections.abc import Iterator

import pytest

from tests.doubles.calling_kit import BROKEN_OFF, CLIENT, hurry, run_at
from tests.doubles.command_line import Shell, assert_refused
from tests.doubles.served import make_world, serve_world
from tests.doubles.stranger import Scripted, as_json, as_page, as_problem, meet

HEALTH = {"status": "ok", "version": "0.0.9", "inbox": {"pending": 0}}
KNOWN = as_json(HEALTH)


@pytest.fixture
def shell(shell: Shell) -> Shell:
    return hurry(shell)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_world(tmp_path_factory.mktemp("daemon")) as url:
        yield url


@pytest.mark.parametrize(
    "answer",
    [as_page(), as_page(404), as_json({"hello": 1}), as_json([{"id": 1}]), as_json([1]), KNOWN],
)
def test_not_ours(shell: Shell, answer: Scripted) -> None:
    """Pages and other programs' JSON are told from a daemon of Released."""
    with meet({"/clients": [answer], "/health": [as_page()]}) as stranger:
        assert_refused(run_at(shell, stranger), 1, "no daemon of Released", "address")


@pytest.mark.parametrize(
    "answer",
    [
        as_problem(404, "There is no such address here."),
        as_problem(405, "Method Not Allowed"),
        as_json([{"id": 1}]),
    ],
)
def test_too_old(shell: Shell, answer: Scripted) -> None:
    """A daemon of ours that lacks what is asked is told with both versions."""
    with meet({"/clients": [answer], "/health": [KNOWN]}) as stranger:
        result = run_at(shell, stranger)
    assert_refused(result, 1, "version 0.0.9", "this command is 0.1.0", "Upgrade")


def test_too_old_and_unwell(shell: Shell) -> None:
    """A daemon that is unwell is ours all the same; a health that breaks off says nothing."""
    gone = as_problem(404, "There is no such address here.")
    sick = as_problem(503, "The workers are down.")
    with meet({"/clients": [gone], "/health": [sick]}) as stranger:
        assert_refused(run_at(shell, stranger), 1, "another version")
    with meet({"/clients": [gone], "/health": [BROKEN_OFF]}) as stranger:
        assert_refused(run_at(shell, stranger), 1, "no daemon of Released")


def test_a_wrong_token(shell: Shell, daemon: str) -> None:
    """Wrong and expired tokens are refused with the two commands that help."""
    for token in ("rel_wrong", make_world().tokens["old"]):
        shell.set(RELEASED_TOKEN=token)
        result = run_at(shell, daemon)
        assert_refused(result, 1, "wrong, expired or revoked", f"released login {daemon}")
        assert token not in result.err


def test_a_reading_token(shell: Shell, daemon: str) -> None:
    """A token that may read reads, and is refused what changes anything."""
    shell.set(RELEASED_TOKEN=make_world().tokens["reader"])
    assert 0 == run_at(shell, daemon).code
    assert_refused(run_at(shell, daemon, "client", "activate", "3"), 1, "refuses this token")
    assert_refused(run_at(shell, daemon, "inbox", "drop", "1", "--yes"), 1, "write")


def test_another_clients_token(shell: Shell, daemon: str) -> None:
    """A token for one client sees that one; the others are not there, nor guessed at."""
    shell.set(RELEASED_TOKEN=make_world().tokens["sol"])
    listed = run_at(shell, daemon, "client", "list", "--json", "name")
    assert [{"name": "Bar Sol"}] == listed.json
    for ref in ("1", "Restaurante La Plaza", "Restaurante La Plasa"):
        result = run_at(shell, daemon, "client", "show", ref)
        assert_refused(result, 1, f"There is no client {ref!r}")
        assert "Did you mean" not in result.err
    assert_refused(run_at(shell, daemon, "token", "list"), 1, "refuses this token")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(shell: Shell, status: int) -> None:
    """The token goes nowhere else; the line says where that would have been."""
    with meet({"*": [as_page()]}) as other:
        moved = Scripted(status, b"", {"Location": f"{other.url}/clients"})
        with meet({"*": [moved]}) as stranger:
            assert_refused(run_at(shell, stranger), 1, f"{other.url}/clients", "--url")
        assert [] == other.asked


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_without_a_daemon(shell: Shell, status: int) -> None:
    """What stands before the daemon is told from the daemon."""
    with meet({"*": [as_page(status)]}) as stranger:
        assert_refused(run_at(shell, stranger), 1, str(status), "does not reach it")


def test_a_failure_over_there(shell: Shell) -> None:
    """A fault of the daemon's is called one."""
    with meet({"*": [as_problem(500, "The daemon's log says what went wrong.")]}) as stranger:
        assert_refused(run_at(shell, stranger), 1, "failed: The daemon's log")


def test_nesting_without_end(shell: Shell) -> None:
    """JSON that no reader can take is no daemon's."""
    deep = Scripted(200, b"[" * 200_000, {"Content-Type": "application/json"})
    with meet({"/clients": [deep]}) as stranger:
        assert_refused(run_at(shell, stranger), 1, "no daemon of Released")


def test_a_problem_that_is_none(shell: Shell) -> None:
    """Refusals in a shape that ours never have are a stranger's."""
    for body in (b"[]", b"<", b"{}"):
        odd = Scripted(422, body, {"Content-Type": "application/problem+json"})
        with meet({"/clients": [odd]}) as stranger:
            assert 1 == run_at(shell, stranger).code
    listed = as_json({"detail": "name: x", "errors": [1, {"field": "name", "reason": "x"}]})
    refused = Scripted(422, listed.body, {"Content-Type": "application/problem+json"})
    with meet({"/clients": [refused]}) as stranger:
        assert_refused(run_at(shell, stranger), 1, "name: x")


def test_a_hint_that_cannot_be_had(shell: Shell) -> None:
    """When the list for a guess fails, the refusal is what it was without one."""
    missing = as_problem(404, "There is no client 'x'. `released client list` shows them all.")
    with meet({"/clients": [missing, as_problem(500, "Broken.")]}) as stranger:
        result = run_at(shell, stranger, "client", "show", "x")
    assert_refused(result, 1, "There is no client 'x'. `released client list`")


def test_long_lists_come_in_pages(shell: Shell) -> None:
    """What is more than one answer holds is asked for until there is no more."""
    pages = [[CLIENT | {"id": number} for number in range(1, 1001)], [CLIENT | {"id": 1001}]]
    with meet({"/clients": [as_json(page) for page in pages]}) as stranger:
        done = run_at(shell, stranger, "client", "list", "--json", "id")
        paths = [asked.path for asked in stranger.asked]
    assert list(range(1, 1002)) == [client["id"] for client in done.json]
    assert ["/clients?limit=1000&after=0", "/clients?limit=1000&after=1000"] == paths
    message = {"client_id": 1, "state": "done"}
    newest = [message | {"id": number} for number in range(11, 1011)]
    older = [message | {"id": number} for number in range(1, 11)]
    with meet({"/inbox": [as_json(newest), as_json(older)]}) as stranger:
        done = run_at(shell, stranger, "inbox", "list", "--limit", "1010", "--json", "id")
        paths = [asked.path for asked in stranger.asked]
    assert list(range(1, 1011)) == [kept["id"] for kept in done.json]
    assert ["/inbox?limit=1000", "/inbox?before=11&limit=10"] == paths


def test_an_update_that_stops_halfway(shell: Shell) -> None:
    """Fields and FAQs are two calls: when the second fails, it is said that the first was done."""
    shell.write("faqs.json", '[{"q": "¿Wifi?", "a": "Sí."}]')
    answers = {
        "/clients": [as_json([CLIENT])],
        "/clients/7": [as_json(CLIENT)],
        "/clients/7/faqs": [as_problem(409, "No FAQs today.")],
    }
    given = ("client", "update", "7", "--name", "Nuevo", "--faqs", "faqs.json")
    with meet(answers) as stranger:
        halfway = run_at(shell, stranger, *given)
    assert_refused(halfway, 1, "No FAQs today.", "other fields are set already", "same command")
    with meet(answers) as stranger:
        faqs_alone = run_at(shell, stranger, *given[:3], *given[5:])
    assert_refused(faqs_alone, 1, "No FAQs today.")
    assert "already" not in faqs_alone.err
