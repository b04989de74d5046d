"""A real Caddy on loopback with our Caddyfile, before an upstream that writes down what it gets.

Owns what is different from the server: a free port, no port 80, a certificate of Caddy's own
making, and files that go with the test.
"""

import http.server
import json
import re
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any

from tests.doubles.daemon_process import POLL_S, START_S, build_environment, find_free_port

CADDYFILE = Path(__file__).resolve().parents[2] / "deploy/caddy/Caddyfile"


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Keep silent about who hangs up: that is for the caller's side to show."""


class Upstream:
    """What stands where the daemon would: says `well` to all, and keeps the headers."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.seen: list[Message] = []
        self._server: socketserver.TCPServer | None = None

    def start(self) -> None:
        seen = self.seen

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append(self.headers)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"well")

            def do_POST(self) -> None:
                wanted = int(self.headers["Content-Length"])
                if len(self.rfile.read(wanted)) == wanted:
                    self.do_GET()

            def log_message(self, *_: Any) -> None:
                """Keep silent."""

        self._server = _Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(POLL_S,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


def _believe_anybody() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Caddy:
    """A running Caddy, and what is behind it."""

    port: int
    upstream: Upstream
    trust: ssl.SSLContext = field(default_factory=_believe_anybody)

    def ask(
        self,
        path: str,
        body: bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> Answer:
        url = f"https://localhost:{self.port}{path}"
        asked = urllib.request.Request(url, body, dict(headers or {}))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=trust or self.trust),
        )
        try:
            with opener.open(asked, timeout=START_S) as given:
                return Answer(given.status, dict(given.headers), given.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return Answer(refused.code, dict(refused.headers), refused.read())


@contextmanager
def running(folder: Path, caddyfile: str) -> Iterator[Caddy]:
    """Run Caddy with this file, and the upstream behind it, to the end of the block."""
    port, upstream = find_free_port(), Upstream(find_free_port())
    config = folder / "caddy.json"
    config.write_text(json.dumps(_confine(adapt(folder, caddyfile, upstream.port), port)))
    with (folder / "caddy.log").open("ab") as log:
        process = subprocess.Popen(
            [_find(), "run", "--config", str(config)],
            env=_environ(folder, upstream.port),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    upstream.start()
    try:
        _wait_until_open(port, process, folder / "caddy.log")
        yield Caddy(port, upstream)
    finally:
        upstream.stop()
        process.terminate()
        process.wait(timeout=START_S)


def adapt(folder: Path, caddyfile: str, upstream_port: int) -> dict[str, Any]:
    """Let Caddy read a Caddyfile, and give what it understood."""
    file = folder / "Caddyfile"
    file.write_text(caddyfile)
    asked = subprocess.run(
        [_find(), "adapt", "--config", str(file), "--adapter", "caddyfile"],
        env=_environ(folder, upstream_port),
        capture_output=True,
        text=True,
        check=False,
        timeout=START_S,
    )
    assert 0 == asked.returncode, asked.stderr
    read: dict[str, Any] = json.loads(asked.stdout)
    return read


def is_here() -> bool:
    return shutil.which("caddy") is not None


def read_version() -> tuple[int, ...]:
    said = subprocess.run([_find(), "version"], capture_output=True, text=True, check=True)
    return tuple(map(int, re.findall(r"\d+", said.stdout)[:3]))


def _find() -> str:
    return str(shutil.which("caddy"))


def _environ(folder: Path, upstream_port: int) -> dict[str, str]:
    ours = {"PUBLIC_HOST": "localhost", "DAEMON_ADDRESS": f"127.0.0.1:{upstream_port}"}
    return build_environment(ours) | {"HOME": str(folder), "XDG_DATA_HOME": str(folder)}


def _confine(config: dict[str, Any], port: int) -> dict[str, Any]:
    server = config["apps"]["http"]["servers"]["srv0"]
    server["listen"] = [f"127.0.0.1:{port}"]
    server["protocols"] = ["h1", "h2"]
    server["automatic_https"] = {"disable_redirects": True}
    config["admin"] = {"disabled": True}
    config["apps"]["pki"] = {"certificate_authorities": {"local": {"install_trust": False}}}
    return config


def _wait_until_open(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as plain:
                _believe_anybody().wrap_socket(plain, server_hostname="localhost").close()
                return
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(POLL_S)
