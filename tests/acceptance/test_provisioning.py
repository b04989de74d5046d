"""`scripts/provision_client.sh` makes working instances on a bare machine; it ends only its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles import fake_systemctl
from tests.doubles.yard import (
    BASH,
    Yard,
    ask,
    clear,
    fetch,
    lay_out,
    pretend,
    write_program,
)

pytestmark = pytest.mark.skipif(BASH is None, reason="bash is not installed")


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    opened = lay_out(tmp_path)
    yield opened
    clear(opened)


@pytest.fixture
def cold_yard(tmp_path: Path) -> Iterator[Yard]:
    """Have programs that start as an operator's do."""
    opened = lay_out(tmp_path, warm=False)
    yield opened
    clear(opened)


@pytest.fixture
def quick_yard(yard: Yard) -> Yard:
    pretend(yard)
    return yard


def test_a_bare_machine_gets_a_working_bot(cold_yard: Yard) -> None:
    """No key, no account: a name and a number are enough, and its secrets are its own."""
    yard = cold_yard
    code, out, err = yard.run("demo", "+123456789")
    assert (0, "") == (code, err)
    assert "/webhook" in out
    assert yard.read_setting("META_VERIFY_TOKEN") in out
    assert "22:00" in ask(yard, "¿Cuál es el horario?")
    assert [] == [file for file in yard.demo.iterdir() if file.stat().st_mode & 0o077]

    pid = yard.read_pid("daemon")
    assert 0 == yard.run("demo", "+123456789")[0], "a second run finds all done"
    assert pid == yard.read_pid("daemon")
    assert f"demo\trunning\thttp://127.0.0.1:{yard.read_setting('PORT')}\n" == yard.run("--list")[1]

    assert 0 == yard.run("--stop", "demo")[0]
    assert "demo\tstopped" in yard.run("--list")[1]
    with pytest.raises(urllib.error.URLError):
        fetch(f"http://127.0.0.1:{yard.read_setting('PORT')}/health")

    assert 2 == yard.run("--remove", "demo")[0], "off a terminal a removal wants --yes"
    assert 0 == yard.run("--remove", "demo", "--yes")[0]
    assert not yard.demo.exists()


def test_a_port_that_another_has_is_refused(quick_yard: Yard) -> None:
    """A daemon that is well at that port is not ours: nothing is made, and nothing started."""
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = str(stranger.getsockname()[1])
        code, out, err = quick_yard.run("demo", "+123456789", "--port", port)
        assert (1, "", 1) == (code, out, err.count("\n"))
        assert f"Port {port} on 127.0.0.1 is in use" in err
        assert not quick_yard.demo.exists()

    assert 0 == quick_yard.run("demo", "+123456789")[0]
    assert 0 == quick_yard.run("--stop", "demo")[0]
    port = quick_yard.read_setting("PORT")
    code, _, err = quick_yard.run("other", "+123456789", "--port", port)
    assert (1, f"provision: port {port} is that of another instance; --list shows all\n") == (
        code,
        err,
    )

    settings = quick_yard.demo / ".env"
    written = settings.read_text()
    for name in ("PORT", "SANDBOX_PORT"):
        with socket.create_server(("127.0.0.1", 0)) as stranger:
            taken = stranger.getsockname()[1]
            ours = f"\n{name}='{quick_yard.read_setting(name)}'\n"
            settings.write_text(written.replace(ours, f"\n{name}='{taken}'\n"))
            code, out, err = quick_yard.run("demo", "+123456789")
            settings.write_text(written)
        assert (1, "") == (code, out)
        assert f"demo was not started: Port {taken} on 127.0.0.1 is in use" in err
        assert f"change {name} in {settings}" in err
        assert not (quick_yard.demo / "daemon.pid").exists()


def test_a_sandbox_that_ends_is_told(quick_yard: Yard) -> None:
    """Nobody is sent to a chat page that is not there."""
    released = quick_yard.checkout / ".venv/bin/released"
    rest = released.read_text().partition("\n")[2]
    write_program(released, f'case "$*" in *" sandbox "*) echo no room; exit 1 ;; esac\n{rest}')
    code, out, err = quick_yard.run("demo", "+123456789")
    assert (1, "", 1) == (code, out, err.count("\n"))
    assert "the sandbox of demo does not answer: no room" in err


def test_who_answers_must_be_ours(yard: Yard) -> None:
    """A daemon that ends beside one that answers in its place is not running."""
    write_program(
        yard.checkout / ".venv/bin/released-daemon", f"exec {sys.executable} -c '{STRANGER}'\n"
    )
    code, out, err = yard.run("demo", "+123456789")
    assert (1, "") == (code, out)
    assert "demo is not well: in use" in err
    os.kill(int((yard.demo / "stranger").read_text()), signal.SIGKILL)


STRANGER = """
import http.server, os, pathlib, re
port = re.search("^PORT=.(.*).$", pathlib.Path(".env").read_text(), re.M)[1]
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), None)
class Well(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
server.RequestHandlerClass = Well
child = os.fork()
if child:
    pathlib.Path("stranger").write_text(str(child))
    print("in use", flush=True)
    os._exit(1)
os.setsid()
server.serve_forever()
"""


def test_another_number_is_refused(quick_yard: Yard) -> None:
    """Customers write to the number that it has; how it is changed is told in one line."""
    assert 0 == quick_yard.run("demo", "+123456789")[0]
    for other in ("+999999999", "abc"):
        code, out, err = quick_yard.run("demo", other)
        assert (1, "", 1) == (code, out, err.count("\n"))
        assert f"demo has +123456789, not {other}. To change it: " in err
        assert "released --local client update 1000123456789 --phone-number NUMBER" in err
    code, _, err = quick_yard.run("demo", "+123456789", "--phone-number-id", "7")
    assert (1, True) == (code, "demo has the phone_number_id 1000123456789, not 7" in err)
    assert 0 == quick_yard.run("demo", "+123 456-789")[0]


def test_the_help_fits_a_terminal(yard: Yard) -> None:
    """80 columns, as every terminal has."""
    code, out, _ = yard.run("--help")
    assert (0, []) == (code, [line for line in out.splitlines() if len(line) > 80])


def test_where_no_instance_is_the_list_says_so(yard: Yard) -> None:
    """To the person who asks, and with the command that makes one; a program reads no lines."""
    code, out, err = yard.run("--list")
    assert (0, "") == (code, out)
    assert err.startswith(f"No instance in {yard.checkout}/instances yet. Make one: ")


def test_a_pid_that_is_somebody_elses_now_is_left_alone(quick_yard: Yard) -> None:
    """After a reboot the number in the pid file may be anything's."""
    assert 0 == quick_yard.run("demo", "+123456789")[0]
    pid_file = quick_yard.demo / "daemon.pid"
    os.kill(quick_yard.read_pid("daemon"), signal.SIGKILL)
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        pid_file.write_text(f"{stranger.pid}\n{pid_file.read_text().splitlines()[1]}\n")
        assert 0 == quick_yard.run("--stop", "demo")[0]
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_bad_faqs_leave_nothing_behind(yard: Yard) -> None:
    """The same command works when the file is mended; its options stand where one likes."""
    (yard.checkout / "mine.json").write_text('[{"q": "", "a": "x"}]')
    faqs, hours = ("--faqs", "mine.json"), ("--business-hours", "L-V: 9:00-22:00")
    for arguments in (
        ("demo", "+123456789", *faqs, *hours),
        (*faqs, *hours, "demo", "+123456789"),
        (*hours, "demo", *faqs, "+123456789"),
    ):
        code, out, err = yard.run(*arguments)
        assert (1, "") == (code, out)
        assert "mine.json" in err
        assert not yard.demo.exists()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "NAME and PHONE"),
        (("--port", "8080"), "NAME and PHONE"),
        (("demo",), "PHONE is needed"),
        (("--port", "8080", "demo"), "PHONE is needed"),
        (("demo", "+123456789", "--port", "8080", "more"), "'more' is too much"),
        (("../demo", "+123456789"), "is no NAME"),
        (("demo", "+123456789", "--colour", "red"), "unknown option --colour"),
        (("demo", "+123456789", "--faqs"), "--faqs needs a value"),
        (("--colour", "demo", "+123456789"), "unknown option --colour"),
        (("demo", "+123456789", "--port", "http"), "--port is a number"),
        (("demo", "+123456789", "--port", "65536"), "--port is a number"),
        (("demo", "+123456789", "--public-url", "http://x"), "must be an https address"),
        (("demo", "+123456789", "--public-url", "https:///x"), "must be an https address"),
        (("demo", "+123456789", "--runs-in", "cloud"), "--runs-in is systemd, docker or process"),
        (("--stop",), "--stop needs a NAME"),
        (("--remove", "../demo", "--yes"), "is no NAME"),
    ],
)
def test_a_wrong_call_is_a_usage_error(yard: Yard, arguments: tuple[str, ...], word: str) -> None:
    """Exit code 2 and one line, and nothing is made."""
    code, out, err = yard.run(*arguments)
    assert (2, "") == (code, out)
    assert word in err
    assert err.endswith(". See: scripts/provision_client.sh --help\n")
    assert 1 == err.count("\n")
    assert not (yard.checkout / "instances").exists()


def test_a_real_number_needs_what_meta_gave(yard: Yard) -> None:
    """With a token of Meta's no sandbox steps in for what is missing."""
    code, _, err = yard.run("demo", "+123456789", META_ACCESS_TOKEN="t", META_APP_SECRET="s")
    assert 2 == code
    assert "--phone-number-id is needed" in err
    code, _, err = yard.run("demo", "+123456789", "--phone-number-id", "1", META_ACCESS_TOKEN="t")
    assert 1 == code
    assert "META_APP_SECRET is not set" in err
    assert "no instance demo" in yard.run("--stop", "demo")[2]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make system units")
def test_where_systemd_runs_units_are_made(yard: Yard, tmp_path: Path) -> None:
    """They come back after a reboot, and go with the instance."""
    units = tmp_path / "units"
    units.mkdir()
    folder = tmp_path / "systemd"
    yard.environ.update(fake_systemctl.install(folder, units))
    try:
        assert (0, "") == yard.run("demo", "+123456789")[::2]
        made = ["released-demo-daemon.service", "released-demo-sandbox.service"]
        assert made == sorted(unit.name for unit in units.iterdir())
        assert "demo\trunning" in yard.run("--list")[1]
        if analyze := shutil.which("systemd-analyze"):
            said = subprocess.run(
                [analyze, "verify", *made], cwd=units, capture_output=True, text=True, check=False
            )
            assert ("", "") == (said.stdout, said.stderr)
        assert 0 == yard.run("--remove", "demo", "--yes")[0]
        assert [] == list(units.iterdir())
        assert [] == list(folder.glob("*.pid"))
    finally:
        fake_systemctl.end_all(folder)
