"""Addresses of both kinds, and which of them may be served in clear."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector, web

from daemon.core.errors import Misconfigured
from daemon.core.settings import Settings
from daemon.listening import Listening, open_sockets, refuse_clear, show_address
from daemon.main import _listen
from daemon.tls import ServerCertificate
from tests.doubles.certificates import Authority


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@contextmanager
def bound(host: str) -> Iterator[Listening]:
    with open_sockets(host, 0, environ={}, pid=1) as listening:
        yield listening


@needs_ipv6
def test_an_ipv6_address_is_shown_as_a_url_has_it() -> None:
    """In brackets, with the scheme that is spoken there."""
    with bound("::1") as listening:
        (sock,) = listening.sockets
        port = sock.getsockname()[1]
        assert f"http://[::1]:{port}" == show_address(sock)
        assert f"https://[::1]:{port}" == show_address(sock, tls=True)


@needs_ipv6
def test_everywhere_is_ipv4_too() -> None:
    """HOST=:: means every address of the machine, as an operator expects of it."""
    with bound("::") as listening:
        (sock,) = listening.sockets
        with socket.create_connection(("127.0.0.1", sock.getsockname()[1]), timeout=5):
            taken, (peer, *_) = sock.accept()
            taken.close()
        assert "::ffff:127.0.0.1" == peer


def test_an_address_that_is_not_ours_is_shown_whole() -> None:
    """Host and port can be told apart."""
    told = r"Cannot listen on \[2001:db8::1\]:0: "
    with pytest.raises(Misconfigured, match=told), bound("2001:db8::1"):
        pass


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_what_others_cannot_reach_may_be_in_clear(host: str) -> None:
    """This machine listens to itself."""
    with bound(host) as listening:
        refuse_clear(listening)


@pytest.mark.parametrize(("passed", "where"), [(False, "HOST"), (True, "released.socket")])
def test_what_others_can_reach_may_not(where: str, *, passed: bool) -> None:
    """One line that names the address, where it was given, and the three ways out."""
    with bound("0.0.0.0") as listening:
        given = Listening(listening.sockets, passed=passed)
        with pytest.raises(Misconfigured) as refused:
            refuse_clear(given)
        line = str(refused.value)
        shown = show_address(listening.sockets[0])
    assert 1 == len(line.splitlines())
    for word in (shown, where, "TRUSTED_PROXIES", "TLS_CERT_FILE and TLS_KEY_FILE"):
        assert word in line


async def test_a_passed_socket_speaks_tls(tmp_path: Path) -> None:
    """Whoever bound it: systemd may hold port 443 for a daemon that may not."""
    authority = Authority()
    files = authority.write(tmp_path)
    certificate = ServerCertificate(files)

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=request.scheme)

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    with socket.create_server(("127.0.0.1", 0)) as sock:
        passed = Listening((sock,), passed=True)
        (address,) = await _listen(runner, passed, certificate.context, "local")
        assert address.startswith("https://127.0.0.1:")
        async with ClientSession(connector=TCPConnector(ssl=authority.trust())) as http:
            assert "https" == await (await http.get(address)).text()
        await runner.cleanup()


def test_settings_know_no_socket() -> None:
    """HOST may be public in the settings of a daemon that systemd gives a private one."""
    settings = Settings(
        _env_file=None,
        app_env="prod",
        host="0.0.0.0",
        public_url="https://bot.example.com",
        meta_app_secret="s",
        meta_verify_token="v",
    )
    settings.require_for_daemon()
