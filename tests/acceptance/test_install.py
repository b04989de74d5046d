"""`scripts/install.sh` under a prefix: it installs, upgrades, and takes back what is not well."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles import fake_systemctl, quick_customer, warm_start
from tests.doubles.certificates import Authority
from tests.doubles.daemon_process import POLL_S, START_S, unmeasured
from tests.doubles.installed_server import APP_SECRET, BASH, Server, make_server
from tests.doubles.stage import build_text_webhook, sign
from tests.doubles.stage_clients import onboard

pytestmark = pytest.mark.skipif(BASH is None, reason="bash is not installed")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with make_server(tmp_path, programs=warm_start.words()) as made:
        yield made


@pytest.fixture
def cold_server(tmp_path: Path) -> Iterator[Server]:
    """Have programs that start as an operator's do."""
    with make_server(tmp_path) as made:
        yield made


def test_a_dry_run_tells_the_steps_and_does_none(server: Server) -> None:
    """Without root, and without a word of a secret; none need be at hand before."""
    code, out, err = server.run("--dry-run", "--root", str(server.prefix))
    assert (0, False) == (code, "is installed" in err)
    for step in ("-m venv", "--require-hashes", "released.env", "db upgrade", "restart released"):
        assert step in out
    assert "a-secret" not in out
    bare = server.run("--dry-run", "--root", str(server.prefix), META_APP_SECRET="")
    assert (0, forget_release(out)) == (bare[0], forget_release(bare[1]))
    assert "META_APP_SECRET is not set" in bare[2]
    assert not server.prefix.exists()
    assert "useradd" in server.run("--dry-run")[1] or shutil.which("getent") is None


def forget_release(steps: str) -> str:
    """Leave out of the steps when they were told."""
    return re.sub(r"-\d{14}", "", steps)


def test_an_installation_needs_the_secret(server: Server) -> None:
    """It is refused before anything is built, where nobody can be asked."""
    code, out, err = server.install(META_APP_SECRET="")
    assert (1, "") == (code, out)
    assert err.startswith("install: META_APP_SECRET is not set")
    assert not (server.prefix / "opt/released/current").exists()


def test_an_installation_runs_and_an_upgrade_keeps_what_is_there(cold_server: Server) -> None:
    """First a token, then a backup; the settings of the first run stand.

    The upgrade changes the schema: it is on trial, and the trial ends when it is kept.
    """
    server = cold_server
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
    server.add_to("daemon/core/store/upgrade.py", CHANGES_THE_SCHEMA)
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
    assert [] == list(server.state.glob("*on-trial"))
    wait_for_log(server, '"trial ended"')
    assert 400 == server.post(b"signed, and no JSON")


def test_an_upgrade_that_is_not_well_is_taken_back(server: Server) -> None:
    """The former release runs again, and what the new one made of the database is put aside.

    A timer that the former one does not know is switched off: it would fail every week.
    """
    server.state.mkdir(parents=True)
    onboard(server.state / "released.db")
    assert 0 == server.install()[0]
    first = server.release
    (server.prefix / "opt/released" / first / "systemd/released-maintenance.timer").unlink()
    server.add_to("daemon/api/ops.py", IS_NEVER_WELL)
    server.add_to("daemon/core/store/upgrade.py", CHANGES_THE_SCHEMA)
    message = build_text_webhook("+1", customer="34600", wamid="w", kind="sticker")
    webhook = json.dumps(message).encode()
    customer = quick_customer.write(
        server.systemd,
        systemctl=server.environ["SYSTEMCTL"],
        url=server.url,
        webhook=webhook,
        signature=sign(webhook, APP_SECRET),
    )
    code, _, err = server.install(HEALTH_S="1", SYSTEMCTL=customer)
    assert 1 == code
    assert f"{first} is running again" in err
    assert first == server.release
    assert server.is_well()
    assert 1 == server.count_tokens()
    (failed,) = server.state.glob("failed-*.db")
    assert [("9",)] == server.query("SELECT version_num FROM alembic_version", file=failed.name)
    assert not (server.state / "released.db.new").exists()
    calls = fake_systemctl.read_calls(server.systemd)
    # Nothing is acknowledged any more once the copy is made that is gone back to.
    assert 2 == calls.count("stop released.socket released.service")
    disabled = [one for one in calls if "disable" in one]
    assert ["disable --quiet --now released-maintenance.timer"] == disabled
    assert ["503"] == quick_customer.read_answers(server.systemd)
    assert [] == server.query("SELECT wamid FROM inbox", file=failed.name)
    # Meta sends again, and is not refused any more.
    assert 200 == server.post(webhook)
    assert [("w",)] == server.query("SELECT wamid FROM inbox")
    assert [] == list(server.state.glob("*on-trial"))


IS_NEVER_WELL = """

async def health(request: web.Request) -> web.Response:
    \"\"\"Say no.\"\"\"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "Unwell.")
"""

CHANGES_THE_SCHEMA = """
HEAD = "9"

_prepare = prepare


def prepare(database):
    upgraded = _prepare(database)
    database.write(lambda conn: conn.exec_driver_sql("UPDATE alembic_version SET version_num='9'"))
    return upgraded
"""


def wait_for_log(server: Server, words: str) -> None:
    """Wait until its daemon has said something."""
    deadline = time.monotonic() + START_S
    while words not in server.read_log():
        assert time.monotonic() < deadline, server.read_log()
        time.sleep(POLL_S)


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
