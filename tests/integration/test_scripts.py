"""The set-up scripts, tried with a stand-in interpreter in a copy of the checkout.

Owns what the scripts refuse, repeat and leave alone. No test here installs a package.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")
TOOLS = ("cat", "chmod", "cksum", "dirname", "grep", "ln", "mkdir", "mv", "readlink", "rm", "tail")
BASH = shutil.which("bash")

pytestmark = pytest.mark.skipif(BASH is None, reason="bash is not installed")

FAKE_PYTHON = """
# Claims to be Python $version, makes .venv out of itself and writes down each call.
version={version}
echo "$*" >>"{calls}"
case "$*" in
*_base_executable*) echo "$version $0" ;;
*'import ensurepip'*) exit {no_venv} ;;
*'-m venv'*)
    mkdir -p .venv/bin .venv/lib/python$version/site-packages/pip
    ln -s "$0" .venv/bin/python
    printf '#!{bash}\\nprintf "<%%s>" "$@"\\n' >.venv/bin/released
    chmod +x .venv/bin/released
    ;;
*'-m pip'*) {pip} ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A copy of the checkout, a PATH with the few tools the scripts need, and no network."""

    checkout: Path
    bin: Path
    calls: Path
    elsewhere: Path

    def add_program(self, name: str, text: str) -> Path:
        path = self.bin / name
        path.write_text(f"#!{BASH}\n{text}")
        path.chmod(0o755)
        return path

    def add_python(
        self, name: str = "python3", version: str = "3.11", *, venv: bool = True, pip: str = ":"
    ) -> Path:
        text = FAKE_PYTHON.format(
            bash=BASH, calls=self.calls, version=version, no_venv=int(not venv), pip=pip
        )
        return self.add_program(name, text)

    def start(self, script: str, *args: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(BASH), str(self.checkout / script), *args],
            cwd=self.elsewhere,
            env={"PATH": str(self.bin), **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str, *args: str, **env: str) -> tuple[int, str, list[str]]:
        """Exit code, stdout and the lines of stderr."""
        process = self.start(script, *args, **env)
        out, err = process.communicate(timeout=30)
        return process.returncode, out, err.splitlines()

    def taken_calls(self) -> list[str]:
        """Return what the interpreter was asked since the last look."""
        calls = self.calls.read_text().splitlines() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return calls


def count_venvs(calls: list[str]) -> int:
    return sum("-m venv" in call for call in calls)


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    checkout = tmp_path / "a check out"
    bin_dir = tmp_path / "bin"
    elsewhere = tmp_path / "elsewhere"
    for folder in (checkout, bin_dir, elsewhere):
        folder.mkdir()
    shutil.copytree(ROOT / "scripts", checkout / "scripts")
    for name in (*LOCKS, "pyproject.toml"):
        shutil.copy(ROOT / name, checkout / name)
    for tool in (*TOOLS, "tr", "flock"):
        if found := shutil.which(tool):
            (bin_dir / tool).symlink_to(found)
        elif tool != "flock":
            pytest.skip(f"{tool} is not installed")
    return Sandbox(checkout, bin_dir, tmp_path / "calls", elsewhere)


@pytest.mark.parametrize("script", ["scripts/setup.sh", "scripts/run_tests.sh", "scripts/demo.sh"])
def test_absent_python_is_named_in_one_line(sandbox: Sandbox, script: str) -> None:
    """Without any Python each script says in one line what to install."""
    code, out, err = sandbox.run(script)
    assert (code, out, len(err)) == (1, "", 1)
    assert "Python 3.11 or newer is needed, but there is no python3" in err[0]


def test_old_python_is_named_in_one_line(sandbox: Sandbox) -> None:
    """A Python before 3.11 is refused with its version, and makes no .venv."""
    sandbox.add_python(version="3.9")
    code, out, err = sandbox.run("scripts/run_tests.sh")
    assert (code, out, len(err)) == (1, "", 1)
    assert "Python 3.11 or newer is needed, but python3 is 3.9" in err[0]
    assert not (sandbox.checkout / ".venv").exists()


def test_newer_python_beside_an_old_one_is_found(sandbox: Sandbox) -> None:
    """An old python3 does not hide a python3.12 on the same PATH."""
    sandbox.add_python(version="3.9")
    sandbox.add_python("python3.12", "3.12")
    assert sandbox.run("scripts/setup.sh")[0] == 0
    assert (sandbox.checkout / ".venv/lib/python3.12").is_dir()


def test_the_interpreter_asked_for_is_the_only_one_tried(sandbox: Sandbox) -> None:
    """PYTHON decides alone, even when PATH has a better one."""
    sandbox.add_python()
    old = sandbox.add_python("older", "2.7")
    code, _, err = sandbox.run("scripts/setup.sh", PYTHON=str(old))
    assert (code, len(err)) == (1, 1)
    assert f"{old} is 2.7" in err[0]


def test_another_interpreter_asked_for_makes_the_venv_anew(sandbox: Sandbox) -> None:
    """PYTHON of another version replaces a .venv that was fit, of the same version keeps it."""
    sandbox.add_python()
    sandbox.add_python("python3.12", "3.12")
    sandbox.run("scripts/setup.sh")
    sandbox.taken_calls()
    sandbox.run("scripts/setup.sh", PYTHON="python3")
    assert count_venvs(sandbox.taken_calls()) == 0
    sandbox.run("scripts/setup.sh", PYTHON="python3.12")
    assert count_venvs(sandbox.taken_calls()) == 1


def test_missing_venv_module_is_named_in_one_line(sandbox: Sandbox) -> None:
    """A Python without its venv module, as on a bare Debian, is told which package to add."""
    sandbox.add_python(venv=False)
    code, out, err = sandbox.run("scripts/setup.sh")
    assert (code, out) == (1, "")
    assert "apt install python3-venv" in err[-1]


def test_failed_install_gives_its_last_words_and_is_tried_again(sandbox: Sandbox) -> None:
    """An install that fails says why and where the rest is, and leaves no stamp behind."""
    sandbox.add_python(pip="echo 'ERROR: no such pin'; echo 'a hint'; exit 1")
    code, out, err = sandbox.run("scripts/setup.sh")
    assert (code, out) == (1, "")
    assert "installing requirements-dev.lock failed: ERROR: no such pin" in err[-1]
    assert ".venv/set-up.log" in err[-1]
    sandbox.add_python()
    assert sandbox.run("scripts/setup.sh")[0] == 0


def test_packages_are_checked_against_the_lock(sandbox: Sandbox) -> None:
    """All that is fetched is hash-checked; the project itself is built with nothing fetched."""
    sandbox.add_python()
    sandbox.run("scripts/setup.sh", "plain")
    installs = [call for call in sandbox.taken_calls() if " install " in call]
    assert [
        "--require-hashes -r requirements.lock" in installs[0],
        "--no-deps --no-build-isolation -e ." in installs[1],
    ] == [True, True]


def test_second_run_starts_no_python(sandbox: Sandbox) -> None:
    """A .venv that is fit is left alone: no interpreter, no word."""
    sandbox.add_python()
    sandbox.run("scripts/setup.sh")
    sandbox.taken_calls()
    assert sandbox.run("scripts/setup.sh") == (0, "", [])
    assert sandbox.taken_calls() == []


def test_the_demo_leaves_a_development_venv_alone(sandbox: Sandbox) -> None:
    """The dev set serves as the plain one, and never the other way round."""
    sandbox.add_python()
    sandbox.run("scripts/setup.sh", "plain")
    sandbox.taken_calls()
    sandbox.run("scripts/setup.sh", "dev")
    assert "requirements-dev.lock" in " ".join(sandbox.taken_calls())
    sandbox.run("scripts/setup.sh", "plain")
    assert sandbox.taken_calls() == []


@pytest.mark.parametrize("name", [*LOCKS, "pyproject.toml"])
def test_a_changed_input_installs_into_the_same_venv(sandbox: Sandbox, name: str) -> None:
    """A new lock is installed over the old one, with the tools that were there kept."""
    sandbox.add_python()
    sandbox.run("scripts/setup.sh", "dev")
    sandbox.taken_calls()
    with (sandbox.checkout / name).open("a") as file:
        file.write("# changed\n")
    sandbox.run("scripts/setup.sh", "plain")
    calls = sandbox.taken_calls()
    assert "requirements-dev.lock" in " ".join(calls)
    assert count_venvs(calls) == 0


def test_interrupted_set_up_is_made_anew(sandbox: Sandbox) -> None:
    """A .venv without the stamp of a finished set-up is not trusted."""
    sandbox.add_python()
    half_made = sandbox.checkout / ".venv/bin"
    half_made.mkdir(parents=True)
    (half_made / "left-over").touch()
    assert sandbox.run("scripts/setup.sh")[0] == 0
    assert not (half_made / "left-over").exists()


def test_moved_checkout_is_set_up_again(sandbox: Sandbox, tmp_path: Path) -> None:
    """A .venv that came along with a copy of the checkout would run the old one's code."""
    sandbox.add_python()
    sandbox.run("scripts/setup.sh")
    sandbox.taken_calls()
    moved = sandbox.checkout.rename(tmp_path / "moved")
    assert Sandbox(moved, sandbox.bin, sandbox.calls, tmp_path).run("scripts/setup.sh")[0] == 0
    assert count_venvs(sandbox.taken_calls()) == 1


def test_vanished_interpreter_makes_the_venv_anew(sandbox: Sandbox) -> None:
    """A .venv whose Python was taken off the machine is replaced."""
    sandbox.add_python("python3.12", "3.12")
    sandbox.run("scripts/setup.sh")
    (sandbox.bin / "python3.12").unlink()
    sandbox.add_python()
    assert sandbox.run("scripts/setup.sh")[0] == 0
    assert (sandbox.checkout / ".venv/lib/python3.11").is_dir()


def test_two_at_once_set_up_one_venv(sandbox: Sandbox) -> None:
    """Of two runs at one time the second waits, and finds the work done."""
    if not (sandbox.bin / "flock").exists():
        pytest.skip("flock is not installed")
    sandbox.add_python()
    both = [sandbox.start("scripts/setup.sh") for _ in range(2)]
    for process in both:
        process.communicate(timeout=30)
    assert [process.returncode for process in both] == [0, 0]
    assert count_venvs(sandbox.taken_calls()) == 1


def test_a_failing_uv_leaves_the_work_to_pip(sandbox: Sandbox) -> None:
    """A uv that knows no way to the packages does not stop a pip that does."""
    sandbox.add_python()
    sandbox.add_program("uv", "exit 1")
    assert sandbox.run("scripts/setup.sh")[0] == 0
    assert [] != [call for call in sandbox.taken_calls() if "-m pip" in call]


def test_a_working_uv_does_all_of_the_work(sandbox: Sandbox) -> None:
    """With uv on PATH Python is only asked for its version."""
    sandbox.add_python()
    sandbox.add_program("uv", '[[ $1 == venv ]] || exit 0; python3 -m venv "${@: -1}"')
    assert sandbox.run("scripts/setup.sh")[0] == 0
    assert [call for call in sandbox.taken_calls() if "-m pip" in call] == []


def test_run_tests_passes_its_arguments_to_pytest(sandbox: Sandbox) -> None:
    """From any folder, through a path with spaces, pytest gets the arguments as they are."""
    sandbox.add_python()
    code, _, _ = sandbox.run("scripts/run_tests.sh", "-k", "inbox and not slow")
    assert code == 0
    assert sandbox.taken_calls()[-1] == "-m pytest -k inbox and not slow"


def test_demo_prints_the_reply_alone(sandbox: Sandbox) -> None:
    """On the very first run stdout holds what the demo prints and nothing of the set-up."""
    sandbox.add_python()
    code, out, _ = sandbox.run("scripts/demo.sh", "--ask", "¿Cuál es el menú?")
    assert (code, out) == (0, "<demo><--ask><¿Cuál es el menú?>")


@pytest.mark.parametrize("script", [*sorted((ROOT / "scripts").glob("*.sh")), ROOT / ".ci/run"])
def test_scripts_can_be_executed(script: Path) -> None:
    """Every script runs by its name; what is only sourced names no interpreter, and does not."""
    assert script.read_text(encoding="utf-8").startswith("#!") == os.access(script, os.X_OK)
