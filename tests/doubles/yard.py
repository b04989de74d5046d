"""A checkout in which `scripts/provision_client.sh` makes instances, with the tests' own programs.

Owns what the script finds on its PATH: no systemd and no Docker unless a test brings them.
"""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from tests.doubles.daemon_process import unmeasured
from tests.doubles.new_database import copy_new_database
from tests.doubles.warm_start import stand_in

ROOT = Path(__file__).resolve().parents[2]
BASH = shutil.which("bash")
NUMBER_ID = "1000123456789"


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


def lay_out(folder: Path, *, warm: bool = True) -> Yard:
    """Make a yard; its `setup.sh` has nothing to do, and `warm` programs need not start anew."""
    checkout = folder / "checkout"
    programs = checkout / ".venv/bin"
    programs.mkdir(parents=True)
    (checkout / "scripts").mkdir()
    for script in (ROOT / "scripts").glob("provision_*.sh"):
        shutil.copy(script, checkout / "scripts")
    shutil.copytree(ROOT / "deploy/instance", checkout / "deploy/instance")
    shutil.copy(ROOT / "faqs.example.json", checkout)
    (checkout / "scripts/setup.sh").write_text("exit 0\n")
    for name, module in (("released", "released_cli"), ("released-daemon", "daemon")):
        program = stand_in(module) if warm else f'"{sys.executable}" -m {module}'
        write_program(programs / name, f'PYTHONPATH="{ROOT}" exec {program} "$@"\n')
    bare = folder / "bare"
    bare.mkdir()
    write_program(bare / "systemctl", "echo offline\nexit 1\n")
    write_program(bare / "docker", "exit 1\n")
    path = f"{bare}:{os.environ['PATH']}"
    return Yard(checkout, {"SYSTEMD_UNITS": str(folder / "no units"), "PATH": path})


def pretend(yard: Yard) -> None:
    """Let plain programs be the daemon and the sandbox, for what the script does around them.

    The daemon is well at its port, and the sandbox at its own; every other command is the real
    one's, which finds an empty database at the schema of this code.
    """
    copy_new_database(yard.checkout / "new.db")
    programs = yard.checkout / ".venv/bin"
    (yard.checkout / "well.py").write_text(WELL)
    well = f'exec "{sys.executable}" -S "{yard.checkout}/well.py"'
    write_program(programs / "released-daemon", f"{well}\n")
    real = (programs / "released").read_text().partition("\n")[2]
    write_program(
        programs / "released",
        f'case "$*" in *" sandbox "*) {well} "$4" ;; esac\n'
        f'[ -e released.db ] || cp -p "{yard.checkout}/new.db" released.db\n{real}',
    )


WELL = """
import pathlib, re, socket, sys
own = re.search("^PORT='(.*)'$", pathlib.Path(".env").read_text(), re.M)[1]
port = sys.argv[1] if sys.argv[1:] else own
with socket.create_server(("127.0.0.1", int(port))) as server:
    while True:
        with server.accept()[0] as caller:
            if caller.recv(4096):
                caller.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n")
"""


def clear(yard: Yard) -> None:
    """End and remove every instance."""
    for home in (yard.checkout / "instances").glob("*"):
        yard.run("--remove", home.name, "--yes")


def write_program(file: Path, script: str) -> None:
    file.write_text(f"#!/bin/sh\n{script}")
    file.chmod(0o755)


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
