"""A daemon's admin API as far as the commands that watch ask it: documents put there by a test."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Desk:
    """Answers GET by path with `documents`, while it is open; `asked` holds paths and queries.

    A list of documents behind an asterisk is given one by one, the last one for ever.
    """

    def __init__(self, documents: dict[str, Any]) -> None:
        self.documents = documents
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.port = 0
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Listen where it listened before, if it did."""
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                desk.asked.append((parts.path, query))
                body = json.dumps(desk.find(parts.path)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Let nobody in any more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def find(self, path: str) -> Any:
        queue = self.documents.get(f"{path}*")
        if queue is None:
            return self.documents[path]
        return queue.pop(0) if len(queue) > 1 else queue[0]


@contextmanager
def open_desk(documents: dict[str, Any]) -> Iterator[Desk]:
    """Open a desk, and close it in the end."""
    desk = Desk(documents)
    desk.open()
    try:
        yield desk
    finally:
        desk.close()
