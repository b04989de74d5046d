"""How the daemon is run here is found out, and the command that is named is the right one."""

import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core.orders import (
    BY_COMPOSE,
    BY_HAND,
    BY_SYSTEMD,
    IMAGE_PREFIX,
    Machine,
    find_orders,
)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Make a machine that has nothing but programs."""
    units, runs = tmp_path / "units", tmp_path / "run"
    units.mkdir()
    return Machine((tmp_path / "none", units), runs, tmp_path / ".dockerenv", "/usr")


def test_without_anything_it_is_a_program(tmp_path: Path, machine: Machine) -> None:
    """A unit without systemd, and systemd without a unit, start nothing."""
    database = tmp_path / "released.db"
    assert BY_HAND == find_orders(database, machine)
    machine.systemd_runs.mkdir()
    assert BY_HAND == find_orders(database, machine)
    machine.systemd_runs.rmdir()
    (machine.unit_folders[1] / "released.service").touch()
    assert BY_HAND == find_orders(database, machine)


def test_with_unit_and_systemd(tmp_path: Path, machine: Machine) -> None:
    """Both are there after install.sh."""
    machine.systemd_runs.mkdir()
    (machine.unit_folders[1] / "released.service").touch()
    assert BY_SYSTEMD == find_orders(tmp_path / "released.db", machine)


def test_in_our_image(tmp_path: Path, machine: Machine) -> None:
    """Another container with a checkout in it is none of ours."""
    machine.in_docker.touch()
    database = tmp_path / "released.db"
    assert BY_HAND == find_orders(database, machine)
    assert BY_COMPOSE == find_orders(database, replace(machine, prefix=IMAGE_PREFIX))


def test_an_instance_is_begun_by_its_script(tmp_path: Path, machine: Machine) -> None:
    """Whatever else the machine has; the folder's name is the instance's."""
    home = tmp_path / "la plaza"
    home.mkdir()
    database = home / "released.db"
    (home / ".env").write_text("PORT='8081'\n")
    assert BY_HAND == find_orders(database, machine)
    (home / ".env").write_text("PORT='8081'\nPHONE_NUMBER_ID='1'\n")
    found = find_orders(database, machine)
    name = shlex.quote("la plaza")
    assert f"scripts/provision_client.sh {name} PHONE" == found.start
    assert f"scripts/provision_client.sh --stop {name}" == found.stop
    assert f"{found.stop} && {found.start}" == found.restart
    assert found.restart == found.reload


def test_a_plain_instance_is_reloaded_by_its_process(tmp_path: Path, machine: Machine) -> None:
    """One in a container is restarted, which takes up as much."""
    home = tmp_path / "la plaza"
    home.mkdir()
    (home / ".env").write_text("PHONE_NUMBER_ID='1'\n")
    (home / "daemon.pid").write_text("17\n4711\n")
    found = find_orders(home / "released.db", machine)
    assert (
        "17"
        == subprocess.run(
            ["sh", "-c", found.reload.replace("kill -HUP", "echo")],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout.strip()
    )
    assert found.reload.startswith("kill -HUP ")
