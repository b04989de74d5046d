"""`scripts/install.sh` under a prefix: it installs, upgrades, and goes back when that is not well.

The virtual environment is a stand-in that runs the release's own code with the tests' libraries;
systemctl is one that runs the units as plain processes.
"""

import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.doubles import fake_systemctl, stand_in_python
from tests.doubles.certificates import Authority
from tests.doubles.daemon_process import find_free_port, unmeasured

ROOT = Path(__file__).resolve().parents[2]
BASH = shutil.which("bash")
COPIED = ("daemon", "released_cli", "scripts", "systemd")
FILES = ("pyproject.toml", "requirements.lock", "README.md", "LICENSE", "faqs.example.json")

pytestmark = pytest.mark.skipif(BASH is None, reason="bash is not installed")


@dataclass(frozen=True, slots=True)
class Server:
    """A machine under a prefix, and the checkout that is installed on it."""

    prefix: Path
    checkout: Path
    systemd: Path
    environ: dict[str, str]
    port: int

    @property
    def state(self) -> Path:
        return self.prefix / "var/lib/released"

    @property
    def release(self) -> str:
        return str((self.prefix / "opt/released/current").readlink())

    def run(self, *arguments: str, **environ: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr."""
        return self.run_script(self.checkout / "scripts/install.sh", arguments, environ)

    def run_script(
        self, script: Path, arguments: Sequence[str], environ: dict[str, str], given: bytes = b""
    ) -> tuple[int, str, str]:
        """As `run`, with what is given on stdin."""
        done = subprocess.run(
            [str(BASH), str(script), *arguments],
            cwd=self.checkout,
            env=unmeasured() | self.environ | environ,
            input=given,
            capture_output=True,
            timeout=100,
            check=False,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def install(self, **environ: str) -> tuple[int, str, str]:
        return self.run("--root", str(self.prefix), **environ)

    def is_well(self) -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=10) as answer:
            return bool(answer.status == 200)

    def count_tokens(self) -> int:
        with sqlite3.connect(self.state / "released.db") as database:
            (count,) = database.execute("SELECT count(*) FROM tokens").fetchone()
        database.close()
        return int(count)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in COPIED:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, checkout / name, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, checkout / name)
    python = stand_in_python.write(tmp_path)
    prefix, systemd, port = tmp_path / "server", tmp_path / "systemd", find_free_port()
    environ = fake_systemctl.install(systemd, prefix / "etc/systemd/system") | {
        "PYTHON": str(python),
        "PORT": str(port),
        "META_APP_SECRET": "a-secret",
        "ANSWER_ENGINE": "local",
    }
    yield Server(prefix, checkout, systemd, environ, port)
    fake_systemctl.end_all(systemd)


def test_a_dry_run_tells_the_steps_and_does_none(server: Server) -> None:
    """Without root, and without a word of a secret."""
    code, out, err = server.run("--dry-run", "--root", str(server.prefix))
    assert (0, False) == (code, "is installed" in err)
    for step in ("-m venv", "--require-hashes", "released.env", "db upgrade", "restart released"):
        assert step in out
    assert "a-secret" not in out
    code, _, err = server.run("--dry-run", "--root", str(server.prefix), META_APP_SECRET="")
    assert (1, True) == (code, err.startswith("install: META_APP_SECRET is not set"))
    assert not server.prefix.exists()
    assert "useradd" in server.run("--dry-run")[1] or shutil.which("getent") is None


def test_an_installation_runs_and_an_upgrade_keeps_what_is_there(server: Server) -> None:
    """First a token, then a backup; the settings of the first run stand."""
    code, out, err = server.install()
    assert 0 == code, err
    assert "first" == json.loads(out)["name"]
    assert server.is_well()
    first = server.release
    secret = server.prefix / "etc/released/credentials/META_APP_SECRET"
    assert ("a-secret", 0o640) == (secret.read_text(), secret.stat().st_mode & 0o777)
    socket_unit = server.prefix / "etc/systemd/system/released.socket.d/address.conf"
    assert f"ListenStream=127.0.0.1:{server.port}\n" in socket_unit.read_text()

    assert "backed up" not in server.run("--dry-run", "--root", str(server.prefix))[2]
    code, out, err = server.install(META_APP_SECRET="another")
    assert (0, "") == (code, out), err
    assert first != server.release
    assert server.is_well()
    assert "a-secret" == secret.read_text()
    assert 1 == server.count_tokens()
    assert [f"before-{server.release}.db"] == [
        file.name for file in (server.state / "backups").iterdir()
    ]
    assert "restart released.service" == fake_systemctl.read_calls(server.systemd)[-1]


def test_an_upgrade_that_is_not_well_is_taken_back(server: Server) -> None:
    """The former release runs again, and what the new one made of the database is put aside.

    A timer that the former one does not know is switched off: it would fail every week.
    """
    assert 0 == server.install()[0]
    first = server.release
    (server.prefix / "opt/released" / first / "systemd/released-maintenance.timer").unlink()
    main = server.checkout / "daemon/main.py"
    main.write_text(main.read_text().replace("def main(", "def main_no_more("))
    upgrade = server.checkout / "daemon/core/store/upgrade.py"
    upgrade.write_text(upgrade.read_text() + BREAKS_THE_SCHEMA)
    code, _, err = server.install(HEALTH_S="2")
    assert 1 == code
    assert f"{first} is running again" in err
    assert first == server.release
    assert server.is_well()
    assert 1 == server.count_tokens()
    (failed,) = server.state.glob("failed-*.db")
    with sqlite3.connect(failed) as database:
        assert [("9",)] == database.execute("SELECT version_num FROM alembic_version").fetchall()
    database.close()
    assert not (server.state / "released.db.new").exists()
    calls = fake_systemctl.read_calls(server.systemd)
    # Nothing is acknowledged any more once the copy is made that is gone back to.
    assert 2 == calls.count("stop released.socket released.service")
    disabled = [one for one in fake_systemctl.read_calls(server.systemd) if "disable" in one]
    assert ["disable --quiet --now released-maintenance.timer"] == disabled


BREAKS_THE_SCHEMA = """
HEAD = "9"

_prepare = prepare


def prepare(database):
    upgraded = _prepare(database)
    database.write(lambda conn: conn.exec_driver_sql("UPDATE alembic_version SET version_num='9'"))
    return upgraded
"""


def build_wheel(server: Server) -> Path:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(server.systemd)],
        cwd=server.checkout,
        env=unmeasured(),
        capture_output=True,
        check=True,
    )
    (wheel,) = server.systemd.glob("*.whl")
    return wheel


def test_a_wheel_is_installed_and_upgrades_itself(server: Server, tmp_path: Path) -> None:
    """By the installer inside it; what it leaves on the server takes the next one on stdin.

    How it is, is asked over TLS where the daemon speaks that.
    """
    wheel = build_wheel(server)
    code, out, err = server.run("--root", str(server.prefix), "--wheel", str(wheel))
    assert 0 == code, err
    assert "first" == json.loads(out)["name"]
    assert server.is_well()
    first = server.release
    shutil.rmtree(server.checkout)
    server.checkout.mkdir()

    installed = server.prefix / "opt/released/current"
    assert (installed / "faqs.example.json").exists()
    assert not (installed / "released_cli/_deploy").exists()
    script = installed / "scripts/install.sh"
    assert os.access(script, os.X_OK)
    tls = Authority().write(tmp_path)
    with (server.prefix / "etc/released/released.env").open("a") as settings:
        settings.write(f"TLS_CERT_FILE={tls.certificate}\nTLS_KEY_FILE={tls.key}\n")
    options = ("--no-input", "--root", str(server.prefix), "--wheel", "-")
    code, out, err = server.run_script(script, options, {}, wheel.read_bytes())
    assert (0, "") == (code, out), err
    assert f"{server.release} is installed in the place of {first}" in err

    second = server.release
    code, _, err = server.run_script(script, options, {}, wheel.read_bytes()[:-100])
    assert (1, "install: this is no whole wheel: nothing was changed\n") == (code, err)
    assert second == server.release


def test_what_is_no_wheel_of_ours_is_refused(server: Server, tmp_path: Path) -> None:
    """Before anything is made on the machine."""
    stranger = tmp_path / "stranger.whl"
    with zipfile.ZipFile(stranger, "w") as opened:
        opened.writestr("stranger/__init__.py", "")
    code, _, err = server.run("--root", str(server.prefix), "--wheel", str(stranger))
    assert (1, True) == (code, "this wheel has no installer" in err)
    code, _, err = server.run("--root", str(server.prefix), "--wheel", "no.whl")
    assert (1, "install: there is no wheel no.whl\n") == (code, err)
    assert not server.prefix.exists()


def test_two_installations_at_once_are_refused(server: Server) -> None:
    """Each would take the other's release for the one to go back to."""
    if shutil.which("flock") is None:
        pytest.skip("flock is not installed")
    lock = server.prefix / "opt/released/.lock"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        code, _, err = server.install()
    assert (1, "install: another installation is under way\n") == (code, err)


def test_a_release_that_cannot_be_built_changes_nothing(server: Server) -> None:
    """The running one goes on."""
    assert 0 == server.install()[0]
    first = server.release
    code, _, err = server.install(PIP_FAILS="1")
    assert 1 == code
    assert "What was installed is untouched" in err
    assert first == server.release
    assert server.is_well()


def test_what_the_daemon_needs_is_asked_for_before_anything_is_built(server: Server) -> None:
    """Off a terminal a missing secret is one line, and the next run is a first one again."""
    code, out, err = server.install(META_APP_SECRET="")
    assert (1, "") == (code, out)
    assert "install: META_APP_SECRET is not set" in err
    assert not (server.prefix / "etc/released/released.env").exists()
    code, _, err = server.install(META_VERIFY_TOKEN="two words")
    assert 1 == code
    assert "META_VERIFY_TOKEN must be one word" in err
    code, _, err = server.install(PUBLIC_URL="bot.example.com")
    assert (1, True) == (code, err.startswith("install: PUBLIC_URL must be the https address"))
    assert not (server.prefix / "etc/released/released.env").exists()
    assert not (server.prefix / "opt/released/current").is_symlink()


def test_the_settings_of_the_shell_do_not_hide_those_of_the_file(server: Server) -> None:
    """What the daemon will have is what is tried; where it is refused, the way on is told."""
    refused = {"SYSTEMCTL": "", "RETENTION_DAYS": "a week"}
    assert 0 == server.install(**refused)[0], "the shell's are not asked"
    settings = server.prefix / "etc/released/released.env"
    settings.write_text(f"{settings.read_text()}RETENTION_DAYS=a week\n")
    former = server.release
    code, _, err = server.install(SYSTEMCTL="", RETENTION_DAYS="7", PORT="1")
    assert (1, former) == (code, server.release)
    assert f"PORT is another than was given: change it in {settings}" in err
    assert "RETENTION_DAYS" in err
    assert "was not: it is told above" in err
    assert "journalctl" not in err
