"""`released sandbox` as a process: serves, says where, and ends on Ctrl-C."""

import json
import signal
import socket
import urllib.request
from pathlib import Path

import pytest

from tests.doubles.command_line import (
    FAQS,
    LA_PLAZA,
    PROGRAM,
    Shell,
    assert_refused,
    clean_environment,
    run_quickly,
)
from tests.doubles.running import read_line, running

SECRET = {"META_APP_SECRET": "secret"}


def test_the_sandbox_serves_the_clients_of_the_database(tmp_path: Path) -> None:
    """It prints its address, knows the clients and their FAQs, and Ctrl-C ends it with 130."""
    run_quickly(tmp_path, "client", "add", *LA_PLAZA, "--faqs", str(FAQS))
    environment = clean_environment(HOST="0.0.0.0", PORT="9999", **SECRET)
    with running((*PROGRAM, "sandbox", "--port", "0"), tmp_path, environment) as process:
        url = read_line(process).removeprefix("Chat page: ")
        with urllib.request.urlopen(url) as page:
            assert "text/html" == page.headers.get_content_type()
        with urllib.request.urlopen(f"{url}v26.0/6312") as number:
            assert b"La Plaza" in number.read()
        for number_id, count in (("6312", 3), ("1", 0)):
            with urllib.request.urlopen(f"{url}chat/examples?phone_number_id={number_id}") as asked:
                assert count == len(json.load(asked)["examples"])
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert 130 == process.returncode
    assert "Webhooks go to http://127.0.0.1:9999/webhook" in said
    assert f"META_GRAPH_URL={url.rstrip('/')} released-daemon" in said
    assert "Traceback" not in said


def test_the_sandbox_needs_the_app_secret(shell: Shell) -> None:
    """Without the secret that the daemon checks, it names the setting and a value that will do."""
    assert_refused(shell.run("sandbox"), 1, "META_APP_SECRET is not set", "META_APP_SECRET=secret")


def test_a_port_in_use_is_refused(shell: Shell) -> None:
    """The line names the port."""
    shell.set(**SECRET)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_refused(shell.run("sandbox", "--port", port), 1, port, "--port")


@pytest.mark.parametrize("url", ["webhook", "ftp://127.0.0.1/x", ""])
def test_a_webhook_url_must_be_one(shell: Shell, url: str) -> None:
    """An address that cannot be posted to is refused before anything is served."""
    shell.set(**SECRET)
    result = shell.run("sandbox", "--port", "0", f"--webhook-url={url or 'http://'}")
    assert_refused(result, 1, "webhook URL")
