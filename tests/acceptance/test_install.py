"""`scripts/install.sh` under a prefix: it installs, upgrades, and goes back when that is not well.

The virtual environment is a stand-in that runs the release's own code with the tests' libraries;
systemctl is one that runs the units as plain processes.
"""

import json
import shutil
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.doubles import fake_systemctl
from tests.doubles.daemon_process import find_free_port, unmeasured

ROOT = Path(__file__).resolve().parents[2]
BASH = shutil.which("bash")
COPIED = ("daemon", "released_cli", "scripts", "systemd")
FILES = ("pyproject.toml", "requirements.lock", "README.md", "LICENSE", "faqs.example.json")

pytestmark = pytest.mark.skipif(BASH is None, reason="bash is not installed")

PYTHON = f"""#!/bin/sh
# Makes a venv out of itself, installs nothing, and is the tests' Python in all else.
case "$*" in
*"-m pip"*) exit "${{PIP_FAILS:-0}}" ;;
"-m venv "*)
    mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
    for program in released:released_cli released-daemon:daemon; do
        printf '#!/bin/sh\\nPYTHONPATH="%s/.." exec "{sys.executable}" -m %s "$@"\\n' \\
            "$3" "${{program#*:}}" >"$3/bin/${{program%:*}}"
        chmod +x "$3/bin/${{program%:*}}"
    done
    ;;
*) exec "{sys.executable}" "$@" ;;
esac
"""


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
        done = subprocess.run(
            [str(BASH), str(self.checkout / "scripts/install.sh"), *arguments],
            cwd=self.checkout,
            env=unmeasured() | self.environ | environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

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
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
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
    code, out, _ = server.run("--dry-run", "--root", str(server.prefix))
    assert 0 == code
    for step in ("-m venv", "--require-hashes", "released.env", "db upgrade", "restart released"):
        assert step in out
    assert "a-secret" not in out
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
    """The former release runs again, and what the new one made of the database is put aside."""
    assert 0 == server.install()[0]
    first = server.release
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
    assert 1 == len(list(server.state.glob("failed-*.db")))


BREAKS_THE_SCHEMA = """

_prepare = prepare


def prepare(database):
    upgraded = _prepare(database)
    database.write(lambda conn: conn.exec_driver_sql("UPDATE alembic_version SET version_num='9'"))
    return upgraded
"""


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
    assert 2 == server.run("--nonsense")[0]
