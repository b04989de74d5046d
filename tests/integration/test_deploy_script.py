"""`scripts/deploy.sh` with a stand-in for ssh: what goes to the server, and what is said of it."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BASH = shutil.which("bash")

pytestmark = pytest.mark.skipif(BASH is None, reason="bash is not installed")

SSH = """#!/bin/sh
# Writes down what it is given: options, key, known hosts and what comes on stdin.
printf '%s\\n' "$@" >"$SEEN/arguments"
for word in "$@"; do
    case $word in UserKnownHostsFile=*) cp -p "${word#*=}" "$SEEN/known_hosts" ;; esac
    if [ "$last" = -i ]; then cp -p "$word" "$SEEN/key"; fi
    last=$word
done
env >"$SEEN/environment"
cat >"$SEEN/stdin"
echo 'install: the server said this' >&2
exit "${SSH_CODE:-0}"
"""

SETUP = """#!/bin/sh
# Makes a Python that builds a wheel of two words.
env >"$SEEN/setup-environment"
mkdir -p "$(dirname "$0")/../.venv/bin"
cat >"$(dirname "$0")/../.venv/bin/python" <<'PYTHON'
#!/bin/sh
[ "$1 $2 $3 $4 $5 $6" = "-m hatchling build -t wheel -d" ] || exit 1
mkdir -p "$7" && printf 'built wheel' >"$7/released-9.whl"
exit "${BUILD_CODE:-0}"
PYTHON
chmod +x "$(dirname "$0")/../.venv/bin/python"
"""

GIVEN = {
    "DEPLOY_HOST": "bot.example.com",
    "DEPLOY_USER": "deploy",
    "DEPLOY_SSH_KEY": "-----BEGIN KEY-----\r\nprivate\r\n-----END KEY-----",
    "DEPLOY_KNOWN_HOSTS": "bot.example.com ssh-ed25519 AAAA",
}


@dataclass(frozen=True, slots=True)
class Desk:
    """A copy of the script beside a set-up of ours, and an ssh that reaches nobody."""

    folder: Path

    @property
    def wheel(self) -> Path:
        return self.folder / "released-1.whl"

    def read(self, name: str) -> str:
        return (self.folder / "seen" / name).read_text()

    def run(self, *arguments: str, **environ: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr."""
        scratch = self.folder / "scratch"
        scratch.mkdir(exist_ok=True)
        done = subprocess.run(
            [str(BASH), str(self.folder / "scripts/deploy.sh"), *arguments],
            env={
                "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
                "SEEN": str(self.folder / "seen"),
                "TMPDIR": str(scratch),
            }
            | environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert [] == list(scratch.iterdir()), "the key was left behind"
        return done.returncode, done.stdout, done.stderr

    def deploy(self, **environ: str) -> tuple[int, str, str]:
        return self.run("--wheel", str(self.wheel), **GIVEN | environ)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    for name in ("bin", "scripts", "seen"):
        (tmp_path / name).mkdir()
    shutil.copy(ROOT / "scripts/deploy.sh", tmp_path / "scripts/deploy.sh")
    for path, text in (("bin/ssh", SSH), ("scripts/setup.sh", SETUP)):
        (tmp_path / path).write_text(text)
        (tmp_path / path).chmod(0o755)
    desk = Desk(tmp_path)
    desk.wheel.write_text("given wheel")
    return desk


def test_the_wheel_goes_to_the_installer_on_the_server(desk: Desk) -> None:
    """By the one command that the user there may run, to a server that is known, with the key."""
    code, out, err = desk.deploy()
    assert (0, "") == (code, out), err
    arguments = desk.read("arguments").splitlines()
    command = "sudo -n /opt/released/current/scripts/install.sh --no-input --wheel -"
    assert ["-p", "22", "-l", "deploy", "--", "bot.example.com", command] == arguments[-7:]
    for option in ("BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes"):
        assert option in arguments
    assert "given wheel" == desk.read("stdin")
    assert "-----BEGIN KEY-----\nprivate\n-----END KEY-----\n" == desk.read("key")
    assert 0o600 == (desk.folder / "seen/key").stat().st_mode & 0o777
    assert "bot.example.com ssh-ed25519 AAAA\n" == desk.read("known_hosts")
    assert "deploy: bot.example.com runs released-1.whl\n" in err


def test_without_a_file_the_wheel_of_the_checkout_is_built(desk: Desk) -> None:
    """And what builds it does not see the key."""
    code, _, err = desk.run(**GIVEN)
    assert 0 == code, err
    assert "built wheel" == desk.read("stdin")
    assert "private" not in desk.read("setup-environment") + desk.read("environment")


def test_a_wheel_that_cannot_be_built_goes_nowhere(desk: Desk) -> None:
    """The server is not even asked."""
    code, _, err = desk.run(BUILD_CODE="1", **GIVEN)
    assert (1, "deploy: nothing was done: the wheel could not be built\n") == (code, err)
    assert not (desk.folder / "seen/arguments").exists()
    code, _, err = desk.run("--wheel", "/nowhere/at-all.whl", **GIVEN)
    assert (1, "deploy: nothing was done: there is no wheel /nowhere/at-all.whl\n") == (code, err)


def test_key_and_known_hosts_can_be_files(desk: Desk) -> None:
    """As on the operator's own machine; a file that is not there is named."""
    key = desk.folder / "id_ed25519"
    key.write_text("from a file\n")
    assert 0 == desk.deploy(DEPLOY_SSH_KEY=str(key), DEPLOY_PORT="2222")[0]
    assert "from a file\n" == desk.read("key")
    assert "2222" in desk.read("arguments").splitlines()
    code, _, err = desk.deploy(DEPLOY_KNOWN_HOSTS="/nowhere/known_hosts")
    named = "DEPLOY_KNOWN_HOSTS names a file that cannot be read: /nowhere/known_hosts"
    assert (1, f"deploy: {named}\n") == (code, err)


@pytest.mark.parametrize(
    ("ssh_code", "said"),
    [
        (1, "bot.example.com does not run released-1.whl: what it said stands above"),
        (127, "bot.example.com has no sudo"),
        (255, "no connection to bot.example.com, or it broke"),
    ],
)
def test_a_deployment_that_was_not_kept_fails(desk: Desk, ssh_code: int, said: str) -> None:
    """After the server's own words, with an annotation on GitHub and there alone."""
    code, out, err = desk.deploy(SSH_CODE=str(ssh_code))
    assert (1, "") == (code, out)
    assert "install: the server said this\n" in err
    assert f"deploy: {said}" in err
    assert (
        f"::error title=deploy::{said}"
        in desk.deploy(SSH_CODE=str(ssh_code), GITHUB_ACTIONS="true")[1]
    )


def test_what_is_missing_is_told_at_once(desk: Desk) -> None:
    """In one line, with nothing of what is there."""
    code, out, err = desk.run(DEPLOY_HOST="bot.example.com", DEPLOY_SSH_KEY="private")
    said = "nothing was done: DEPLOY_USER DEPLOY_KNOWN_HOSTS not set (scripts/deploy.sh --help)"
    assert (1, "", f"deploy: {said}\n") == (code, out, err)


@pytest.mark.parametrize(
    "given",
    [
        {"DEPLOY_HOST": "-oProxyCommand=id"},
        {"DEPLOY_HOST": "bot.example.com; id"},
        {"DEPLOY_USER": "-lroot"},
        {"DEPLOY_PORT": "ssh"},
    ],
)
def test_nothing_given_becomes_an_option_or_a_command(desk: Desk, given: dict[str, str]) -> None:
    """A host, a user and a port are what they say, or nothing is done."""
    code, _, err = desk.deploy(**given)
    (name,) = given
    assert 1 == code
    assert err.startswith(f"deploy: {name} must be ")
    assert not (desk.folder / "seen/arguments").exists()


def test_it_explains_itself(desk: Desk) -> None:
    """Help on stdout, a mistake on stderr."""
    assert (0, "") == desk.run("--help")[::2]
    code, out, err = desk.run("--nonsense")
    assert (2, "", True) == (code, out, err.startswith("Usage: scripts/deploy.sh"))
