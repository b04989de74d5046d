"""A machine under a prefix on which `scripts/install.sh` installs a copy of this checkout.

    with make_server(tmp_path) as server:
        code, out, err = server.install()

The virtual environment is a stand-in that runs the release's own code with the tests' libraries;
systemctl is one that runs the units as plain processes.
"""

import shutil
import sqlite3
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.doubles import fake_systemctl, stand_in_python
from tests.doubles.daemon_process import find_free_port, unmeasured
from tests.doubles.stage import sign

ROOT = Path(__file__).resolve().parents[2]
BASH = shutil.which("bash")
COPIED = ("daemon", "docs", "released_cli", "scripts", "systemd")
FILES = ("pyproject.toml", "requirements.lock", "README.md", "LICENSE", "faqs.example.json")
APP_SECRET = "a-secret"


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

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

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

    def add_to(self, source: str, code: str) -> None:
        """Let the release that is installed next have more at the end of a file."""
        file = self.checkout / source
        file.write_text(file.read_text() + code)

    def is_well(self) -> bool:
        with urllib.request.urlopen(f"{self.url}/health", timeout=10) as answer:
            return bool(answer.status == 200)

    def post(self, webhook: bytes) -> int:
        """Deliver a webhook as Meta does; give the status."""
        headers = {"X-Hub-Signature-256": sign(webhook, APP_SECRET)}
        asked = urllib.request.Request(f"{self.url}/webhook", webhook, headers)
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code

    def query(self, sql: str, *, file: str = "released.db") -> list[tuple[Any, ...]]:
        """Look into a database of its state."""
        with closing(sqlite3.connect(self.state / file)) as database:
            return database.execute(sql).fetchall()

    def count_tokens(self) -> int:
        ((count,),) = self.query("SELECT count(*) FROM tokens")
        return int(count)

    def read_log(self) -> str:
        """Read what its daemons said, the oldest first."""
        return (self.systemd / "released.service.log").read_text()


@contextmanager
def make_server(folder: Path, *, programs: str = stand_in_python.COLD) -> Iterator[Server]:
    """Make one in a folder; whatever was started there ends with it.

    `programs` are the words before a module of a release that run it.
    """
    checkout = folder / "checkout"
    checkout.mkdir()
    for name in COPIED:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, checkout / name, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, checkout / name)
    python = stand_in_python.write(folder, programs)
    prefix, systemd, port = folder / "server", folder / "systemd", find_free_port()
    environ = fake_systemctl.install(systemd, prefix / "etc/systemd/system") | {
        "PYTHON": str(python),
        "PORT": str(port),
        "META_APP_SECRET": APP_SECRET,
        "ANSWER_ENGINE": "local",
    }
    try:
        yield Server(prefix, checkout, systemd, environ, port)
    finally:
        fake_systemctl.end_all(systemd)
