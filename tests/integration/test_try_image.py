"""`scripts/try_image.sh` with a stand-in for docker: an image is published only when it is well."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BASH = shutil.which("bash")

pytestmark = pytest.mark.skipif(BASH is None, reason="bash is not installed")

DOCKER = """#!/bin/sh
# A container that is well when it is asked the WELL_AFTER-th time.
echo "$*" >>"$SEEN"
case $1 in
exec)
    [ "$(grep -c '^exec' "$SEEN")" -ge "$WELL_AFTER" ] || { echo 'It does not answer.'; exit 1; } ;;
logs) echo 'what the daemon said' ;;
esac
"""


def try_image(folder: Path, **environ: str) -> tuple[int, str, list[str]]:
    """Exit code, stderr and what docker was asked."""
    docker = folder / "docker"
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    seen = folder / "seen"
    done = subprocess.run(
        [str(BASH), str(ROOT / "scripts/try_image.sh"), "released:tried"],
        env={"PATH": f"{folder}:{os.environ['PATH']}", "SEEN": str(seen)} | environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stderr, seen.read_text().splitlines()


def test_an_image_that_becomes_well_passes(tmp_path: Path) -> None:
    """It ran as closed as it will on a server, and is gone afterwards."""
    code, err, asked = try_image(tmp_path, WELL_AFTER="2")
    assert (0, "try: released:tried is well.\n") == (code, err)
    started, *_, ended = asked
    for option in ("--read-only", "--cap-drop ALL", "no-new-privileges"):
        assert option in started
    assert ended.startswith("rm --force --volumes released-tried-")


def test_an_image_that_does_not_become_well_fails(tmp_path: Path) -> None:
    """With what was wrong and what the daemon said; and is gone as well."""
    code, err, asked = try_image(tmp_path, WELL_AFTER="99", WAIT_S="0")
    assert 1 == code
    assert "try: released:tried is not well: It does not answer.\n" in err
    assert "rm --force --volumes" in asked[-1]
    assert any(line.startswith("logs released-tried-") for line in asked)
