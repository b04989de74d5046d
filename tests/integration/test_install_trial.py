"""The installer's side of a trial: begun with a change of the schema, ended on every way out."""

import re
from pathlib import Path

import pytest

from daemon.core.trial import SUFFIX, TRIAL_S
from tests.doubles.installer_parts import BASH, SCRIPTS, cut_out, run_part

pytestmark = pytest.mark.skipif(BASH is None, reason="bash is not installed")

INSTALLER = (SCRIPTS / "install.sh").read_text()


@pytest.mark.parametrize("verb", ["daemon-reload", "restart", "never"])
@pytest.mark.parametrize("signal", ["INT", "TERM"])
def test_an_installer_that_is_interrupted_leaves_no_trial(
    tmp_path: Path, signal: str, verb: str
) -> None:
    """Nobody would end it: what is started takes messages in, as far as it goes.

    By the trap that the closed door has left, or once the release is started by the next one.
    """
    for name, found in (("released.db", "6"), ("calls", "")):
        (tmp_path / name).write_text(found)
    before = f"""{cut_out("end_trial")}
{cut_out("back_up")}
{cut_out("begin_trial")}
say() {{ :; }}
on_machine() {{ :; }}
control() {{ echo "$*" >>"$state/calls"; [[ $1 != {verb} || ! -e $trial ]] || kill -{signal} $$; }}
in_database() {{ if [[ $1 == copy ]]; then cp "$2" "$3"; else echo "$1"; fi; }}
mkdir "{tmp_path}/backups"
dry=no changes_schema=no trial= state={tmp_path} release=0.2.0-20260401000000
back_up
begin_trial
[[ -e $state/released.db.on-trial ]]"""
    code, said = run_part("restart", before, "false")
    assert (0, "") != (code, said)
    assert not (tmp_path / "released.db.on-trial").exists()
    calls = (tmp_path / "calls").read_text().splitlines()
    assert "stop released.socket released.service" == calls[0]
    last = (
        "restart released.service" if verb == "never" else "start released.socket released.service"
    )
    assert last == calls[-1]


def test_a_release_with_the_same_schema_is_on_no_trial(tmp_path: Path) -> None:
    """There is no way back that loses anything: it takes messages in from the first moment on."""
    before = f"changes_schema=no trial= state={tmp_path}"
    assert (0, "") == run_part("begin_trial", before, "[[ -z $trial ]]")
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("is_over", [False, True])
def test_a_trial_ends_only_after_its_daemon_is_stopped(tmp_path: Path, *, is_over: bool) -> None:
    """Else it would begin to work before it is put back.

    One that was over by itself is told: what was taken in since then is in the database put aside.
    """
    for name in ("released.db", "before.db"):
        (tmp_path / name).write_text("same")
    trial = tmp_path / "released.db.on-trial"
    if not is_over:
        trial.touch()
    before = f"""{cut_out("end_trial")}
say() {{ echo "$*"; }}
control() {{ echo "$1 $([[ -e $trial ]] && echo on trial)"; }}
in_database() {{ cat "$2"; }}
switch_to() {{ :; }}
write_units() {{ :; }}
wait_until_well() {{ :; }}
origin={tmp_path} opt={tmp_path} journal=there why=unknown
trial={trial} state={tmp_path} copy={tmp_path}/before.db release=new former=old"""
    code, said = run_part("roll_back", before)
    told, stopped, *rest = [line.rstrip() for line in said.splitlines()]
    assert (1, "new is not well: going back to old") == (code, told)
    assert ("stop" if is_over else "stop on trial") == stopped
    over = "its trial was over before: what it took in since then is put aside with its database"
    assert [over] * is_over == [line for line in rest if "trial" in line]
    assert "start" in rest
    assert not trial.exists()


def test_the_installer_is_done_before_a_trial_ends_by_itself() -> None:
    """With its own wait for the new release, and a minute for slow starts and stops."""
    (waits,) = re.findall(r"HEALTH_S=\$\{HEALTH_S:-(\d+)\}", INSTALLER)
    (former_waits,) = re.findall(r"wait_until_well (\d+) ", INSTALLER)
    assert TRIAL_S >= float(waits) + float(former_waits) + 60


def test_installer_and_daemon_mean_the_same_file() -> None:
    """Else a trial would never begin, and nobody would see that."""
    assert f"trial=$state/released.db{SUFFIX}\n" in INSTALLER
