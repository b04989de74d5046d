"""`python -m daemon.probing` says how the daemon is by its exit code, as Docker wants it."""

import http.server
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from daemon.core.settings import Settings
from daemon.probing import find_fault, main
from tests.doubles.certificates import Authority
from tests.doubles.daemon_process import find_free_port, run_quickly

WELL = b'{"status":"ok"}'
UNWELL = b'{"title":"Service Unavailable","detail":"The database cannot be written."}'


@contextmanager
def serve(status: int, body: bytes, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Answer /health so, on the port that is given."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == "/health"
            self.send_response(status if known else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Keep silent."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_port
        server.shutdown()


def make(port: int, **other: Any) -> Settings:
    return Settings(_env_file=None, port=port, **other)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_a_daemon_that_is_well(host: str) -> None:
    """One that listens everywhere is asked on this machine."""
    with serve(200, WELL) as port:
        assert find_fault(make(port, host=host)) is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (UNWELL, "The database cannot be written."),
        (b"<html>", "/health answers 503."),
        (b"[]", "/health answers 503."),
        (b"{}", "/health answers 503."),
    ],
)
def test_a_daemon_that_is_not(body: bytes, words: str) -> None:
    """Its own words are what `docker inspect` shows."""
    with serve(503, body) as port:
        assert words == find_fault(make(port))


def test_a_daemon_that_serves_tls(tmp_path: Path) -> None:
    """Its certificate is for the public name; here it only has to answer."""
    files = Authority().write(tmp_path, "bot.example.com")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(files.certificate, files.key)
    with serve(200, WELL, tls) as port:
        named = {"tls_cert_file": files.certificate, "tls_key_file": files.key}
        assert find_fault(make(port, **named)) is None
        assert f"does not answer on port {port}" in str(find_fault(make(port)))


def test_no_daemon_at_all() -> None:
    """Nobody listens, or what listens speaks something else."""
    port = find_free_port()
    assert f"It does not answer on port {port}: " in str(find_fault(make(port)))


def test_the_exit_code_tells(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Settings come from where the daemon has them; what they lack is said too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOST", raising=False)
    monkeypatch.delenv("PORT", raising=False)
    mine = tmp_path / "mine.env"
    with serve(200, WELL) as port:
        mine.write_text(f"PORT={port}\n")
        mine.chmod(0o600)
        main(["--env-file", str(mine)])
    with pytest.raises(SystemExit, match="released-daemon: It does not answer"):
        main(["--env-file", str(mine)])
    with pytest.raises(SystemExit, match="there is no such file"):
        main(["--env-file", str(tmp_path / "gone.env")])


async def test_it_is_a_program(tmp_path: Path) -> None:
    """Docker knows it by this name only."""
    asked = await run_quickly("daemon.probing", folder=tmp_path, settings={"PORT": "1"})
    assert (1, "") == (asked.code, asked.out)
    assert asked.err.startswith("released-daemon: It does not answer on port 1: ")
