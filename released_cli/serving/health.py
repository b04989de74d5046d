"""Asks the daemon on this machine how it is: GET /health, without a token.

Owns where it is to be found. Ask only while it runs: a request to its socket would start it.
"""

import json
import re
from contextlib import closing

from released_cli.serving.judging import Health

PATIENCE_S = 7.0
"""Longer than the daemon takes to find out that its database cannot be written."""

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - read, not bound

_STREAM = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]+) \(Stream\)")


def find_address(listen: str, *, host: str, port: int) -> tuple[str, int]:
    """Read where a socket unit listens; without one, where the settings say."""
    found = _STREAM.search(listen)
    if found is not None:
        host, port = found.group(1) or found.group(2), int(found.group(3))
    return EVERYWHERE.get(host, host), port


def ask_health(host: str, port: int, *, tls: bool) -> Health:
    """Ask once; whatever goes wrong is a fault in words."""
    from http.client import HTTPConnection, HTTPException, HTTPSConnection

    if tls:
        import ssl

        # Its certificate names the public address, and this is a loopback one.
        context = ssl._create_unverified_context()  # noqa: S323, SLF001
        connection: HTTPConnection = HTTPSConnection(
            host, port, timeout=PATIENCE_S, context=context
        )
    else:
        connection = HTTPConnection(host, port, timeout=PATIENCE_S)
    try:
        with closing(connection):
            connection.request("GET", "/health")
            answer = connection.getresponse()
            return _read(answer.status, answer.read(65_536))
    except (OSError, HTTPException) as failed:
        reason = getattr(failed, "strerror", None) or type(failed).__name__
        return Health(f"nobody answers at {host}:{port} ({reason}).", None)


def _read(status: int, body: bytes) -> Health:
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return Health(f"no answer of a released-daemon (HTTP {status}).", None)
    version = document.get("version")
    if status == 200:  # noqa: PLR2004 - HTTP's own
        return Health(None, None if version is None else str(version))
    return Health(str(document.get("detail") or document.get("title") or f"HTTP {status}."), None)
