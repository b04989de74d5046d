"""Parts of the installer by themselves: what it writes for systemd and for the operator."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
SCRIPT = "".join(script.read_text() for script in sorted(SCRIPTS.glob("install*.sh")))
BASH = shutil.which("bash")

pytestmark = pytest.mark.skipif(BASH is None, reason="bash is not installed")

STAND_INS = """
fail() { echo "$*" >&2; exit 1; }
run() { :; }
put_file() { cat >"$1.new"; mv "$1.new" "$1"; }
"""


def run_part(name: str, before: str) -> tuple[int, str]:
    """Run one function of the script; give its exit code and all that it said."""
    done = subprocess.run(
        [str(BASH), "-euc", f"{STAND_INS}{cut_out(name)}\n{before}\n{name}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def cut_out(name: str) -> str:
    """Give a function of the installer as it stands there."""
    (found,) = re.findall(rf"^{name}\(\) \{{\n.*?^\}}$", SCRIPT, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "127.0.0.1:8080"),
        ("0.0.0.0", "0.0.0.0:8080"),
        ("localhost", "127.0.0.1:8080"),
        ("::", "[::]:8080"),
        ("2001:db8::1", "[2001:db8::1]:8080"),
    ],
)
def test_the_socket_has_an_address_that_systemd_reads(host: str, expected: str) -> None:
    """An IPv6 one in brackets, or its last part would be the port."""
    assert (0, expected) == run_part("socket_address", f"host={host} port=8080 etc=/etc/x")


def test_a_name_is_no_address() -> None:
    """Told before anything is changed: systemd would refuse the unit."""
    code, said = run_part("socket_address", "host=bot.example.com port=80 etc=/etc/x")
    assert (1, True) == (code, "HOST in /etc/x/released.env must be an address" in said)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("PORT=1", "PORT=1\nBACKUP_DIR=/state/backups\n"),
        ("PORT=1\n", "PORT=1\nBACKUP_DIR=/state/backups\n"),
        ("BACKUP_DIR=/mnt\n", "BACKUP_DIR=/mnt\n"),
    ],
)
def test_settings_of_an_earlier_version_learn_where_backups_are(
    tmp_path: Path, before: str, after: str
) -> None:
    """On a line of its own; one that is there stays."""
    file = tmp_path / "released.env"
    file.write_text(before)
    assert (0, "") == run_part("add_settings", f"etc={tmp_path} state=/state")
    assert after == file.read_text()


def test_a_backup_that_cannot_be_put_back_leaves_the_database(tmp_path: Path) -> None:
    """Where the disk is full: with nothing in its place, the next start would make an empty one."""
    database, copy = tmp_path / "released.db", tmp_path / "before.db"
    database.write_text("new")
    copy.write_text("old")
    (tmp_path / "released.db-wal").write_text("log")
    before = f"""
say() {{ :; }}
control() {{ :; }}
in_database() {{ cat "$2"; }}
cp() {{ return 1; }}
state={tmp_path} copy={copy} release=0.2.0-20260401000000 former=0.1.0-20260301000000"""
    code, said = run_part("roll_back", before)
    assert (1, f"nothing runs now: there must be room to put {copy} back\n") == (code, said)
    assert "new" == database.read_text()
    assert "log" == (tmp_path / "released.db-wal").read_text()
    assert [] == list(tmp_path.glob("failed-*"))


def test_systemd_is_asked_as_root_and_the_database_as_the_daemons_user(tmp_path: Path) -> None:
    """The journal is for root; a database that root opens could get files of root's."""
    folders = " ".join(
        f"{name}={tmp_path / name}" for name in ("opt", "etc", "state", "units", "prefix")
    )
    (tmp_path / "prefix/usr/local/bin").mkdir(parents=True)
    (tmp_path / "units/released.socket.d").mkdir(parents=True)
    (tmp_path / "opt/current/venv/bin").mkdir(parents=True)
    (tmp_path / "release/systemd").mkdir(parents=True)
    program = tmp_path / "opt/current/venv/bin/released"
    program.write_text('#!/bin/sh\necho "$AS $*"\n')
    program.chmod(0o755)
    stand_in = tmp_path / "runuser"
    stand_in.write_text('#!/bin/sh\nAS=daemon exec "$@"\n')
    stand_in.chmod(0o755)
    setting = f"{folders} host=127.0.0.1 port=1 as_user='{stand_in} '\nshopt -s nullglob"
    parts = f"{STAND_INS}{cut_out('socket_address')}\n{cut_out('write_units')}\n{setting}"
    done = subprocess.run(
        [str(BASH), "-euc", f"{parts}\nwrite_units {tmp_path / 'release'}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    wrapper = tmp_path / "prefix/usr/local/bin/released"
    for words, who in (
        ("status", "daemon"),
        ("service status", "daemon"),
        ("service logs -f", ""),
        ("service", ""),
        ("client add service x", "daemon"),
    ):
        said = subprocess.run(
            ["/bin/sh", str(wrapper), *words.split()], capture_output=True, text=True, check=True
        ).stdout
        assert f"{who} --env-file {tmp_path}/etc/released.env {words}\n" == said
