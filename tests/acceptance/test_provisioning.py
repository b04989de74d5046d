"""`scripts/provision_client.sh` makes working instances on a bare machine; it ends only its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.doubles import fake_systemctl
from tests.doubles.daemon_process import unmeasured

ROOT = Path(__file__).resolve().parents[2]
BASH = shutil.which("bash")
NUMBER_ID = "1000123456789"

pytestmark = pytest.mark.skipif(BASH is None, reason="bash is not installed")


@dataclass(frozen=True, slots=True)
class Yard:
    """A checkout whose .venv is the tests' own, and the instances made from it."""

    checkout: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def demo(self) -> Path:
        return self.checkout / "instances/demo"

    def run(self, *arguments: str, **environ: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr."""
        done = subprocess.run(
            [str(BASH), str(self.checkout / "scripts/provision_client.sh"), *arguments],
            cwd=self.checkout,
            env=unmeasured() | self.environ | environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def read_setting(self, name: str) -> str:
        lines = (self.demo / ".env").read_text().splitlines()
        return next(line for line in lines if line.startswith(f"{name}=")).split("'")[1]

    def read_pid(self, part: str) -> int:
        return int((self.demo / f"{part}.pid").read_text().split()[0])


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    checkout = tmp_path / "checkout"
    programs = checkout / ".venv/bin"
    programs.mkdir(parents=True)
    (checkout / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/provision_client.sh", checkout / "scripts")
    shutil.copy(ROOT / "faqs.example.json", checkout)
    (checkout / "scripts/setup.sh").write_text("exit 0\n")
    for name, words in (
        ("python", ""),
        ("released", "-m released_cli"),
        ("released-daemon", "-m daemon"),
    ):
        (programs / name).write_text(
            f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" {words} "$@"\n'
        )
        (programs / name).chmod(0o755)
    opened = Yard(checkout, {"SYSTEMD_UNITS": str(tmp_path / "no units")} | no_systemd(tmp_path))
    yield opened
    for home in (checkout / "instances").glob("*"):
        opened.run("--remove", home.name, "--yes")


def no_systemd(folder: Path) -> dict[str, str]:
    """Put a systemctl first that says what it says in a container."""
    (folder / "none").mkdir()
    (folder / "none/systemctl").write_text("#!/bin/sh\necho offline\nexit 1\n")
    (folder / "none/systemctl").chmod(0o755)
    return {"PATH": f"{folder / 'none'}:{os.environ['PATH']}"}


def fetch(url: str, body: object = None) -> tuple[int, str]:
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=40) as answer:
        return answer.status, answer.read().decode()


def ask(yard: Yard, question: str) -> str:
    """Write as a customer through the sandbox, and wait for the bot's answer."""
    sandbox = f"http://127.0.0.1:{yard.read_setting('SANDBOX_PORT')}/chat/messages"
    wrote = {"phone_number_id": NUMBER_ID, "from": "34600111222", "text": question}
    assert 200 <= fetch(sandbox, wrote)[0] < 300
    query = f"phone_number_id={NUMBER_ID}&customer=34600111222&direction=out&wait=30"
    return fetch(f"{sandbox}?{query}")[1]


def test_a_bare_machine_gets_a_working_bot(yard: Yard) -> None:
    """No key, no account: a name and a number are enough, and its secrets are its own."""
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


def test_a_pid_that_is_somebody_elses_now_is_left_alone(yard: Yard) -> None:
    """After a reboot the number in the pid file may be anything's."""
    assert 0 == yard.run("demo", "+123456789")[0]
    pid_file = yard.demo / "daemon.pid"
    os.kill(yard.read_pid("daemon"), signal.SIGKILL)
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        pid_file.write_text(f"{stranger.pid}\n{pid_file.read_text().splitlines()[1]}\n")
        assert 0 == yard.run("--stop", "demo")[0]
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_bad_faqs_leave_nothing_behind(yard: Yard) -> None:
    """The same command works when the file is mended."""
    (yard.checkout / "mine.json").write_text('[{"q": "", "a": "x"}]')
    code, out, err = yard.run("demo", "+123456789", "--faqs", "mine.json")
    assert (1, "") == (code, out)
    assert "mine.json" in err
    assert not yard.demo.exists()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "NAME and PHONE"),
        (("demo",), "PHONE is needed"),
        (("../demo", "+123456789"), "is no NAME"),
        (("demo", "+123456789", "--colour", "red"), "unknown option --colour"),
        (("demo", "+123456789", "--faqs"), "--faqs needs a value"),
        (("--stop",), "--stop needs a NAME"),
        (("--remove", "../demo", "--yes"), "is no NAME"),
    ],
)
def test_a_wrong_call_is_a_usage_error(yard: Yard, arguments: tuple[str, ...], word: str) -> None:
    """Exit code 2, and nothing is made."""
    code, out, err = yard.run(*arguments)
    assert (2, "") == (code, out)
    assert word in err.splitlines()[0]
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
