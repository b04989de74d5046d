"""The workflows of GitHub Actions: clean for their linters, and what no linter asks of them.

Owns `.github`. What the workflows run is tried by the tests of the scripts.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
NAMES = [path.stem for path in WORKFLOWS]


def run_linter(name: str, *arguments: str) -> tuple[int, str]:
    """Exit code and what it has to say; skip where the machine lacks it."""
    program = shutil.which(name, path=Path(sys.executable).parent) or shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed")
    done = subprocess.run(
        [program, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout


def read_workflow(name: str) -> dict[str, Any]:
    text = (ROOT / f".github/workflows/{name}.yml").read_text(encoding="utf-8")
    # YAML 1.1 reads the key `on` as a bool.
    read: dict[Any, Any] = yaml.safe_load(text)
    return {"on" if key is True else str(key): value for key, value in read.items()}


def list_steps(name: str) -> list[dict[str, Any]]:
    jobs = read_workflow(name)["jobs"].values()
    return [step for job in jobs for step in job.get("steps", ())]


def test_actionlint_is_content() -> None:
    """Every key, expression and shell line of the workflows is one that GitHub understands."""
    assert (0, "") == run_linter("actionlint", "-no-color", *map(str, WORKFLOWS))


def test_zizmor_is_content() -> None:
    """Not even its strictest reading finds a way in."""
    code, said = run_linter(
        "zizmor", "--offline", "--quiet", "--persona=auditor", "--strict-collection", ".github"
    )
    assert 0 == code, said


@pytest.mark.parametrize("name", NAMES)
def test_nothing_may_be_done_that_is_not_needed(name: str) -> None:
    """No permission but those of a job, and only one job writes: the one that publishes."""
    workflow = read_workflow(name)
    assert {} == workflow["permissions"]
    writing = {
        (job_name, right)
        for job_name, job in workflow["jobs"].items()
        for right, level in job["permissions"].items()
        if level != "read"
    }
    assert ({("image", "packages")} if name == "image" else set()) == writing


@pytest.mark.parametrize("name", NAMES)
def test_actions_are_pinned(name: str) -> None:
    """Each by the full hash of a commit, with its version beside it for those who read."""
    text = (ROOT / f".github/workflows/{name}.yml").read_text(encoding="utf-8")
    used = re.findall(r"uses: (.*)", text)
    assert used
    pinned = re.compile(
        r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\$/\.github/workflows/\w+\.yml"
    )
    assert [] == [line for line in used if not pinned.fullmatch(line)]


def test_one_action_has_one_version() -> None:
    """No workflow stays behind when another is brought up to date."""
    used = {step["uses"] for name in NAMES for step in list_steps(name) if "uses" in step}
    assert len(used) == len({action.partition("@")[0] for action in used})


@pytest.mark.parametrize("name", NAMES)
def test_every_job_ends(name: str) -> None:
    """A job that hangs is cut off; one that calls another workflow leaves that to it."""
    jobs = read_workflow(name)["jobs"].values()
    assert [] == [job for job in jobs if "uses" not in job and "timeout-minutes" not in job]


@pytest.mark.parametrize("name", NAMES)
def test_no_checkout_keeps_its_token(name: str) -> None:
    """What runs after it finds no credentials in .git."""
    taken = [step for step in list_steps(name) if step.get("uses", "").startswith("actions/check")]
    assert taken
    assert [False] * len(taken) == [step["with"]["persist-credentials"] for step in taken]


def test_the_checks_run_on_every_python_we_support() -> None:
    """The oldest in pyproject.toml and its successors, each by .ci/run with that interpreter."""
    job = read_workflow("tests")["jobs"]["checks"]
    assert ["3.11", "3.12", "3.13"] == job["strategy"]["matrix"]["python"]
    last = job["steps"][-1]
    assert ".ci/run" == last["run"]
    assert "${{ steps.python.outputs.python-path }}" == last["env"]["PYTHON"]


def test_an_image_comes_of_a_tag_that_names_its_version() -> None:
    """After the checks, tried first, with provenance and parts list; never without a registry."""
    workflow = read_workflow("image")
    assert {"push": {"tags": ["v*"]}} == workflow["on"]
    jobs = workflow["jobs"]
    assert ("version", "tests") == (jobs["tests"]["needs"], jobs["image"]["needs"])
    assert "vars.IMAGE_REGISTRY != ''" == jobs["image"]["if"]
    *_, trying, _, publishing = jobs["image"]["steps"]
    assert "scripts/try_image.sh released:tried" == trying["run"]
    published = publishing["with"]
    assert (True, "mode=max", True) == tuple(published[k] for k in ("push", "provenance", "sbom"))


@pytest.mark.parametrize(("tag", "code"), [("v1.2.3", 0), ("v1.2.4", 1), ("v1.2.3rc1", 1)])
def test_a_tag_must_be_the_version(tmp_path: Path, tag: str, code: int) -> None:
    """The comparison that the workflow makes, made here."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    (step,) = (step for step in list_steps("image") if step["name"] == "Compare them")
    done = subprocess.run(
        [bash, "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=tmp_path,
        env={"GITHUB_REF_NAME": tag, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    assert (code, code == 1) == (done.returncode, f"the tag is {tag}" in done.stdout)


def test_a_deployment_waits_for_the_checks_and_is_off_until_it_is_set_up() -> None:
    """Of main alone, one at a time, never cut off, and with the secrets in one step."""
    workflow = read_workflow("deploy")
    assert {"push": {"branches": ["main"]}} == workflow["on"]
    assert {"group": "deploy", "cancel-in-progress": False} == workflow["concurrency"]
    job = workflow["jobs"]["server"]
    assert ("tests", "production") == (job["needs"], job["environment"])
    assert "vars.DEPLOY_HOST != ''" == job["if"]
    secret = [step for step in job["steps"] if "secrets." in str(step)]
    assert ["scripts/deploy.sh"] == [step["run"] for step in secret]


def test_the_deployment_gives_what_the_script_asks_for() -> None:
    """Every DEPLOY_ variable that scripts/deploy.sh explains is handed to it."""
    explained = re.findall(
        r"^  (DEPLOY_\w+)", (ROOT / "scripts/deploy.sh").read_text(), re.MULTILINE
    )
    given = {
        key
        for step in list_steps("deploy")
        for key in step.get("env", {})
        if key.startswith("DEPLOY_")
    }
    assert set(explained) == given


def test_dependabot_looks_after_all_that_is_pinned() -> None:
    """Actions, Python packages and images, each once a week and not on the day they come out."""
    config = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text(encoding="utf-8"))
    kinds = {entry["package-ecosystem"] for entry in config["updates"]}
    assert {"github-actions", "pip", "docker", "docker-compose"} == kinds
    assert [7] * len(kinds) == [entry["cooldown"]["default-days"] for entry in config["updates"]]
