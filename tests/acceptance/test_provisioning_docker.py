"""Where Docker runs and systemd does not, `scripts/provision_client.sh` makes containers."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles import fake_docker, warm_start
from tests.doubles.yard import BASH, Yard, ask, clear, lay_out, write_program

pytestmark = pytest.mark.skipif(BASH is None, reason="bash is not installed")

ROOTLESS = "linux Debian GNU/Linux 12 [name=seccomp,profile=builtin name=rootless]"
SHIFTED = "linux Debian GNU/Linux 12 [name=seccomp,profile=builtin name=userns]"
DESKTOP = "linux Docker Desktop [name=seccomp,profile=unconfined]"
OWN_FAQS = '[{"q": "¿Cuál es el horario?", "a": "De 7 a 8."}]'


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """Name the folder of the docker that `yard` has."""
    return tmp_path / "docker"


@pytest.fixture
def yard(tmp_path: Path, engine: Path) -> Iterator[Yard]:
    opened = lay_out(tmp_path)
    docker = fake_docker.install(engine, warm_start.words())
    write_program(engine / "systemctl", "echo offline\nexit 1\n")
    opened.environ.update(docker)
    yield opened
    clear(opened)
    fake_docker.end_all(engine)


def find_verbs(engine: Path) -> list[str]:
    """Name what the engine was made to do, without the questions."""
    done = []
    for call in fake_docker.read_calls(engine):
        words = call.split(" --progress quiet ")[-1].split()
        if words[0] in {"build", "pull", "run", "up", "down"}:
            done.append(words[0])
    return done


def test_a_machine_with_docker_gets_a_working_bot_in_it(yard: Yard, engine: Path) -> None:
    """Nothing is set up on the machine itself, and what was kept outlives the containers."""
    (yard.checkout / "mine.json").write_text(OWN_FAQS)
    (yard.checkout / "scripts/setup.sh").write_text("exit 9\n")
    code, out, err = yard.run("demo", "+123456789", "--faqs", "mine.json")
    assert (0, "provision: building the image released:local") == (code, err.partition(" (")[0])
    assert yard.read_setting("META_VERIFY_TOKEN") in out
    assert "De 7 a 8." in ask(yard, "¿Cuál es el horario?")
    assert ["build", "run", "run", "up"] == find_verbs(engine)
    code, _, err = yard.run("demo", "+999999999")
    assert (1, True) == (code, "demo has +123456789, not +999999999" in err)
    assert "docker exec released-demo-daemon-1 released client update 1000123456789" in err
    assert [] == [file for file in yard.demo.iterdir() if file.stat().st_mode & 0o077]
    owner = 10001 if os.geteuid() == 0 else os.geteuid()
    assert owner == (yard.demo / ".env").stat().st_uid
    assert f"demo\trunning\thttp://127.0.0.1:{yard.read_setting('PORT')}\n" == yard.run("--list")[1]

    assert 0 == yard.run("--stop", "demo")[0]
    assert "demo\tstopped" in yard.run("--list")[1]
    assert (yard.demo / "released.db").exists()

    with (yard.demo / ".env").open("a") as settings:
        settings.write("META_APP_SECRET=''\n")
    code, out, err = yard.run("demo", "+123456789")
    assert (1, "") == (code, out)
    assert "demo is not well: released-daemon: META_APP_SECRET is not set" in err

    assert 0 == yard.run("--remove", "demo", "--yes")[0]
    assert not yard.demo.exists()
    assert ["up", "down"] == find_verbs(engine)[-2:]


def test_it_stays_in_docker(yard: Yard, engine: Path) -> None:
    """While the engine is away nothing else takes its place: two daemons would share a file."""
    yard.demo.mkdir(parents=True)
    (yard.demo / ".env").write_text("RUNS_IN='docker'\nRELEASED_IMAGE='registry.example/x:1'\n")
    code, _, err = yard.run("demo", "+123456789", "--runs-in", "process")
    assert 1 == code
    assert "demo runs in docker" in err
    code, _, err = yard.run("demo", "+123456789", "--faqs", "gone.json")
    assert 1 == code
    assert "gone.json is no file" in err
    assert ["run"] == find_verbs(engine), "its image is the one that it was made with"
    (engine / "engine").write_text("")
    code, _, err = yard.run("demo", "+123456789")
    assert 1 == code
    assert "no Docker engine" in err


def test_bad_faqs_leave_nothing_behind(yard: Yard, engine: Path) -> None:
    """They are read on the machine and refused in the container; a named image is not built."""
    image = "registry.example/released:1"
    (yard.checkout / "mine.json").write_text('[{"q": "", "a": "x"}]')
    code, out, err = yard.run("demo", "+123456789", "--faqs", "mine.json", RELEASED_IMAGE=image)
    assert (1, "") == (code, out)
    assert "entry 1" in err
    assert not yard.demo.exists()
    code, _, err = yard.run("demo", "+123456789", "--faqs", "gone.json", RELEASED_IMAGE=image)
    assert 1 == code
    assert "gone.json is no file" in err
    assert not yard.demo.exists()
    assert ["run", "run", "run"] == find_verbs(engine)


@pytest.mark.parametrize("about", ["", ROOTLESS, SHIFTED, DESKTOP])
def test_an_engine_apart_from_this_machine_is_left_alone(
    yard: Yard, engine: Path, about: str
) -> None:
    """Its users or its loopback are others: a container could not write or be reached."""
    (engine / "engine").write_text(about)
    (yard.checkout / "scripts/setup.sh").write_text("echo as a process >&2\nexit 1\n")
    assert (1, "", "as a process\n") == yard.run("demo", "+123456789")
    code, _, err = yard.run("demo", "+123456789", "--runs-in", "docker")
    assert 1 == code
    assert "no Docker engine of this machine answers" in err


def test_what_docker_cannot_name_is_refused(yard: Yard) -> None:
    """A project's name is in small letters; Demo and demo would be one."""
    code, _, err = yard.run("Demo", "+123456789")
    assert 2 == code
    assert "small letters" in err


def test_a_process_can_be_asked_for(yard: Yard, engine: Path) -> None:
    """Docker on the machine does not force anybody into it."""
    (yard.checkout / "scripts/setup.sh").write_text("echo as a process >&2\nexit 1\n")
    asked = yard.run("demo", "+123456789", "--runs-in", "process")
    assert (1, "", "as a process\n") == asked
    code, _, err = yard.run("demo", "+123456789", "--runs-in", "systemd")
    assert 1 == code
    assert "systemd does not run here" in err
    assert not (engine / "calls").exists()
