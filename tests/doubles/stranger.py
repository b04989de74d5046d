"""A server on loopback that answers whatever a test wants, and remembers what it was asked."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Scripted:
    """One answer; without a status the connection is cut off instead."""

    status: int | None = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """One call."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Stranger:
    """Gives the answers of a path (or of `*`) in order, the last one for ever."""

    url: str
    answers: dict[str, list[Scripted]]
    asked: list[Asked] = field(default_factory=list)

    def find(self, path: str) -> Scripted:
        left = self.answers.get(path.partition("?")[0]) or self.answers.get("*")
        if left is None:
            return as_json({"title": "Not Found"}, status=404)
        return left.pop(0) if len(left) > 1 else left[0]


def as_json(body: Any, *, status: int = 200, **headers: str) -> Scripted:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Scripted(status, json.dumps(body).encode(), {"Content-Type": "application/json"} | named)


def as_problem(status: int, detail: str, **headers: str) -> Scripted:
    body = {"type": "about:blank", "title": "x", "status": status, "detail": detail}
    return as_json(body, status=status, **({"Content_Type": PROBLEM} | headers))


def as_page(status: int = 200) -> Scripted:
    return Scripted(status, b"<html>Welcome</html>", {"Content-Type": "text/html"})


@contextmanager
def meet(
    answers: dict[str, list[Scripted]], *, context: ssl.SSLContext | None = None
) -> Iterator[Stranger]:
    stranger = Stranger("", answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            stranger.asked.append(Asked(self.command, self.path, dict(self.headers), body))
            scripted = stranger.find(self.path)
            if scripted.status is None:
                self.close_connection = True
                with suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(scripted.status)
            for name, text in scripted.headers.items():
                self.send_header(name, text)
            if "Content-Length" not in scripted.headers:
                self.send_header("Content-Length", str(len(scripted.body)))
            self.end_headers()
            self.wfile.write(scripted.body)
            self.close_connection = True

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - theirs

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - theirs
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "http" if context is None else "https"
    stranger.url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stranger
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
