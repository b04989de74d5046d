"""`python -m daemon.probing`: asks the daemon on this machine how it is; the exit code tells.

For supervisors that can only run a program, such as Docker's HEALTHCHECK. Owns that one question;
what being well means is /health's to decide. Imports little, for it runs every half a minute.
"""

import argparse
import http.client
import json
import ssl
import sys
from pathlib import Path

from daemon.core.errors import ReleasedError
from daemon.core.settings import Settings, load_settings

ANSWER_S = 8.0
"""Seconds for the answer: more than /health gives the database, less than Docker gives us."""

REACHED_BY = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked up
"""By which address one who is here reaches a daemon that listens everywhere."""


def main(argv: list[str] | None = None) -> None:
    """Exit 0 when the daemon is well; else 1, with what is wrong on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m daemon.probing", description="Asks the daemon on this machine how it is."
    )
    parser.add_argument("--env-file", type=Path, help="as the daemon's own option")
    options = parser.parse_args(argv)
    try:
        fault = find_fault(load_settings(options.env_file))
    except ReleasedError as refused:
        fault = str(refused)
    if fault is not None:
        sys.exit(f"released-daemon: {fault}")


def find_fault(settings: Settings, *, timeout_s: float = ANSWER_S) -> str | None:
    """Ask /health where the settings say the daemon listens; None when all is well."""
    connection = _connect(settings, timeout_s)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as failed:
        return f"It does not answer on port {settings.port}: {failed or type(failed).__name__}."
    finally:
        connection.close()
    return None if answer.status == http.client.OK else _read_fault(answer.status, body)


def _connect(settings: Settings, timeout_s: float) -> http.client.HTTPConnection:
    host = REACHED_BY.get(settings.host, settings.host)
    if not settings.serves_tls:
        return http.client.HTTPConnection(host, settings.port, timeout=timeout_s)
    # The certificate is for the public name, and this is only about whether it answers.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, settings.port, timeout=timeout_s, context=context)


def _read_fault(status: int, body: bytes) -> str:
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"/health answers {status}."


if __name__ == "__main__":
    main()
