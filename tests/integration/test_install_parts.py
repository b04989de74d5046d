"""Parts of the installer by themselves: what it writes for systemd and for the operator."""

import subprocess
from pathlib import Path

import pytest

from tests.doubles.installer_parts import BASH, SCRIPTS, STAND_INS, cut_out, run_part

pytestmark = pytest.mark.skipif(BASH is None, reason="bash is not installed")


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
    code, said = run_part("socket_address", "host=bot.example.com port=80 where=' in /etc/x'")
    assert (1, True) == (code, "HOST in /etc/x must be an address" in said)


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


@pytest.mark.parametrize(
    ("file", "given", "said"),
    [
        (None, "PUBLIC_URL=bot.example.com", "PUBLIC_URL must be the https address"),
        (None, "PUBLIC_URL=http://bot.example.com", "PUBLIC_URL must be the https address"),
        (None, "PORT=http", "PORT must be a number"),
        (None, "PORT=65536", "PORT must be a number"),
        (None, "HOST=bot.example.com", "HOST must be an address"),
        (None, "PUBLIC_URL=https://bot.example.com HOST=[::1]", "at ::1 8080"),
        ("HOST='0.0.0.0'\nPORT=\"81\"\n", "HOST=::1 PORT=82", "at 0.0.0.0 81"),
        ("PORT=no\n", "", "PORT in FILE must be a number"),
        ("APP_ENV=prod\nPUBLIC_URL=x\n", "PUBLIC_URL=https://x", "PUBLIC_URL in FILE must be"),
        ("PUBLIC_URL=http://x\n", "", "at 127.0.0.1 8080"),
    ],
)
def test_what_the_daemon_would_refuse_is_refused_before_anything_is_built(
    tmp_path: Path, file: str | None, given: str, said: str
) -> None:
    """Whether it is given now or stands in the file, which alone counts when it is there."""
    settings = tmp_path / "released.env"
    if file is not None:
        settings.write_text(file)
    parts = f"{cut_out('value')}\n{cut_out('socket_address')}\nunset HOST PORT PUBLIC_URL\n"
    code, out = run_part("find_address", f"{parts}etc={tmp_path}\n{given}", 'echo "at $host $port"')
    assert (0 if said.startswith("at ") else 1) == code
    assert said in out.replace(str(settings), "FILE")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--nonsense",), "unknown option --nonsense"),
        (("--wheel",), "--wheel needs a FILE"),
        (("--root",), "--root needs a DIR"),
        (("--root", "it's"), "the path of --root must be without quotes, #, & and backslashes"),
    ],
)
def test_a_wrong_call_is_a_usage_error(words: tuple[str, ...], said: str) -> None:
    """Exit code 2 and one line."""
    done = subprocess.run(
        [str(BASH), str(SCRIPTS / "install.sh"), *words],
        capture_output=True,
        text=True,
        check=False,
    )
    expected = (2, "", f"install: {said}. See: scripts/install.sh --help\n")
    assert expected == (done.returncode, done.stdout, done.stderr)


def test_what_is_not_taken_is_told(tmp_path: Path) -> None:
    """Settings that are there are kept: nobody is to believe that another value was taken."""
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials/META_APP_SECRET").write_text("old-secret")
    (tmp_path / "credentials/META_VERIFY_TOKEN").write_text("same")
    (tmp_path / "released.env").write_text("PUBLIC_URL=https://a.example\nPORT=81\n")
    before = f"""{cut_out("value")}
say() {{ echo "$*"; }}
unset HOST
etc={tmp_path} SECRETS=(META_APP_SECRET META_VERIFY_TOKEN META_ACCESS_TOKEN)
PUBLIC_URL=https://b.example PORT=81
META_APP_SECRET=new-secret META_VERIFY_TOKEN=same META_ACCESS_TOKEN=x"""
    code, said = run_part("tell_kept", before)
    told = (
        "settings are kept, and {} is another than was given: change it in {}, then run this again"
    )
    assert (
        0,
        [
            told.format("PUBLIC_URL", tmp_path / "released.env"),
            told.format("META_APP_SECRET", tmp_path / "credentials/META_APP_SECRET"),
            told.format("META_ACCESS_TOKEN", tmp_path / "credentials/META_ACCESS_TOKEN"),
        ],
    ) == (code, said.splitlines())


def test_a_backup_that_cannot_be_put_back_leaves_the_database(tmp_path: Path) -> None:
    """Where the disk is full: with nothing in its place, the next start would make an empty one."""
    database, copy = tmp_path / "released.db", tmp_path / "before.db"
    database.write_text("new")
    copy.write_text("old")
    (tmp_path / "released.db-wal").write_text("log")
    before = f"""{cut_out("end_trial")}
say() {{ :; }}
control() {{ :; }}
in_database() {{ cat "$2"; }}
cp() {{ return 1; }}
trial=
state={tmp_path} copy={copy} release=0.2.0-20260401000000 former=0.1.0-20260301000000"""
    code, said = run_part("roll_back", before)
    assert (1, f"nothing runs now: there must be room to put {copy} back\n") == (code, said)
    assert "new" == database.read_text()
    assert "log" == (tmp_path / "released.db-wal").read_text()
    assert [] == list(tmp_path.glob("failed-*"))


def test_systemd_is_asked_as_root_and_the_database_as_the_daemons_user(tmp_path: Path) -> None:
    """The journal is for root; a database that root opens could get files of root's.

    Also where the path of --root has a space.
    """
    stand_in = tmp_path / "runuser"
    tmp_path = tmp_path / "my server"
    folders = " ".join(
        f"{name}='{tmp_path / name}'" for name in ("opt", "etc", "state", "units", "prefix")
    )
    (tmp_path / "prefix/usr/local/bin").mkdir(parents=True)
    (tmp_path / "units/released.socket.d").mkdir(parents=True)
    (tmp_path / "opt/current/venv/bin").mkdir(parents=True)
    (tmp_path / "release/systemd").mkdir(parents=True)
    unit = "released.service"
    (tmp_path / "release/systemd" / unit).write_text(
        (SCRIPTS.parent / "systemd" / unit).read_text()
    )
    program = tmp_path / "opt/current/venv/bin/released"
    program.write_text('#!/bin/sh\necho "$AS $*"\n')
    program.chmod(0o755)
    stand_in.write_text('#!/bin/sh\nAS=daemon exec "$@"\n')
    stand_in.chmod(0o755)
    setting = f"{folders} host=127.0.0.1 port=1 as_user='{stand_in} '\nshopt -s nullglob"
    parts = f"{STAND_INS}{cut_out('socket_address')}\n{cut_out('write_units')}\n{setting}"
    done = subprocess.run(
        [str(BASH), "-euc", f"{parts}\nwrite_units '{tmp_path / 'release'}'"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    assert (
        f'ExecStart="{tmp_path}/opt/current/venv/bin/released-daemon"'
        f' --env-file "{tmp_path}/etc/released.env"\n'
    ) in (tmp_path / "units" / unit).read_text()
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
