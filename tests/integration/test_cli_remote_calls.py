"""How a call to a daemon far away travels: retries, budgets, broken lines, TLS, proxies."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.doubles.calling_kit import BROKEN_OFF, CLIENT, hurry, run_at
from tests.doubles.command_line import FAQS, LA_PLAZA, ROOT, Shell, assert_refused
from tests.doubles.served import make_world, serve_world
from tests.doubles.stranger import Scripted, as_json, as_problem, meet

SELF_SIGNED = ROOT / "tests" / "data" / "self_signed.pem"
"""A key that everybody knows and a certificate of it for 127.0.0.1, made for these tests."""


@pytest.fixture
def shell(shell: Shell) -> Shell:
    return hurry(shell)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_world(tmp_path_factory.mktemp("daemon")) as url:
        yield url


def test_nobody_listens(shell: Shell) -> None:
    """A daemon that is down is said to be, at once."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    result = run_at(shell, f"http://127.0.0.1:{port}")
    assert_refused(result, 1, f"Nothing answers at http://127.0.0.1:{port}", "released-daemon")


def test_a_name_that_is_none(shell: Shell) -> None:
    """A server that does not exist is told from one that is down."""
    assert_refused(run_at(shell, "https://nowhere.invalid"), 1, "nowhere.invalid cannot be found")


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_daemon_is_asked_again(shell: Shell, status: int) -> None:
    """Reading is tried again after the time that the daemon asks for."""
    busy = as_problem(status, "Too much.", Retry_After="0")
    with meet({"*": [busy, busy, as_json([])]}) as stranger:
        assert "[]\n" == run_at(shell, stranger, "client", "list", "--json").out
        assert 3 == len(stranger.asked)


@pytest.mark.parametrize("wait", ["3600", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_a_daemon_that_is_busy_for_long(shell: Shell, wait: str) -> None:
    """Nobody waits an hour for a prompt: the line says how long it would be."""
    with meet({"*": [as_problem(429, "Too many calls.", Retry_After=wait)]}) as stranger:
        result = run_at(shell, stranger)
        assert 1 == len(stranger.asked)
    assert_refused(result, 1, "Too many calls.", "Try again in ")


@pytest.mark.parametrize("wait", ["soon", ""])
def test_a_daemon_that_stays_busy(shell: Shell, wait: str) -> None:
    """After a few tries it is enough."""
    with meet({"*": [as_problem(503, "Busy.", Retry_After=wait)]}) as stranger:
        assert_refused(run_at(shell, stranger), 1, "Busy. Try again later.")
        assert 4 == len(stranger.asked)


@pytest.mark.parametrize("trouble", [as_problem(503, "Busy."), BROKEN_OFF])
def test_a_create_is_known_again(shell: Shell, trouble: Scripted) -> None:
    """What makes something goes out again under the same key, so that it is made once."""
    made = as_json(CLIENT, status=201)
    with meet({"/clients": [trouble, trouble, made]}) as stranger:
        result = run_at(shell, stranger, "client", "add", *LA_PLAZA, "--faqs", str(FAQS), "--json")
        keys = [asked.headers["Idempotency-Key"] for asked in stranger.asked]
    assert (0, 7) == (result.code, result.json["id"])
    assert (3, 1) == (len(keys), len(set(keys)))
    assert stranger.asked[0].body == stranger.asked[2].body


@pytest.mark.parametrize(
    ("trouble", "words"),
    [(as_problem(503, "Busy."), ["Busy."]), (BROKEN_OFF, ["broke off", "Look whether"])],
)
def test_what_must_not_happen_twice_is_sent_once(
    shell: Shell, trouble: Scripted, words: list[str]
) -> None:
    """A drop whose answer was lost may have happened: it is not sent again."""
    with meet({"/inbox/5": [trouble]}) as stranger:
        assert_refused(run_at(shell, stranger, "inbox", "drop", "5", "--yes"), 1, *words)
        assert 1 == len(stranger.asked)
        assert "Idempotency-Key" not in stranger.asked[0].headers


def test_what_was_not_begun_is_sent_again(shell: Shell) -> None:
    """429 says that nothing was done, whatever was asked."""
    done = as_json({"id": 5, "client_id": 1, "state": "ignored"})
    with meet({"/inbox/5": [as_problem(429, "Slow.", Retry_After="0"), done]}) as stranger:
        assert 0 == run_at(shell, stranger, "inbox", "drop", "5", "--yes").code
        assert 2 == len(stranger.asked)


def test_a_connection_that_breaks(shell: Shell) -> None:
    """Reading survives a lost connection; when every one is lost, the line says so."""
    with meet({"*": [BROKEN_OFF, as_json([])]}) as stranger:
        assert 0 == run_at(shell, stranger).code
    cut = as_json([], Content_Length="100")
    for broken in (BROKEN_OFF, cut):
        with meet({"*": [broken]}) as stranger:
            assert_refused(run_at(shell, stranger), 1, "broke off: the connection was lost")
            assert 4 == len(stranger.asked)


def test_a_slow_answer(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes the call and says nothing is left after the call's budget."""
    monkeypatch.setattr("released_cli.calling.CALL_BUDGET_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        result = run_at(shell, f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert_refused(result, 1, "does not answer in time", "released status")


def test_a_trickle(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that comes byte by byte has no more time than any other."""
    monkeypatch.setattr("released_cli.calling.CALL_BUDGET_S", 0.2)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n["
    with speak(head, b" ", every_s=0.05) as url:
        assert_refused(run_at(shell, url), 1, "does not answer in time")


def test_an_endless_answer(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """What never ends is not read for ever."""
    monkeypatch.setattr("released_cli.calling.ANSWER_LIMIT", 1000)
    with meet({"*": [as_json(["x" * 2000])]}) as stranger:
        assert_refused(run_at(shell, stranger), 1, "answers without end")


def test_no_http(shell: Shell) -> None:
    """Another protocol on the port is called that."""
    with speak(b"SSH-2.0-OpenSSH_9.9\r\n\r\n", b"", every_s=0) as url:
        assert_refused(run_at(shell, url), 1, "does not speak HTTP", "port")


def test_no_tls(shell: Shell) -> None:
    """TLS to a port that speaks http says so."""
    with meet({"*": [as_json([])]}) as stranger:
        url = stranger.url.replace("http:", "https:")
        assert_refused(run_at(shell, url), 1, "speaks no TLS")


def test_a_certificate_that_nobody_vouches_for(shell: Shell) -> None:
    """Nothing is sent over a connection that may be anybody's; SSL_CERT_FILE can vouch for it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SELF_SIGNED)
    with meet({"*": [as_json([])]}, context=context) as stranger:
        result = run_at(shell, stranger)
        assert_refused(result, 1, "certificate", "self-signed", "SSL_CERT_FILE")
        assert [] == stranger.asked
        shell.set(SSL_CERT_FILE=str(SELF_SIGNED))
        assert 0 == run_at(shell, stranger).code


def test_an_error_of_the_network(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system says of a network without a way is passed on."""

    def fail(*_: object, **__: object) -> socket.socket:
        raise OSError(113, "No route to host")

    monkeypatch.setattr(socket, "create_connection", fail)
    assert_refused(run_at(shell, "http://127.0.0.1:1"), 1, "cannot be reached: No route to host")


def test_a_proxy_is_not_asked_about_this_machine(shell: Shell, daemon: str) -> None:
    """A proxy in the environment has no part in a call to loopback."""
    shell.set(http_proxy="http://127.0.0.1:9", RELEASED_TOKEN=make_world().tokens["operator"])
    assert 0 == run_at(shell, daemon).code


@contextmanager
def speak(head: bytes, drop: bytes, *, every_s: float) -> Iterator[str]:
    """Say something to whoever connects, then a drop every so often until they leave."""
    ended = threading.Event()

    def answer(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(head)
            while drop and not ended.wait(every_s):
                try:
                    connection.sendall(drop)
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer, args=(server,))
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        ended.set()
        thread.join()
